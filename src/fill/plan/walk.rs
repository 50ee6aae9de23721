//! Walks through documents and their objects to the strings that may contain placeholders.

use super::super::annotations;
use super::super::datum::decode_base64;
use super::super::json::{self, Numbers};
use super::super::locate::{self, Key};
use super::super::options::FillOptions;
use super::super::paths::PathError;
use super::super::problems::{Precision, Problems};
use super::super::scan;
use super::resource::Resource;
use super::{AllKeys, Filling, Look, Plan, Planned, Site, of_object};
use keyfill_diag::{Class, Cx, Diagnostic, Place, Stopped};
use keyfill_secrets::{Keys, SecretRef};
use keyfill_yaml::{
    Body, Document, Limits, Step, Value, Within, load_exact, load_object, resolve, to_json, to_yaml,
    with_last_line_ended,
};
use std::collections::HashMap;

/// Strings and placeholders between two checks for cancellation and the deadline.
const STRINGS_A_LOOK: u32 = 256;

/// Makes a plan, document by document.
pub struct Planner<'o> {
    pub(super) options: &'o FillOptions,
    pub(super) look: Look,
    pub(super) cx: &'o Cx,
    pub(super) limits: Limits,
    pub(super) plan: Plan,
    /// The index of each secret in [`Plan::wanted`].
    pub(super) known: HashMap<SecretRef, usize>,
    /// The results of resolving paths, by the path as written.
    pub(super) paths: HashMap<WrittenPath, Result<ResolvedPath, PathError>>,
    /// Whether the documents refer to more secrets than a run may read.
    pub(super) too_many: bool,
    ticks: u32,
}

/// A path as written in a document, with the annotations that affect it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct WrittenPath {
    /// The store in the manifest's annotation.
    pub store: Option<String>,
    /// The Vault namespace in the manifest's annotation.
    pub namespace: Option<String>,
    /// The path as written.
    pub path: String,
}

/// A resolved path, in the form that is sent to a store.
#[derive(Clone)]
pub(super) struct ResolvedPath {
    /// The store's name; `None` for the default store.
    pub store: Option<String>,
    /// The Vault namespace; `None` for the namespace in the settings.
    pub namespace: Option<String>,
    /// The canonical path.
    pub path: String,
}

/// A walk through one document.
pub struct Walk<'v> {
    /// The path to the current value.
    pub path: Vec<Step<'v>>,
    /// The number of strings that were visited, keys included.
    pub strings: usize,
    /// The strings with placeholders.
    pub sites: Vec<Site>,
    /// The objects to which every key of a secret is added.
    pub all_keys: Vec<AllKeys>,
}

impl Walk<'_> {
    /// An owned copy of the path.
    pub fn keys(&self) -> Vec<Key> {
        self.path.iter().map(|step| Key::from(*step)).collect()
    }
}

type Run = Result<(), Stopped>;

impl<'o> Planner<'o> {
    /// A planner without any document yet.
    pub fn new(options: &'o FillOptions, look: Look, cx: &'o Cx) -> Self {
        Self {
            options,
            look,
            cx,
            limits: Limits::from(cx),
            plan: Plan {
                problems: Problems::with(options.sources.clone()),
                warnings: Problems::with(options.sources.clone()),
                ..Plan::default()
            },
            known: HashMap::new(),
            paths: HashMap::new(),
            too_many: false,
            ticks: 0,
        }
    }

    /// Checks for cancellation and the deadline once in 256 calls.
    pub(super) fn tick(&mut self) -> Run {
        self.ticks += 1;
        if self.ticks.is_multiple_of(STRINGS_A_LOOK) { self.cx.check() } else { Ok(()) }
    }

