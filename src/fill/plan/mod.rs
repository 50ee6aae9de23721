//! What a run has to do: every placeholder of every document, and the distinct secrets they name.
//!
//! Nothing is read from a store here. All that can be wrong without one is found: syntax, modifiers and
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

/// Secrets that a run may ask for: far above what an app has, and little enough to be read in time.
pub const MOST_SECRETS: usize = 20_000;

/// What is said of a run that asks for more.
pub fn too_many_secrets() -> String {
    format!("the app asks for more than {MOST_SECRETS} secrets: split it")
}

/// Which documents are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Those that may hold a placeholder; with AVP's habits, all.
    Fillable,
    /// All, to be checked and not filled.
    All,
}

/// What a run has to do.
#[derive(Debug, Default)]
pub struct Plan {
    /// For each document, in their order.
    pub documents: Vec<Planned>,
    /// The distinct secrets.
    pub wanted: Vec<Wanted>,
    /// What was found wrong.
    pub problems: Problems,
    /// What a person should know though the run goes on.
    pub warnings: Problems,
}

/// A secret that is read once.
#[derive(Debug)]
pub struct Wanted {
    /// The secret.
    pub secret: SecretRef,
    /// The keys that are wanted of it.
    pub keys: Keys,
    /// What names it first.
    pub first: Use,
    /// What names it first and has nothing to take its place; none when every use may do without it.
    pub required: Option<Use>,
}

/// Where a secret is named.
#[derive(Clone, Debug)]
pub struct Use {
    /// Its place among all strings.
    pub order: Order,
    /// Where in the document.
    pub path: Vec<Key>,
    /// The placeholder there; none when it is the annotation.
    pub token: Option<Vec<u8>>,
    /// The object.
    pub object: Arc<ObjectRef>,
}

/// What happens to a document.
#[derive(Debug)]
pub enum Planned {
    /// It leaves as it came.
    AsIs,
    /// It is empty and left out.
    Nothing,
    /// It was printed by the emitter, with nothing to fill.
    Printed(Vec<u8>),
    /// Its placeholders are filled.
    Fill(Box<Filling>),
}

/// A document that is filled.
#[derive(Debug)]
pub struct Filling {
    /// What it says.
    pub value: Value,
    /// Its strings with placeholders.
    pub sites: Vec<Site>,
    /// Its resources that get every key of a secret.
    pub all_keys: Vec<AllKeys>,
}

/// A string with placeholders.
#[derive(Debug)]
pub struct Site {
    /// How many strings stand before it in the document, keys of mappings included.
    pub ordinal: usize,
    /// Where it stands; a key stands where its value does.
    pub path: Vec<Key>,
    /// It is a key.
    pub is_key: bool,
    /// Its text.
    pub text: Vec<u8>,
    /// The placeholders, in order.
    pub parts: Vec<Part>,
    /// What may stand there.
    pub place: SitePlace,
    /// It is left out when a key is missing.
    pub removable: bool,
    /// The object that it is a part of.
    pub object: Arc<ObjectRef>,
}

/// What may stand at the place of a string.
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
    /// Where in the string.
    pub span: Range<usize>,
    /// What stands there.
    pub content: Content,
}

/// What stands at a part of a string.
#[derive(Debug)]
pub enum Content {
    /// A placeholder.
    Value(Box<Fetch>),
    /// An encoded text.
    Encoded {
        /// How it is encoded.
        codec: Codec,
        /// What it says.
        text: Vec<u8>,
        /// The placeholders in that.
        parts: Vec<Part>,
        /// It is left as it is when the secret has no such key.
        guess: bool,
    },
}

/// A value to fetch.
#[derive(Debug)]
pub struct Fetch {
    /// The placeholder, for errors.
    pub token: Vec<u8>,
    /// Which of the wanted secrets.
    pub secret: usize,
    /// Which key of it.
    pub key: String,
    /// What is done with the value.
    pub steps: Vec<FetchStep>,
}

/// One step on the way of a value.
#[derive(Debug)]
pub enum FetchStep {
    /// A modifier.
    Apply(Action),
    /// `default` with a placeholder: its value stands in.
    Or(Box<Fetch>),
}

/// A resource that gets every key of a secret.
#[derive(Debug)]
pub struct AllKeys {
    /// Where the resource stands.
    pub root: Vec<Key>,
    /// Its place among all strings.
    pub order: Order,
    /// Which of the wanted secrets.
    pub secret: usize,
    /// What stands before the names.
    pub prefix: String,
    /// The keys that are left out.
    pub except: Vec<String>,
    /// It is a Secret: values are written in base64.
    pub is_secret: bool,
    /// The object.
    pub object: Arc<ObjectRef>,
}

/// The key that stands for all of a secret's keys.
pub const EVERY_KEY: &str = "*";

impl Plan {
    /// The secrets to read, each with the keys that are wanted of it.
    pub fn references(&self) -> Vec<(SecretRef, Keys)> {
        self.wanted.iter().map(|wanted| (wanted.secret.clone(), wanted.keys.clone())).collect()
    }

    /// What is filled, each with the number of its document.
    pub fn fillings(&self) -> impl Iterator<Item = (usize, &Filling)> {
        self.documents.iter().enumerate().filter_map(|(number, planned)| match planned {
            Planned::Fill(filling) => Some((number, &**filling)),
            _ => None,
        })
    }

    /// How many placeholders there are.
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
    /// Whether something takes the place of a value that is missing before a step.
    pub fn has_default(&self, step: usize) -> bool {
        self.steps[step.min(self.steps.len())..].iter().any(|step| match step {
            FetchStep::Apply(action) => action.is_default(),
            FetchStep::Or(_) => true,
        })
    }

    /// Whether it asks for all keys, as they are.
    pub fn is_every_key(&self) -> bool {
        self.key == EVERY_KEY && self.steps.is_empty()
    }
}

impl Site {
    /// Where a part of the text stands in a document.
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
    /// Where it stands.
    pub fn place(&self, document: &Document, exact: Precision<'_>) -> Place {
        let token = self.token.as_deref().map(|text| Token { text, nth: 0 });
        locate::place(document, &self.path, false, token, exact)
    }
}

/// Bytes of a name in problems: four times what Kubernetes takes.
const MOST_NAME: usize = 1 << 10;

/// The object that a value describes.
fn object_of(value: &Value) -> ObjectRef {
    // Each problem has a copy.
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

/// Says which object a diagnostic is about.
pub fn of_object(diagnostic: Diagnostic, object: &ObjectRef) -> Diagnostic {
    diagnostic.about(ObjectRef::new(object.kind.as_str(), object.namespace.as_str(), object.name.as_str()))
}

/// A placeholder's text as errors show it.
pub fn shown(token: &[u8]) -> String {
    const MOST: usize = 120;
    // What is cut off is not looked at: it may be long.
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

/// Plans a run over the values of documents. Problems are placed in `nowhere`, since the documents are not there.
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
    // AVP looks at an expression only when there is a resource.
    if plan.documents.iter().any(|planned| !matches!(planned, Planned::Nothing)) {
        options.policy.verify()?;
    }
    Ok(plan)
}
