//! What a run has to do: every placeholder of every document, and the distinct secrets they name.
//!
//! Nothing is read from a store here. All that can be wrong without one is found: syntax, modifiers and
//! their arguments, annotations, path templates, paths that the policy does not allow.

use super::annotations::{self, Annotations};
use super::datum::decode_base64;
use super::json::{self, Numbers};
use super::locate::{self, Key, Token};
use super::modifiers::{self, Action};
use super::options::FillOptions;
use super::paths;
use super::placeholder::{self, Fault, Found, Target};
use super::scan;
use crate::report::Failure;
use keyfill_diag::{Class, Cx, Diagnostic, Place};
use keyfill_secrets::SecretRef;
use keyfill_yaml::{Body, Document, Limits, Step, Value, load_object, resolve, to_yaml};
use std::collections::HashMap;
use std::ops::Range;

/// Which documents are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Those that may hold a placeholder; with AVP's habits, all.
    Fillable,
    /// All.
    All,
}

/// What a run has to do.
#[derive(Debug, Default)]
pub struct Plan {
    /// For each document, in their order.
    pub documents: Vec<Planned>,
    /// The distinct secrets.
    pub wanted: Vec<Wanted>,
    /// What was found wrong, in document order.
    pub diagnostics: Vec<Diagnostic>,
}

/// A secret that is read once.
#[derive(Debug)]
pub struct Wanted {
    /// The secret.
    pub secret: SecretRef,
    /// The document that names it first.
    pub document: usize,
    /// Where in that document.
    pub path: Vec<Key>,
    /// The placeholder there; none when it is the annotation.
    pub token: Option<Vec<u8>>,
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
    Fill(Value, Vec<Site>),
}

/// A string with placeholders.
#[derive(Debug)]
pub struct Site {
    /// How many strings stand before it in the document.
    pub ordinal: usize,
    /// Where it stands.
    pub path: Vec<Key>,
    /// Its text; what the base64 says when it is [`Site::encoded`].
    pub text: Vec<u8>,
    /// The placeholders, in order.
    pub parts: Vec<Part>,
    /// It stands in base64.
    pub encoded: bool,
    /// Only a string may take its place: an entry of a ConfigMap or of a Secret.
    pub strings_only: bool,
    /// It is left out when a key is missing.
    pub removable: bool,
}

/// A placeholder in a string.
#[derive(Debug)]
pub struct Part {
    /// Where in the string.
    pub span: Range<usize>,
    /// Which of the wanted secrets.
    pub secret: usize,
    /// Which key of it.
    pub key: String,
    /// What is done with the value.
    pub actions: Vec<Action>,
}

impl Plan {
    /// The secrets to read.
    pub fn references(&self) -> Vec<SecretRef> {
        self.wanted.iter().map(|wanted| wanted.secret.clone()).collect()
    }

    /// The strings with placeholders, each with the number of its document.
    pub fn sites(&self) -> impl Iterator<Item = (usize, &Site)> {
        self.documents.iter().enumerate().flat_map(|(number, planned)| {
            let sites = if let Planned::Fill(_, sites) = planned { sites.as_slice() } else { &[] };
            sites.iter().map(move |site| (number, site))
        })
    }

    /// How many placeholders there are.
    pub fn placeholders(&self) -> usize {
        self.sites().map(|(_, site)| site.parts.len()).sum()
    }
}

impl Site {
    /// The bytes of a placeholder and how many equal ones stand before it, for its place.
    pub fn token(&self, span: &Range<usize>) -> Option<Token<'_>> {
        if self.encoded {
            return None;
        }
        let text = &self.text[span.clone()];
        let nth = memchr::memmem::find_iter(&self.text[..span.start], text).count();
        Some(Token { text, nth })
    }

    /// The place of a placeholder, when `told` problems were found before.
    pub fn place(&self, document: &Document, span: &Range<usize>, told: usize) -> Place {
        locate::place(document, &self.path, self.token(span), told)
    }
}

