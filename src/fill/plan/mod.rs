//! The plan of a run: every placeholder of every document, and the distinct secrets that they refer to.
//!
//! Nothing is read from a store here. All errors that do not depend on a store are found: syntax, modifiers and
//! their arguments, annotations, path templates, paths that the policy does not allow.

mod named;
mod parts;
mod references;
mod resource;
mod walk;

pub use named::{By, Named};
pub use walk::count_strings;

use super::encoded::Codec;
use super::locate::{self, Key, Token};
use super::modifiers::Action;
use super::options::FillOptions;
use super::problems::{Order, Precision, Problems};
use crate::report::Failure;
use keyfill_diag::{Class, Cx, Diagnostic, ObjectRef, Place, Stopped};
use keyfill_secrets::{Keys, SecretRef};
use keyfill_yaml::{Document, Value};
use std::ops::Range;
use std::sync::Arc;

/// The most secrets that a run may read: far more than an app has, but few enough to be read before the deadline.
pub const MOST_SECRETS: usize = 20_000;

/// The error message for a run that needs more than [`MOST_SECRETS`].
pub fn too_many_secrets() -> String {
    format!("the app asks for more than {MOST_SECRETS} secrets: split it")
}

/// Which documents are parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Documents that may contain a placeholder; in compatibility with AVP, all.
    Fillable,
    /// All documents, to check them and not to fill them.
    All,
}

/// The plan of a run.
#[derive(Debug, Default)]
pub struct Plan {
    /// One entry for each document, in the order of the stream.
    pub documents: Vec<Planned>,
    /// The distinct secrets. `Fetch::secret` and `AllKeys::secret` are indexes into this list.
    pub wanted: Vec<Wanted>,
    /// Errors: the run must not go on.
    pub problems: Problems,
    /// Problems that do not end the run.
    pub warnings: Problems,
}

/// A secret that is read once.
#[derive(Debug)]
pub struct Wanted {
    /// The secret.
    pub secret: SecretRef,
    /// The keys of it that are used.
    pub keys: Keys,
    /// The first reference to it.
    pub first: Use,
    /// The first reference to it without a default; `None` if every use has a default or is to be removed.
    pub required: Option<Use>,
}

/// A reference to a secret in a document.
#[derive(Clone, Debug)]
pub struct Use {
    /// Its position in the order of problems.
    pub order: Order,
    /// The path in the document.
    pub path: Vec<Key>,
    /// The placeholder; `None` if the secret is named by the path annotation.
    pub token: Option<Vec<u8>>,
    /// The object that contains it.
    pub object: Arc<ObjectRef>,
}

/// What the plan does with a document.
#[derive(Debug)]
pub enum Planned {
    /// The document is printed byte for byte as it was read.
    AsIs,
    /// The document is empty and left out.
    Nothing,
    /// The document has nothing to fill and was encoded again.
    Printed(Vec<u8>),
    /// The document has placeholders, which are to be filled.
    Fill(Box<Filling>),
}

/// A document that is to be filled.
#[derive(Debug)]
pub struct Filling {
    /// The decoded document.
    pub value: Value,
    /// Its strings with placeholders.
    pub sites: Vec<Site>,
    /// Its objects to which every key of a secret is added.
    pub all_keys: Vec<AllKeys>,
}

/// A string with placeholders, which may be a mapping's key.
#[derive(Debug)]
pub struct Site {
    /// The number of strings before it in the document, keys of mappings included.
    pub ordinal: usize,
    /// Its path; that of a mapping's key is the path of the key's value.
    pub path: Vec<Key>,
    /// Whether it is a mapping's key.
    pub is_key: bool,
    /// Its text.
    pub text: Vec<u8>,
    /// The placeholders, in order.
    pub parts: Vec<Part>,
    /// The type of value that is allowed there.
    pub place: SitePlace,
    /// Whether it is removed if a secret's key is missing.
    pub removable: bool,
    /// The object that it is a part of.
    pub object: Arc<ObjectRef>,
}