    /// Plans one document.
    pub fn document(&mut self, number: usize, document: &Document) -> Result<Planned, Stopped> {
        self.cx.check()?;
        let print = self.options.compat_avp;
        if !print
            && self.look == Look::Fillable
            && !self.options.scanned
            && !scan::looks_fillable(&document.body, self.options.vals_refs)
        {
            return Ok(Planned::AsIs);
        }
        let Some(value) = self.read(number, document) else { return Ok(Planned::AsIs) };
        match &value {
            Value::Null if print => return Ok(Planned::Nothing),
            Value::Null => return Ok(Planned::AsIs),
            Value::Map(_) if print && value.get("kind").and_then(Value::as_str).is_none_or(str::is_empty) => {
                self.document_error(
                    number,
                    locate::of_document(document),
                    "the document has no kind".to_owned(),
                );
            }
            Value::Map(_) => {}
            other if print || self.look == Look::All => {
                let message = format!("a manifest is a mapping with a kind, this is a {}", other.type_name());
                self.document_error(number, locate::of_document(document), message);
            }
            _ => {}
        }
        match self.filling(number, document, value)? {
            Ok(filling) => Ok(Planned::Fill(Box::new(filling))),
            // Encoded at once, so that its value need not stay in memory until all documents are planned.
            Err(value) if print => Ok(Planned::Printed(Within::run(self.cx, &value).written(to_yaml)?)),
            Err(_) => Ok(Planned::AsIs),
        }
    }

    /// Plans a decoded document. Without placeholders it is encoded as JSON at once.
    pub fn value_of(&mut self, number: usize, document: &Document, value: Value) -> Result<Planned, Stopped> {
        self.cx.check()?;
        if value == Value::Null {
            return Ok(Planned::AsIs);
        }
        match self.filling(number, document, value)? {
            Ok(filling) => Ok(Planned::Fill(Box::new(filling))),
            Err(value) => Ok(Planned::Printed(Within::run(self.cx, &value).written(to_json)?)),
        }
    }

    /// What is to be filled in a document; `Err` with the unchanged value if there is nothing to fill.
    fn filling(
        &mut self,
        number: usize,
        document: &Document,
        value: Value,
    ) -> Result<Result<Filling, Value>, Stopped> {
        let mut walk = Walk { path: Vec::new(), strings: 0, sites: Vec::new(), all_keys: Vec::new() };
        self.resource(number, document, &value, &mut walk)?;
        let Walk { sites, all_keys, .. } = walk;
        let nothing = sites.is_empty() && all_keys.is_empty();
        Ok(if nothing { Err(value) } else { Ok(Filling { value, sites, all_keys }) })
    }

    fn read(&mut self, number: usize, document: &Document) -> Option<Value> {
        let loaded = match &document.body {
            Body::Raw(text) => load(text, &self.limits, self.options.compat_avp),
            Body::Tree(root) => resolve(root),
        };
        loaded
            .map_err(|error| {
                let place = match &document.body {
                    Body::Raw(_) => locate::of_line(document, error.line(), error.column()),
                    Body::Tree(_) => locate::of_document(document),
                };
                // Programs may search for the words "not valid YAML", which AVP's message has too.
                let message = format!("not valid YAML: {}", error.message());
                let mut diagnostic = Diagnostic::error(Class::Render, message).at(place);
                diagnostic.hint = error.help().map(str::to_owned);
                self.plan.problems.add((number, 0, 0), Class::Render, |_| diagnostic);
            })
            .ok()
    }

    fn document_error(&mut self, number: usize, place: Place, message: String) {
        let make = |_: Precision<'_>| Diagnostic::error(Class::Render, message).at(place);
        self.plan.problems.add((number, 0, 0), Class::Render, make);
    }

