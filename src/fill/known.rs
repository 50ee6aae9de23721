//! For `check`: whether the secrets and keys that the placeholders name exist.

use super::missing::{Answer, failed_reads, missing_key};
use super::plan::{Content, EVERY_KEY, Fetch, FetchStep, Part, Plan, Site, of_object};
use super::problems::Problems;
use super::stores::SEPARATOR;
use keyfill_diag::Class;
use keyfill_secrets::{Keys, SecretRef};
use keyfill_yaml::Document;

/// Reports secrets and keys that do not exist. A key may be missing where a `default` replaces it or the entry is
/// to be removed. A key with the value null exists: a list of key names needs no values.
pub fn missing(documents: &[Document], plan: &Plan, answers: &[Answer], problems: &mut Problems) {
    failed_reads(documents, &plan.wanted, answers, problems);
    let mut look = Look { plan, answers, problems };
    for (number, filling) in plan.fillings() {
        for site in &filling.sites {
            look.parts((number, &documents[number]), site, &site.parts, false);
        }
    }
}

/// The secrets under the names that the file of known secrets uses: as in placeholders, with the store's name
/// before the path.
pub fn by_full_names(references: Vec<(SecretRef, Keys)>) -> Vec<(SecretRef, Keys)> {
    let full = |secret: SecretRef| match &secret.store {
        Some(store) => {
            SecretRef { path: format!("{store}{SEPARATOR}{}", secret.path), store: None, ..secret }
        }
        None => secret,
    };
    references.into_iter().map(|(secret, keys)| (full(secret), keys)).collect()
}

struct Look<'p> {
    plan: &'p Plan,
    answers: &'p [Answer],
    problems: &'p mut Problems,
}

impl Look<'_> {
    fn parts(&mut self, document: (usize, &Document), site: &Site, parts: &[Part], inside: bool) {
        for part in parts {
            match &part.content {
                Content::Value(fetch) => self.fetch(document, site, (!inside).then_some(part), fetch),
                // The text was only guessed to be a placeholder.
                Content::Encoded { guess: true, .. } => {}
                Content::Encoded { parts, .. } => self.parts(document, site, parts, true),
            }
        }
    }

    fn fetch(&mut self, document: (usize, &Document), site: &Site, part: Option<&Part>, fetch: &Fetch) {
        for step in &fetch.steps {
            if let FetchStep::Or(other) = step {
                self.fetch(document, site, part, other);
            }
        }
        let Ok(data) = &self.answers[fetch.secret] else { return };
        if site.removable || fetch.has_default(0) || fetch.key == EVERY_KEY || data.get(&fetch.key).is_some()
        {
            return;
        }
        let secret = &self.plan.wanted[fetch.secret].secret;
        let order = (document.0, site.ordinal, part.map_or(0, |part| part.span.start));
        self.problems.add(order, Class::Missing, |exact| {
            let place = site.place(document.1, part.map(|part| &part.span), exact);
            of_object(missing_key(&fetch.token, &fetch.key, secret, data).at(place), &site.object)
        });
    }
}