/// The type of value that is allowed at the position of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SitePlace {
    /// Any value.
    Any,
    /// A string: an entry of a ConfigMap, or of a Secret's `stringData`.
    Text,
    /// A string of base64: an entry of a Secret's `data`.
    Base64,
    /// A mapping of strings: `data` of a ConfigMap, `stringData` of a Secret.
    TextSection,
    /// A mapping of base64: `data` of a Secret.
    Base64Section,
}

/// A placeholder in a string, or an encoded text with placeholders in it.
#[derive(Debug)]
pub struct Part {
    /// Its position in the string, in bytes.
    pub span: Range<usize>,
    /// Its content.
    pub content: Content,
}

/// The content of a part of a string.
#[derive(Debug)]
pub enum Content {
    /// A placeholder.
    Value(Box<Fetch>),
    /// An encoded text.
    Encoded {
        /// How it is encoded.
        codec: Codec,
        /// The decoded text.
        text: Vec<u8>,
        /// The placeholders in the decoded text.
        parts: Vec<Part>,
        /// The text is only guessed to be a placeholder: it is not changed if the secret has no such key.
        guess: bool,
    },
}

/// A placeholder's value: a key of a secret, and the modifiers.
#[derive(Debug)]
pub struct Fetch {
    /// The placeholder, for errors.
    pub token: Vec<u8>,
    /// Index of the secret in [`Plan::wanted`].
    pub secret: usize,
    /// The key; `*` for all keys.
    pub key: String,
    /// The modifiers, in order.
    pub steps: Vec<FetchStep>,
}

/// One step that is applied to a value.
#[derive(Debug)]
pub enum FetchStep {
    /// A modifier.
    Apply(Action),
    /// `default` with a placeholder as its argument, whose value replaces a missing one.
    Or(Box<Fetch>),
}

/// An object to which every key of a secret is added.
#[derive(Debug)]
pub struct AllKeys {
    /// The path of the object in its document.
    pub root: Vec<Key>,
    /// Its position in the order of problems.
    pub order: Order,
    /// Index of the secret in [`Plan::wanted`].
    pub secret: usize,
    /// The prefix of the added names.
    pub prefix: String,
    /// The keys that are not added.
    pub except: Vec<String>,
    /// Whether the object is a Secret, whose values are encoded in base64.
    pub is_secret: bool,
    /// The object's kind and name.
    pub object: Arc<ObjectRef>,
}

/// The key that means all keys of a secret.
pub const EVERY_KEY: &str = "*";

impl Plan {
    /// The secrets to read, each with the keys of it that are used.
    pub fn references(&self) -> Vec<(SecretRef, Keys)> {
        self.wanted.iter().map(|wanted| (wanted.secret.clone(), wanted.keys.clone())).collect()
    }

    /// The documents that are filled, each with its index.
    pub fn fillings(&self) -> impl Iterator<Item = (usize, &Filling)> {
        self.documents.iter().enumerate().filter_map(|(number, planned)| match planned {
            Planned::Fill(filling) => Some((number, &**filling)),
            _ => None,
        })
    }

    /// The number of placeholders.
    pub fn placeholders(&self) -> usize {
        fn count(parts: &[Part]) -> usize {
            parts
                .iter()
                .map(|part| match &part.content {
                    Content::Value(_) => 1,
                    Content::Encoded { parts, .. } => count(parts),
                })
                .sum()
        }
        self.fillings().flat_map(|(_, filling)| &filling.sites).map(|site| count(&site.parts)).sum()
    }
}

impl Fetch {
    /// Whether a default follows, so that a value that is missing before this step is replaced.
    pub fn has_default(&self, step: usize) -> bool {
        self.steps[step.min(self.steps.len())..].iter().any(|step| match step {
            FetchStep::Apply(action) => action.is_default(),
            FetchStep::Or(_) => true,
        })
    }