/// A placeholder's text as errors show it.
pub fn shown(token: &[u8]) -> String {
    const MOST: usize = 120;
    let text: String = String::from_utf8_lossy(token).split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Plans a run over all documents.
pub fn plan(documents: &[Document], options: &FillOptions, look: Look, cx: &Cx) -> Result<Plan, Failure> {
    let mut planner = Planner {
        options,
        look,
        limits: Limits::from(&cx.limits),
        plan: Plan::default(),
        known: HashMap::new(),
    };
    for (number, document) in documents.iter().enumerate() {
        if let Err(stopped) = cx.check() {
            let message = format!("stopped while looking for placeholders: {stopped}");
            return Err(Diagnostic::error(Class::Other, message).into());
        }
        let planned = planner.document(number, document);
        planner.plan.documents.push(planned);
    }
    Ok(planner.plan)
}

struct Planner<'o> {
    options: &'o FillOptions,
    look: Look,
    limits: Limits,
    plan: Plan,
    known: HashMap<SecretRef, usize>,
}

/// One resource: a document, or an item of a `List`.
struct Resource<'a> {
    number: usize,
    document: &'a Document,
    annotations: Annotations,
    is_secret: bool,
    is_config_map: bool,
    /// The secret of the key placeholders, once it was asked for: its number among the wanted ones.
    keys_from: Option<Option<usize>>,
    /// How many steps lead to the resource.
    depth: usize,
    /// Where its annotations stand.
    root: Vec<Key>,
}

/// A walk through one document.
struct Walk<'v> {
    path: Vec<Step<'v>>,
    strings: usize,
    sites: Vec<Site>,
}

