//! The fill stage: replaces placeholders with secret values.
//!
//! [`fill`] works in three steps. [`plan`] finds every placeholder of every document and collects the distinct
//! secrets; each secret is read once, all concurrently; [`apply`] inserts the values. Problems are collected: a
//! run reports all of them together, each with its position.
//!
//! A document without placeholders is printed byte for byte as it was read. Only in compatibility with
//! argocd-vault-plugin (AVP) every document is encoded again. Most documents are not even parsed: [`scan`] decides
//! which ones are.

pub mod annotations;
mod apply;
mod datum;
mod encoded;
mod json;
pub mod jsonpath;
mod known;
mod locate;
mod missing;
pub mod modifiers;
mod options;
mod path_template;
pub mod paths;
pub mod placeholder;
pub mod plain;
mod plan;
pub mod policy;
mod problems;
pub mod references;
pub mod scan;
pub mod stores;
pub mod uses;
mod vals;
pub mod values;

pub use options::{FillOptions, Print, Sources};
pub use plan::{MOST_SECRETS, too_many_secrets};
pub use policy::PathPolicy;
pub use stores::StoreKinds;

use crate::report::Failure;
use bytes::Bytes;
use keyfill_diag::{Cx, Diagnostic, Place};
use keyfill_secrets::Reads;
use keyfill_yaml::{Body, Document, Origin, Value};

/// The result of the fill stage.
#[derive(Debug, Default)]
pub struct Filled {
    /// The documents in their order. In compatibility with AVP, empty ones are removed.
    pub documents: Vec<Document>,
    /// Problems that do not end the run.
    pub warnings: Vec<Diagnostic>,
    /// For each of `documents`, whether it had placeholders.
    pub filled: Vec<bool>,
    /// The number of placeholders in all documents.
    pub placeholders: usize,
}

/// Fills the placeholders of all documents. It must run inside a tokio runtime with IO and time enabled.
///
/// On an error nothing of the result may be printed; the error holds every problem that was found.
pub async fn fill(
    documents: Vec<Document>,
    options: &FillOptions,
    reads: &Reads,
    cx: &Cx,
) -> Result<Filled, Failure> {
    let plan = plan::plan(&documents, options, plan::Look::Fillable, cx)?;
    // After an error of the path policy or of the syntax no secret is read at all.
    if !plan.problems.is_empty() {
        return Err(Failure::new(plan.problems.finish()));
    }
    let placeholders = plan.placeholders();
    let answers = reads.read_all_keys(&plan.references(), cx).await;
    let applied = apply::apply(&documents, plan, &answers, options, cx)?;
    let warnings = applied.warnings.finish();
    let (mut documents, filled): (Vec<Document>, Vec<bool>) = documents
        .into_iter()
        .zip(applied.documents)
        .filter_map(|(document, applied)| {
            let printed = |text: Vec<u8>| Document { body: Body::Raw(text.into()), ..document.clone() };
            match applied {
                apply::Applied::Filled(text) => Some((printed(text), true)),
                apply::Applied::Printed(text) => Some((printed(text), false)),
                apply::Applied::AsIs => Some((document, false)),
                apply::Applied::Nothing => None,
            }
        })
        .unzip();
    if options.compat_avp {
        frame_as_avp(&mut documents);
    }
    Ok(Filled { documents, warnings, filled, placeholders })
}

/// Fills documents that are given by their values, and returns the JSON of each. Compatibility with AVP must be off.
///
/// Returns `None` when there is an error or a warning to report. A report needs positions, which values do not
/// have: the caller then runs [`fill`] on the documents, which reports the problem.
#[cfg_attr(not(unix), allow(dead_code, reason = "only serve has documents as values"))]
pub async fn fill_values(
    values: Vec<Value>,
    options: &FillOptions,
    reads: &Reads,
    cx: &Cx,
) -> Option<Vec<Vec<u8>>> {
    debug_assert!(!options.compat_avp && options.print == Print::Json);
    let nowhere = Document { before: Bytes::new(), body: Body::Raw(Bytes::new()), origin: Origin::default() };
    let plan = plan::plan_values(values, &nowhere, options, cx).ok()?;
    if !plan.problems.is_empty() || !plan.warnings.is_empty() {
        return None;
    }
    let answers = reads.read_all_keys(&plan.references(), cx).await;
    let documents = vec![nowhere; plan.documents.len()];
    let applied = apply::apply(&documents, plan, &answers, options, cx).ok()?;
    if !applied.warnings.is_empty() {
        return None;
    }
    let json = applied.documents.into_iter().map(|applied| match applied {
        apply::Applied::Filled(json) | apply::Applied::Printed(json) => Some(json),
        apply::Applied::AsIs | apply::Applied::Nothing => None,
    });
    json.collect()
}

/// AVP ends each document with a separator and begins none with one.
fn frame_as_avp(documents: &mut [Document]) {
    const SEPARATOR: &[u8] = b"---\n";
    for (number, document) in documents.iter_mut().enumerate() {
        document.before = if number == 0 { Bytes::new() } else { Bytes::from_static(SEPARATOR) };
    }
    if let Some(Document { body: Body::Raw(text), .. }) = documents.last_mut() {
        *text = [text, SEPARATOR].concat().into();
    }
}

/// Checks every document without a store: each must be valid YAML, each placeholder well formed, each modifier and
/// annotation known. With `known`, a source that lists the existing secrets (a file with paths and keys), paths
/// and keys are looked up there too. Warnings and errors are in document order.
pub async fn check(
    documents: &[Document],
    options: &FillOptions,
    known: Option<&Reads>,
    cx: &Cx,
) -> Vec<Diagnostic> {
    let mut plan = match plan::plan(documents, options, plan::Look::All, cx) {
        Ok(plan) => plan,
        Err(error) => return error.into_problems(),
    };
    let mut problems = std::mem::take(&mut plan.problems);
    let mut diagnostics = std::mem::take(&mut plan.warnings).finish();
    if let Some(known) = known {
        let answers = known.read_all_keys(&known::by_full_names(plan.references()), cx).await;
        known::missing(documents, &plan, &answers, &mut problems);
    }
    diagnostics.extend(problems.finish());
    // In the order of the documents. Diagnostics without a position, which count problems that are not shown, come
    // last.
    diagnostics
        .sort_by_key(|d| (d.place == Place::default(), d.place.document, d.place.line, d.place.column));
    diagnostics
}

#[cfg(test)]
mod tests;
