//! The references to secrets in documents, for `refs` and `doctor`: the secret, the position, and the modifiers.
//! Nothing is read from a store.

use super::options::FillOptions;
use super::plan::{self, By, FetchStep, Look, Named, Plan};
use super::problems::Precision;
use super::{locate, modifiers};
use crate::report::Failure;
use keyfill_diag::{Cx, Diagnostic, ObjectRef, Place};
use keyfill_secrets::SecretRef;
use keyfill_yaml::Document;
use std::sync::Arc;

/// One reference to a key of a secret.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The secret.
    pub secret: SecretRef,
    /// The key; `*` for all keys, empty if no key of the secret is used.
    pub key: String,
    /// The modifiers, in order.
    pub modifiers: Vec<String>,
    /// The position of the reference.
    pub place: Place,
    /// The object that contains it.
    pub object: Arc<ObjectRef>,
}

/// The references in the order of the documents, and the errors in placeholders that could not be understood.
pub fn of(
    documents: &[Document],
    options: &FillOptions,
    cx: &Cx,
) -> Result<(Vec<Reference>, Vec<Diagnostic>), Failure> {
    let mut plan = plan::plan(documents, options, Look::Fillable, cx)?;
    let problems = std::mem::take(&mut plan.problems).finish();
    let mut search = Search { documents, plan: &plan, options, found: Vec::new() };
    let mut named = vec![false; plan.wanted.len()];
    for found in plan.named() {
        if let Some(named) = named.get_mut(found.secret) {
            *named = true;
        }
        search.named(&found);
    }
    // Secrets of path annotations of which no key is used.
    for (number, wanted) in plan.wanted.iter().enumerate().filter(|(number, _)| !named[*number]) {
        let place = documents.get(wanted.first.order.0).map(locate::of_document).unwrap_or_default();
        search.add(number, "", Vec::new(), place, &wanted.first.object);
    }
    Ok((search.found, problems))
}

struct Search<'p> {
    documents: &'p [Document],
    plan: &'p Plan,
    options: &'p FillOptions,
    found: Vec<Reference>,
}

impl Search<'_> {
    fn named(&mut self, named: &Named<'_>) {
        let document = &self.documents[named.document];
        let place = match named.by {
            By::Placeholder(site, part) => {
                let (number, sources) = (self.found.len() + 1, self.options.sources.as_deref());
                site.place(document, part.map(|part| &part.span), Precision { exact: true, number, sources })
            }
            By::AllKeys(_) => locate::of_document(document),
        };
        let name = |step: &FetchStep| match step {
            FetchStep::Apply(action) => action.name().to_owned(),
            FetchStep::Or(_) => modifiers::DEFAULT.to_owned(),
        };
        self.add(named.secret, named.key, named.steps.iter().map(name).collect(), place, named.object);
    }

    fn add(
        &mut self,
        secret: usize,
        key: &str,
        modifiers: Vec<String>,
        place: Place,
        object: &Arc<ObjectRef>,
    ) {
        let Some(wanted) = self.plan.wanted.get(secret) else { return };
        self.found.push(Reference {
            secret: wanted.secret.clone(),
            key: key.to_owned(),
            modifiers,
            place: Place { source_line: None, ..place },
            object: Arc::clone(object),
        });
    }
}