impl Planner<'_> {
    fn document(&mut self, number: usize, document: &Document) -> Planned {
        let print = self.options.compat_avp;
        if !print && self.look == Look::Fillable && !scan::looks_fillable(&document.body) {
            return Planned::AsIs;
        }
        let Some(value) = self.read(document) else { return Planned::AsIs };
        match &value {
            Value::Null if print => return Planned::Nothing,
            Value::Null => return Planned::AsIs,
            Value::Map(_) if print && value.get("kind").and_then(Value::as_str).is_none_or(str::is_empty) => {
                self.report(locate::of_document(document), "the document has no kind".to_owned(), None);
            }
            Value::Map(_) => {}
            other if print || self.look == Look::All => {
                let message = format!("a manifest is a mapping with a kind, this is a {}", other.type_name());
                self.report(locate::of_document(document), message, None);
            }
            _ => {}
        }
        let mut walk = Walk { path: Vec::new(), strings: 0, sites: Vec::new() };
        self.resource(number, document, &value, &mut walk);
        let sites = walk.sites;
        match (sites.is_empty(), print) {
            (true, false) => Planned::AsIs,
            // Printed at once: its tree need not stay until all documents are read.
            (true, true) => Planned::Printed(to_yaml(&value)),
            (false, _) => Planned::Fill(value, sites),
        }
    }

    fn read(&mut self, document: &Document) -> Option<Value> {
        let loaded = match &document.body {
            Body::Raw(text) => load(text, &self.limits),
            Body::Tree(root) => resolve(root),
        };
        loaded
            .map_err(|error| {
                let place = match &document.body {
                    Body::Raw(_) => locate::of_line(document, error.line(), error.column()),
                    Body::Tree(_) => locate::of_document(document),
                };
                // Machines look for the word: AVP's message has it too.
                self.report(
                    place,
                    format!("not valid YAML: {}", error.message()),
                    error.help().map(str::to_owned),
                );
            })
            .ok()
    }

    /// How many problems were found so far.
    fn told(&self) -> usize {
        self.plan.diagnostics.len()
    }

    fn report(&mut self, place: Place, message: String, hint: Option<String>) {
        let mut diagnostic = Diagnostic::error(Class::Render, message).at(place);
        diagnostic.hint = hint;
        self.plan.diagnostics.push(diagnostic);
    }

    /// Plans a resource: a document or, unless AVP is followed, an item of a `List`.
    fn resource<'v>(&mut self, number: usize, document: &Document, value: &'v Value, walk: &mut Walk<'v>) {
        let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
        let root: Vec<Key> = walk.path.iter().map(|step| Key::from(*step)).collect();
        let mut resource = Resource {
            number,
            document,
            annotations: annotations::read(value),
            is_secret: kind == "Secret",
            is_config_map: kind == "ConfigMap",
            keys_from: None,
            depth: root.len(),
            root,
        };
        if resource.annotations.ignore || !self.options.fills(kind) && kind != "List" {
            walk.strings += count_strings(value);
            return;
        }
        self.annotations(&resource);
        // AVP reads a path that nothing uses, but not an empty one.
        if self.options.compat_avp
            && resource.annotations.path.as_deref().is_some_and(|path| !path.is_empty())
        {
            self.keys_from(&mut resource);
        }
        let items_are_resources = kind == "List" && !self.options.compat_avp;
        if kind == "List" && !items_are_resources && holds_annotated_items(value) {
            let message =
                "the annotations of the items of a List are not looked at, as with argocd-vault-plugin";
            let warning = Diagnostic::warning(Class::Render, message).at(locate::of_document(document));
            self.plan.diagnostics.push(warning);
        }
        let Value::Map(entries) = value else { return self.value(&mut resource, value, false, walk) };
        for (name, entry) in entries {
            walk.path.push(Step::Key(name));
            match entry {
                Value::Seq(items) if items_are_resources && name == "items" => {
                    for (index, item) in items.iter().enumerate() {
                        walk.path.push(Step::Index(index));
                        self.resource(number, document, item, walk);
                        walk.path.pop();
                    }
                }
                entry => self.value(&mut resource, entry, true, walk),
            }
            walk.path.pop();
        }
    }

    fn annotations(&mut self, resource: &Resource<'_>) {
        let annotations = &resource.annotations;
        for problem in &annotations.problems {
            let place = resource.annotation_place(&problem.name, self.told());
            if problem.harmless {
                let mut warning = Diagnostic::warning(Class::Render, problem.message.clone()).at(place);
                warning.hint.clone_from(&problem.hint);
                self.plan.diagnostics.push(warning);
            } else {
                self.report(place, problem.message.clone(), problem.hint.clone());
            }
        }
        if annotations.remove_missing && !(resource.is_secret || resource.is_config_map) {
            let name = annotations::REMOVE_MISSING;
            let message = format!("the annotation {name} works on Secrets and ConfigMaps only");
            self.report(resource.annotation_place(name, self.told()), message, None);
        }
    }

    fn value<'v>(
        &mut self,
        resource: &mut Resource<'_>,
        value: &'v Value,
        in_map: bool,
        walk: &mut Walk<'v>,
    ) {
        match value {
            Value::Str(text) => {
                self.string(resource, text.as_bytes(), in_map, walk);
                walk.strings += 1;
            }
            Value::Map(entries) => {
                for (name, entry) in entries {
                    walk.path.push(Step::Key(name));
                    self.value(resource, entry, true, walk);
                    walk.path.pop();
                }
            }
            Value::Seq(items) => {
                for (index, item) in items.iter().enumerate() {
                    if self.options.compat_avp && matches!(item, Value::Seq(_)) {
                        // AVP does not look into lists inside lists.
                        walk.strings += count_strings(item);
                        continue;
                    }
                    walk.path.push(Step::Index(index));
                    self.value(resource, item, false, walk);
                    walk.path.pop();
                }
            }
            Value::Float(number) if !number.is_finite() => {
                let path: Vec<Key> = walk.path.iter().map(|step| Key::from(*step)).collect();
                let place = locate::place(resource.document, &path, None, self.told());
                self.report(
                    place,
                    "JSON and Kubernetes have no infinite numbers and no NaN".to_owned(),
                    None,
                );
            }
            _ => {}
        }
    }

    fn string(&mut self, resource: &mut Resource<'_>, written: &[u8], in_map: bool, walk: &mut Walk<'_>) {
        let keys = resource.annotations.path.is_some();
        let (text, encoded) = match decoded(resource, written) {
            Some(decoded) => (decoded, true),
            None if !written.contains(&b'<') => return,
            None => (written.to_vec(), false),
        };
        let found: Vec<(Found, bool)> = {
            let mut finder = placeholder::find(&text, keys);
            let mut all = Vec::new();
            while let Some(found) = finder.next() {
                let is_text = matches!(&found, Found::Broken(span, _) if finder.is_text_to_avp(span.start));
                all.push((found, is_text));
            }
            all
        };
        // AVP writes such base64 anew even where it fills nothing: without line breaks.
        let rewrite =
            encoded && self.options.compat_avp && written.iter().any(|b| matches!(b, b'\n' | b'\r'));
        if found.is_empty() && !rewrite {
            return;
        }
        let path: Vec<Key> = walk.path.iter().map(|step| Key::from(*step)).collect();
        let mut site = Site {
            ordinal: walk.strings,
            strings_only: resource.strings_only(&path, self.options.compat_avp),
            removable: in_map && resource.annotations.remove_missing,
            path,
            text,
            parts: Vec::new(),
            encoded,
        };
        for (found, is_text) in found {
            match found {
                Found::Placeholder(span) => self.placeholder(resource, &mut site, span),
                Found::Broken(span, fault) => self.broken(resource, &site, &span, fault, is_text),
            }
        }
        if !site.parts.is_empty() || rewrite {
            walk.sites.push(site);
        }
    }

    fn broken(
        &mut self,
        resource: &Resource<'_>,
        site: &Site,
        span: &Range<usize>,
        fault: Fault,
        is_text: bool,
    ) {
        let place = site.place(resource.document, span, self.told());
        let message = format!("{}: the placeholder {fault}", shown(&site.text[span.clone()]));
        if self.options.compat_avp && is_text {
            let message = format!("{message}; it stays as it is, as with argocd-vault-plugin");
            self.plan.diagnostics.push(Diagnostic::warning(Class::Render, message).at(place));
        } else {
            self.report(
                place,
                message,
                Some(format!(
                    "write <path:PATH#KEY>, or set the annotation {}: \"true\" to keep the text",
                    annotations::IGNORE
                )),
            );
        }
    }

    fn placeholder(&mut self, resource: &mut Resource<'_>, site: &mut Site, span: Range<usize>) {
        let token = site.text[span.clone()].to_vec();
        let parsed = match placeholder::parse(&token) {
            Ok(parsed) => parsed,
            Err(fault) => return self.broken(resource, site, &span, fault, false),
        };
        let mut actions = Vec::with_capacity(parsed.calls.len());
        for call in &parsed.calls {
            match modifiers::prepare(call) {
                Ok(action) => actions.push(action),
                Err(error) => {
                    let message = format!("{}: {}", shown(&token), error.message);
                    self.report(site.place(resource.document, &span, self.told()), message, error.hint);
                }
            }
        }
        let key = parsed.target.key().to_owned();
        let secret = match parsed.target {
            Target::Key(_) => self.keys_from(resource),
            Target::Path { path, version, .. } => match self.allowed(&path) {
                Ok(path) => {
                    let secret = SecretRef { path, version, kv: resource.annotations.kv };
                    Some(self.want(secret, resource.number, &site.path, Some(token)))
                }
                Err(mut diagnostic) => {
                    diagnostic.message = format!("{}: {}", shown(&token), diagnostic.message);
                    self.plan.diagnostics.push(diagnostic.at(site.place(
                        resource.document,
                        &span,
                        self.told(),
                    )));
                    None
                }
            },
        };
        if let Some(secret) = secret {
            site.parts.push(Part { span, secret, key, actions });
        }
    }

    /// The secret of the annotation; none when its path is not to be read, which is reported once.
    fn keys_from(&mut self, resource: &mut Resource<'_>) -> Option<usize> {
        if let Some(known) = resource.keys_from {
            return known;
        }
        let annotations = &resource.annotations;
        let secret = match self.allowed(annotations.path.as_deref().unwrap_or_default()) {
            Ok(path) => {
                let secret = SecretRef { path, version: annotations.version.clone(), kv: annotations.kv };
                let path = resource.annotation_path(annotations::PATH);
                Some(self.want(secret, resource.number, &path, None))
            }
            Err(diagnostic) => {
                let place = resource.annotation_place(annotations::PATH, self.told());
                self.plan.diagnostics.push(diagnostic.at(place));
                None
            }
        };
        resource.keys_from = Some(secret);
        secret
    }

    /// The canonical form of a path, when it may be read.
    fn allowed(&self, written: &str) -> Result<String, Box<Diagnostic>> {
        let path = paths::resolve(written, self.options).map_err(|error| {
            let class = if error.forbidden { Class::Forbidden } else { Class::Render };
            Box::new(Diagnostic::error(class, error.to_string()))
        })?;
        match self.options.policy.check(&path) {
            Ok(()) => Ok(path),
            Err(why) => Err(Box::new(Diagnostic::error(Class::Forbidden, why))),
        }
    }

    /// The number of a secret among the wanted ones.
    fn want(&mut self, secret: SecretRef, document: usize, path: &[Key], token: Option<Vec<u8>>) -> usize {
        if let Some(number) = self.known.get(&secret) {
            return *number;
        }
        let number = self.plan.wanted.len();
        self.known.insert(secret.clone(), number);
        self.plan.wanted.push(Wanted { secret, document, path: path.to_vec(), token });
        number
    }
}

