//! Lists every key of a secret that a plan refers to, and where, for commands that only report references.

use super::{AllKeys, Content, EVERY_KEY, Fetch, FetchStep, Part, Plan, Site};
use keyfill_diag::ObjectRef;
use std::sync::Arc;

/// A reference to a key of a secret in a document.
#[derive(Clone, Copy, Debug)]
pub struct Named<'p> {
    /// Index of the document, counted from 0.
    pub document: usize,
    /// The object that contains the reference.
    pub object: &'p Arc<ObjectRef>,
    /// The placeholder or the annotation that refers to it.
    pub by: By<'p>,
    /// Index of the secret in [`Plan::wanted`].
    pub secret: usize,
    /// The key; `*` for all keys.
    pub key: &'p str,
    /// The modifiers, in order.
    pub steps: &'p [FetchStep],
}

/// The kind of a reference to a key.
#[derive(Clone, Copy, Debug)]
pub enum By<'p> {
    /// A placeholder in a string. The part gives its position in the string; `None` inside an encoded text, in
    /// which a position is of no use to a reader.
    Placeholder(&'p Site, Option<&'p Part>),
    /// The annotation that adds every key.
    AllKeys(&'p AllKeys),
}

impl Plan {
    /// The references, in the order of the documents. Texts that were only guessed to be placeholders are left
    /// out, since it depends on the secret whether they are.
    pub fn named(&self) -> Vec<Named<'_>> {
        let mut found = Vec::new();
        for (document, filling) in self.fillings() {
            for site in &filling.sites {
                Walk { document, site, found: &mut found }.parts(&site.parts, false);
            }
            found.extend(filling.all_keys.iter().map(|all| Named {
                document,
                object: &all.object,
                by: By::AllKeys(all),
                secret: all.secret,
                key: EVERY_KEY,
                steps: &[],
            }));
        }
        found
    }
}

/// The walk through one string.
struct Walk<'p, 'f> {
    document: usize,
    site: &'p Site,
    found: &'f mut Vec<Named<'p>>,
}

impl<'p> Walk<'p, '_> {
    fn parts(&mut self, parts: &'p [Part], inside: bool) {
        for part in parts {
            match &part.content {
                Content::Value(fetch) => self.fetch((!inside).then_some(part), fetch),
                Content::Encoded { guess: true, .. } => {}
                Content::Encoded { parts, .. } => self.parts(parts, true),
            }
        }
    }

    fn fetch(&mut self, part: Option<&'p Part>, fetch: &'p Fetch) {
        self.found.push(Named {
            document: self.document,
            object: &self.site.object,
            by: By::Placeholder(self.site, part),
            secret: fetch.secret,
            key: &fetch.key,
            steps: &fetch.steps,
        });
        for step in &fetch.steps {
            if let FetchStep::Or(other) = step {
                self.fetch(part, other);
            }
        }
    }
}
