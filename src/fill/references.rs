//! References to secrets as documents make them, for `refs` and `doctor`: what is named, where, and what is done with
//! it. Nothing is read from a store.

use super::options::FillOptions;
use super::plan::{self, Content, EVERY_KEY, Fetch, FetchStep, Look, Part, Plan, Site};
use super::problems::Precision;
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
    /// The key; `*` for all of them, empty where only the secret is named.
    pub key: String,
    /// The modifiers, in order.
    pub modifiers: Vec<String>,
    /// Where it stands.
    pub place: Place,
    /// The object.
    pub object: Arc<ObjectRef>,
}

/// The references of documents in their order, and what is wrong with placeholders that name none.
pub fn of(
    documents: &[Document],
    options: &FillOptions,
    cx: &Cx,
) -> Result<(Vec<Reference>, Vec<Diagnostic>), Failure> {
    let mut plan = plan::plan(documents, options, Look::Fillable, cx)?;
    let problems = std::mem::take(&mut plan.problems).finish();
    let mut look = Search { documents, plan: &plan, options, found: Vec::new() };
    let mut named = vec![false; plan.wanted.len()];
    for (number, filling) in plan.fillings() {
        for site in &filling.sites {
            look.parts(number, site, &site.parts, false);
        }
        for all in &filling.all_keys {
            let place = super::locate::of_document(&documents[number]);
            look.add(all.secret, EVERY_KEY, Vec::new(), place, &all.object);
        }
    }
    for reference in &look.found {
        named[reference.0] = true;
    }
    // An annotation that names a secret of which no key is used.
    for (number, wanted) in plan.wanted.iter().enumerate().filter(|(number, _)| !named[*number]) {
        let place = documents.get(wanted.first.order.0).map(super::locate::of_document).unwrap_or_default();
        look.add(number, "", Vec::new(), place, &wanted.first.object);
    }
    Ok((look.found.into_iter().map(|(_, reference)| reference).collect(), problems))
}

struct Search<'p> {
    documents: &'p [Document],
    plan: &'p Plan,
    options: &'p FillOptions,
    found: Vec<(usize, Reference)>,
}

impl Search<'_> {
    fn parts(&mut self, number: usize, site: &Site, parts: &[Part], inside: bool) {
        for part in parts {
            match &part.content {
                Content::Value(fetch) => self.fetch(number, site, (!inside).then_some(part), fetch),
                // It was only a guess that it is a key.
                Content::Encoded { guess: true, .. } => {}
                Content::Encoded { parts, .. } => self.parts(number, site, parts, true),
            }
        }
    }

    fn fetch(&mut self, number: usize, site: &Site, part: Option<&Part>, fetch: &Fetch) {
        let name = |step: &FetchStep| match step {
            FetchStep::Apply(action) => action.name().to_owned(),
            FetchStep::Or(_) => super::modifiers::DEFAULT.to_owned(),
        };
        let precision =
            Precision { exact: true, number: self.found.len() + 1, sources: self.options.sources.as_deref() };
        let place = site.place(&self.documents[number], part.map(|part| &part.span), precision);
        self.add(fetch.secret, &fetch.key, fetch.steps.iter().map(name).collect(), place, &site.object);
        for step in &fetch.steps {
            if let FetchStep::Or(other) = step {
                self.fetch(number, site, part, other);
            }
        }
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
        let reference = Reference {
            secret: wanted.secret.clone(),
            key: key.to_owned(),
            modifiers,
            place: Place { source_line: None, ..place },
            object: Arc::clone(object),
        };
        self.found.push((secret, reference));
    }
}
