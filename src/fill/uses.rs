//! Which secrets documents name, and where: told without a store.

use super::FillOptions;
use super::locate::path_text;
use super::plan::{self, AllKeys, Content, EVERY_KEY, Fetch, FetchStep, Look, Part, Plan, Site};
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
    let mut found = Vec::new();
    for (document, filling) in plan.fillings() {
        for site in &filling.sites {
            of_parts(&plan, document, site, &site.parts, &mut found);
        }
        found.extend(filling.all_keys.iter().map(|all| of_all_keys(&plan, document, all)));
    }
    Ok(found)
}

fn of_parts(plan: &Plan, document: usize, site: &Site, parts: &[Part], found: &mut Vec<SecretUse>) {
    for part in parts {
        match &part.content {
            Content::Value(fetch) => of_fetch(plan, document, site, fetch, found),
            Content::Encoded { parts, .. } => of_parts(plan, document, site, parts, found),
        }
    }
}

fn of_fetch(plan: &Plan, document: usize, site: &Site, fetch: &Fetch, found: &mut Vec<SecretUse>) {
    if let Some(wanted) = plan.wanted.get(fetch.secret) {
        found.push(SecretUse {
            document,
            object: Arc::clone(&site.object),
            field: path_text(&site.path),
            secret: wanted.secret.clone(),
            key: fetch.key.clone(),
        });
    }
    for step in &fetch.steps {
        if let FetchStep::Or(other) = step {
            of_fetch(plan, document, site, other, found);
        }
    }
}

fn of_all_keys(plan: &Plan, document: usize, all: &AllKeys) -> SecretUse {
    let secret = plan.wanted.get(all.secret).map(|wanted| wanted.secret.clone());
    SecretUse {
        document,
        object: Arc::clone(&all.object),
        field: path_text(&all.root),
        secret: secret.unwrap_or_else(|| SecretRef::latest("")),
        key: EVERY_KEY.to_owned(),
    }
}
