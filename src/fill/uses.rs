//! Which secrets documents name, and where, without a store.

use super::FillOptions;
use super::locate::path_text;
use super::plan::{self, By, Look};
use crate::report::Failure;
use keyfill_diag::{Cx, ObjectRef};
use keyfill_secrets::SecretRef;
use keyfill_yaml::Document;
use std::sync::Arc;

/// A key of a secret that a document names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretUse {
    /// Which of the documents, counted from 0.
    pub document: usize,
    /// The object that names it.
    pub object: Arc<ObjectRef>,
    /// The field that holds the placeholder.
    pub field: String,
    /// The secret.
    pub secret: SecretRef,
    /// The key; `*` for all keys.
    pub key: String,
}

/// Every key of a secret that the documents name, in their order. What cannot be understood is left out: `check` says
/// what is wrong.
pub fn uses(documents: &[Document], options: &FillOptions, cx: &Cx) -> Result<Vec<SecretUse>, Failure> {
    let plan = plan::plan(documents, options, Look::Fillable, cx)?;
    let found = plan.named().into_iter().filter_map(|named| {
        let path = match named.by {
            By::Placeholder(site, _) => &site.path,
            By::AllKeys(all) => &all.root,
        };
        Some(SecretUse {
            document: named.document,
            object: Arc::clone(named.object),
            field: path_text(path),
            secret: plan.wanted.get(named.secret)?.secret.clone(),
            key: named.key.to_owned(),
        })
    });
    Ok(found.collect())
}