impl Resource<'_> {
    fn annotation_path(&self, name: &str) -> Vec<Key> {
        let steps = ["metadata", "annotations", name].map(|key| Key::Name(key.into()));
        self.root.iter().cloned().chain(steps).collect()
    }

    fn annotation_place(&self, name: &str, told: usize) -> Place {
        locate::place(self.document, &self.annotation_path(name), None, told)
    }

    /// Whether only a string may stand at a path. AVP makes all values of a ConfigMap strings, and leaves
    /// numbers in a Secret, which Kubernetes refuses.
    fn strings_only(&self, path: &[Key], avp: bool) -> bool {
        let section = path.get(self.depth);
        let is_data = matches!(section, Some(Key::Name(name)) if name == "data" || name == "stringData");
        self.is_config_map || (self.is_secret && is_data && !avp)
    }
}

/// A document's text. Kubernetes' reader takes what begins with a brace for JSON, whose escapes (surrogate
/// pairs) YAML does not know; what JSON does not know may still be YAML.
fn load(text: &[u8], limits: &Limits) -> Result<Value, keyfill_yaml::Error> {
    if text.trim_ascii_start().starts_with(b"{")
        && let Ok(value) = json::parse(text, Numbers::Signed)
    {
        return Ok(value);
    }
    load_object(text, limits)
}

/// What base64 text in a Secret says, when that holds a `<...>`.
fn decoded(resource: &Resource<'_>, written: &[u8]) -> Option<Vec<u8>> {
    if !resource.is_secret || written.len() < 4 {
        return None;
    }
    decode_base64(written).filter(|bytes| placeholder::find(bytes, true).next().is_some())
}

fn holds_annotated_items(list: &Value) -> bool {
    let items = list.get("items").and_then(Value::as_seq).unwrap_or_default();
    items.iter().any(|item| annotations::read(item) != Annotations::default())
}

fn count_strings(value: &Value) -> usize {
    match value {
        Value::Str(_) => 1,
        Value::Seq(items) => items.iter().map(count_strings).sum(),
        Value::Map(entries) => entries.iter().map(|(_, entry)| count_strings(entry)).sum(),
        _ => 0,
    }
}