    /// Whether it refers to all keys of the secret, without modifiers.
    pub fn is_every_key(&self) -> bool {
        self.key == EVERY_KEY && self.steps.is_empty()
    }
}

impl Site {
    /// The position of a part of the text in the document.
    pub fn place(&self, document: &Document, span: Option<&Range<usize>>, exact: Precision<'_>) -> Place {
        let token = span.map(|span| {
            let text = &self.text[span.clone()];
            let nth = if exact.exact {
                memchr::memmem::find_iter(&self.text[..span.start], text).count()
            } else {
                0
            };
            Token { text, nth }
        });
        locate::place(document, &self.path, self.is_key, token, exact)
    }
}

impl Use {
    /// The position of the reference in the document.
    pub fn place(&self, document: &Document, exact: Precision<'_>) -> Place {
        let token = self.token.as_deref().map(|text| Token { text, nth: 0 });
        locate::place(document, &self.path, false, token, exact)
    }
}

/// The longest kind, namespace or name in problems, in bytes: four times what Kubernetes allows.
const MOST_NAME: usize = 1 << 10;

/// The object that a value describes.
fn object_of(value: &Value) -> ObjectRef {
    // Each problem keeps a copy, so that the texts are cut off.
    let text = |path: &[&str]| {
        let text = value.at(path).and_then(Value::as_str).unwrap_or_default();
        text[..text.floor_char_boundary(MOST_NAME)].to_owned()
    };
    ObjectRef {
        kind: text(&["kind"]),
        namespace: text(&["metadata", "namespace"]),
        name: text(&["metadata", "name"]),
    }
}

/// Adds the object that a diagnostic is about.
pub fn of_object(diagnostic: Diagnostic, object: &ObjectRef) -> Diagnostic {
    diagnostic.about(ObjectRef::new(object.kind.as_str(), object.namespace.as_str(), object.name.as_str()))
}

/// A placeholder's text as errors show it: on one line, cut off after 120 characters.
pub fn shown(token: &[u8]) -> String {
    const MOST: usize = 120;
    // Text that will be cut off is not processed, since it may be long.
    let token = &token[..token.len().min(8 * MOST)];
    let text: String = String::from_utf8_lossy(token).split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Plans a run over all documents.
pub fn plan(documents: &[Document], options: &FillOptions, look: Look, cx: &Cx) -> Result<Plan, Failure> {
    let mut planner = walk::Planner::new(options, look, cx);
    for (number, document) in documents.iter().enumerate() {
        let planned = planner.document(number, document).map_err(|why| stopped(&why))?;
        planner.plan.documents.push(planned);
    }
    planned(planner)
}

/// Plans a run over decoded documents. Their text is not available, so that problems get the position of `nowhere`.
pub fn plan_values(
    values: Vec<Value>,
    nowhere: &Document,
    options: &FillOptions,
    cx: &Cx,
) -> Result<Plan, Failure> {
    let mut planner = walk::Planner::new(options, Look::Fillable, cx);
    for (number, value) in values.into_iter().enumerate() {
        let planned = planner.value_of(number, nowhere, value).map_err(|why| stopped(&why))?;
        planner.plan.documents.push(planned);
    }
    planned(planner)
}

fn stopped(why: &Stopped) -> Failure {
    Diagnostic::error(Class::Other, format!("stopped while looking for placeholders: {why}")).into()
}

fn planned(planner: walk::Planner<'_>) -> Result<Plan, Failure> {
    if planner.too_many {
        return Err(Diagnostic::error(Class::Forbidden, too_many_secrets()).into());
    }
    let (plan, options) = (planner.plan, planner.options);
    // AVP evaluates the expression only if there is an object.
    if plan.documents.iter().any(|planned| !matches!(planned, Planned::Nothing)) {
        options.policy.verify()?;
    }
    Ok(plan)
}
