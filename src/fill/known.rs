//! For `check`: do the secrets and keys exist that the placeholders name?

use super::missing::{Answer, failed_reads, missing_key};
use super::plan::Plan;
use keyfill_diag::Diagnostic;
use keyfill_yaml::Document;

/// The secrets and keys that are not there. A key may be missing where a `default` stands in or the entry
/// is to be left out. A key without a value (null) counts as there: a list of names needs no values.
pub fn missing(documents: &[Document], plan: &Plan, answers: &[Answer]) -> Vec<Diagnostic> {
    let mut diagnostics = failed_reads(documents, plan, answers);
    for (number, site) in plan.sites() {
        for part in &site.parts {
            let Ok(data) = &answers[part.secret] else { continue };
            let optional = site.removable || part.actions.iter().any(|action| action.name() == "default");
            if data.get(&part.key).is_none() && !optional {
                let secret = &plan.wanted[part.secret].secret;
                let place = site.place(&documents[number], &part.span, diagnostics.len());
                diagnostics.push(missing_key(site, part, secret, data).at(place));
            }
        }
    }
    diagnostics
}
