//! Lists which secrets documents refer to, and where, without a store.

use super::FillOptions;
use super::locate::path_text;
use super::plan::{self, By, Look};
use crate::report::Failure;
use keyfill_diag::{Cx, ObjectRef};
use keyfill_secrets::SecretRef;
use keyfill_yaml::Document;
use std::sync::Arc;

/// A reference to a key of a secret in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretUse {
    /// Index of the document, counted from 0.
    pub document: usize,
    /// The object that contains the reference.
    pub object: Arc<ObjectRef>,
    /// The path of the field with the placeholder.
    pub field: String,
    /// The secret.
    pub secret: SecretRef,
    /// The key; `*` for all keys.
    pub key: String,
}

/// The references in the order of the documents. Placeholders that cannot be parsed are left out; `check` reports
/// them.
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