    /// Plans an object: a document or, except in compatibility with AVP, an item of a `List`.
    fn resource<'v>(
        &mut self,
        number: usize,
        document: &Document,
        value: &'v Value,
        walk: &mut Walk<'v>,
    ) -> Run {
        let avp = self.options.compat_avp;
        let mut resource = Resource::new(number, document, value, walk.keys(), walk.strings);
        let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
        if resource.annotations.ignore || !self.options.fills(kind) && kind != "List" {
            walk.strings += count_strings(value);
            return Ok(());
        }
        self.annotations(&resource);
        // AVP reads the annotation's path even if no placeholder uses it, unless it is empty.
        if avp && resource.annotations.path.as_deref().is_some_and(|path| !path.is_empty()) {
            self.keys_from(&mut resource, true);
        }
        self.all_keys(&mut resource, walk);
        let items_are_resources = kind == "List" && !avp;
        if kind == "List" && !items_are_resources && holds_annotated_items(value) {
            let message =
                "the annotations of the items of a List are not looked at, as with argocd-vault-plugin";
            let warning = Diagnostic::warning(Class::Render, message).at(locate::of_document(document));
            self.plan.warnings.add((number, walk.strings, 0), Class::Render, |_| warning);
        }
        let Value::Map(entries) = value else { return self.value(&mut resource, value, false, walk) };
        for (name, entry) in entries {
            walk.path.push(Step::Key(name));
            self.key(&mut resource, name, walk)?;
            match entry {
                Value::Seq(items) if items_are_resources && name == "items" => {
                    for (index, item) in items.iter().enumerate() {
                        walk.path.push(Step::Index(index));
                        self.resource(number, document, item, walk)?;
                        walk.path.pop();
                    }
                }
                entry => self.value(&mut resource, entry, true, walk)?,
            }
            walk.path.pop();
        }
        Ok(())
    }

    fn annotations(&mut self, resource: &Resource<'_>) {
        let annotations = &resource.annotations;
        for problem in &annotations.problems {
            if self.options.compat_avp && problem.only_when_read {
                continue;
            }
            self.annotation_problem(resource, problem);
        }
        let any = annotations.remove_missing_any || self.options.remove_missing_any;
        if annotations.remove_missing && !any && !(resource.is_secret || resource.is_config_map) {
            let name = annotations::REMOVE_MISSING;
            let problem = annotations::Problem {
                name: name.to_owned(),
                message: format!("the annotation {name} works on Secrets and ConfigMaps only"),
                hint: Some(format!("{}: any lets it work on every kind", annotations::REMOVE_MISSING_ANY)),
                harmless: false,
                only_when_read: false,
            };
            self.annotation_problem(resource, &problem);
        }
    }

    pub(super) fn annotation_problem(&mut self, resource: &Resource<'_>, problem: &annotations::Problem) {
        let make = |exact: Precision<'_>| {
            let place = locate::place(
                resource.document,
                &resource.annotation_path(&problem.name),
                false,
                None,
                exact,
            );
            let mut made = if problem.harmless {
                Diagnostic::warning(Class::Render, problem.message.clone())
            } else {
                Diagnostic::error(Class::Render, problem.message.clone())
            };
            made.hint.clone_from(&problem.hint);
            of_object(made.at(place), &resource.object)
        };
        let order = (resource.number, resource.first_string, 0);
        if problem.harmless {
            self.plan.warnings.add(order, Class::Render, make);
        } else {
            self.plan.problems.add(order, Class::Render, make);
        }
    }

    /// Plans the annotation that adds every key of the secret at the path.
    fn all_keys(&mut self, resource: &mut Resource<'_>, walk: &mut Walk<'_>) {
        if !resource.annotations.all_keys {
            return;
        }
        let name = annotations::ALL_KEYS;
        let message = if !(resource.is_secret || resource.is_config_map) {
            format!("the annotation {name} works on Secrets and ConfigMaps only")
        } else if resource.annotations.path.as_deref().is_none_or(str::is_empty) {
            format!("the annotation {name} needs a path: there is no annotation {}", annotations::PATH)
        } else {
            if let Some(secret) = self.keys_from(resource, !resource.removes_missing(self.options)) {
                self.plan.wanted[secret].keys = Keys::All;
                walk.all_keys.push(AllKeys {
                    root: resource.root.clone(),
                    order: (resource.number, resource.first_string, 0),
                    secret,
                    prefix: resource.annotations.all_keys_prefix.clone(),
                    except: resource.annotations.all_keys_except.clone(),
                    is_secret: resource.is_secret,
                    object: resource.object.clone(),
                });
            }
            return;
        };
        let name = name.to_owned();
        let problem =
            annotations::Problem { name, message, hint: None, harmless: false, only_when_read: false };
        self.annotation_problem(resource, &problem);
    }

    fn key(&mut self, resource: &mut Resource<'_>, name: &str, walk: &mut Walk<'_>) -> Run {
        self.string(resource, name.as_bytes(), true, true, walk)?;
        walk.strings += 1;
        Ok(())
    }

    fn value<'v>(
        &mut self,
        resource: &mut Resource<'_>,
        value: &'v Value,
        in_map: bool,
        walk: &mut Walk<'v>,
    ) -> Run {
        match value {
            Value::Str(text) => {
                self.tick()?;
                self.string(resource, text.as_bytes(), false, in_map, walk)?;
                walk.strings += 1;
            }
            Value::Map(entries) => {
                for (name, entry) in entries {
                    walk.path.push(Step::Key(name));
                    self.key(resource, name, walk)?;
                    if resource.annotations.ignore_keys.iter().any(|ignored| name == ignored) {
                        walk.strings += count_strings(entry);
                    } else {
                        self.value(resource, entry, true, walk)?;
                    }
                    walk.path.pop();
                }
            }
            Value::Seq(items) => {
                for (index, item) in items.iter().enumerate() {
                    if self.options.compat_avp && matches!(item, Value::Seq(_)) {
                        // AVP does not fill lists inside lists.
                        walk.strings += count_strings(item);
                        continue;
                    }
                    walk.path.push(Step::Index(index));
                    self.value(resource, item, false, walk)?;
                    walk.path.pop();
                }
            }
            Value::Float(number) if !number.is_finite() => {
                let path = walk.keys();
                self.plan.problems.add((resource.number, walk.strings, 0), Class::Render, |exact| {
                    let place = locate::place(resource.document, &path, false, None, exact);
                    let message = "JSON and Kubernetes have no infinite numbers and no NaN";
                    of_object(Diagnostic::error(Class::Render, message).at(place), &resource.object)
                });
            }
            _ => {}
        }
        Ok(())
    }

    /// Warns of a value in a Secret's `data` that is not base64.
    pub(super) fn check_data(&mut self, resource: &Resource<'_>, written: &[u8], walk: &Walk<'_>) {
        // A value that SOPS encrypted is not base64; it is decrypted before the manifest is applied.
        let is_encrypted = written.starts_with(b"ENC[");
        // Flux and envsubst replace variables such as `${name}`.
        let is_variable = written.starts_with(b"${") && written.ends_with(b"}");
        if self.look != Look::All || is_encrypted || is_variable || decode_base64(written).is_some() {
            return;
        }
        let path = walk.keys();
        self.plan.warnings.add((resource.number, walk.strings, 0), Class::Render, |exact| {
            let mut place = locate::place(resource.document, &path, false, None, exact);
            // The line is not shown, since it contains a secret in plain text.
            place.source_line = None;
            let message = "the data of a Secret is base64, and this is not";
            let warning =
                Diagnostic::warning(Class::Render, message).at(place).hint("plain text stands in stringData");
            of_object(warning, &resource.object)
        });
    }
}

/// Parses a document's text. As in Kubernetes, text that begins with `{` is parsed as JSON, which has escapes
/// (surrogate pairs) that YAML does not have; if that fails, it is parsed as YAML.
fn load(text: &[u8], limits: &Limits, avp: bool) -> Result<Value, keyfill_yaml::Error> {
    let numbers = if avp { Numbers::Signed } else { Numbers::Exact };
    if text.trim_ascii_start().starts_with(b"{")
        && let Ok(value) = json::parse(text, numbers)
    {
        return Ok(value);
    }
    let text = with_last_line_ended(text);
    if avp { load_object(&text, limits) } else { load_exact(&text, limits) }
}

fn holds_annotated_items(list: &Value) -> bool {
    let items = list.get("items").and_then(Value::as_seq).unwrap_or_default();
    items.iter().any(|item| annotations::read(item) != annotations::Annotations::default())
}

/// The number of strings in a value, keys included.
pub fn count_strings(value: &Value) -> usize {
    match value {
        Value::Str(_) => 1,
        Value::Seq(items) => items.iter().map(count_strings).sum(),
        Value::Map(entries) => entries.iter().map(|(_, entry)| 1 + count_strings(entry)).sum(),
        _ => 0,
    }
}
