//! Every key of a secret that a plan names, and where: one walk for all who only want to know.

use super::{AllKeys, Content, EVERY_KEY, Fetch, FetchStep, Part, Plan, Site};
use keyfill_diag::ObjectRef;
use std::sync::Arc;

/// A key of a secret, named in a document.
#[derive(Clone, Copy, Debug)]
pub struct Named<'p> {
    /// Which of the documents, counted from 0.
    pub document: usize,
    /// The object that names it.
    pub object: &'p Arc<ObjectRef>,
    /// What it is named by.
    pub by: By<'p>,
    /// Which of the wanted secrets.
    pub secret: usize,
    /// The key; `*` for all of them.
    pub key: &'p str,
    /// What is done with the value.
    pub steps: &'p [FetchStep],
}

/// What names a key.
#[derive(Clone, Copy, Debug)]
pub enum By<'p> {
    /// A placeholder of a string. The part says where in the string; none inside an encoded text, which has no place
    /// that a person could look at.
    Placeholder(&'p Site, Option<&'p Part>),
    /// The annotation that adds every key.
    AllKeys(&'p AllKeys),
}

impl Plan {
    /// The keys that are named, in the order of the documents. A text inside an encoded one that only might be a key
    /// is none: whether it is one depends on the secret.
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
