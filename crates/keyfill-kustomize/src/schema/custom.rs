//! A schema from a file: an OpenAPI document whose definitions say how lists are merged.

use super::{Type, builtin};
use crate::error::{Error, Result};
use keyfill_yaml::{Limits, TextPlace, Value, load_value};
use std::collections::HashMap;

const TYPES: &str = "x-kubernetes-group-version-kind";

/// The most references that are followed from one to the next. No real schema has as long a chain.
const LONGEST_CHAIN: usize = 64;

/// How the built-in schema is used together with a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Beside {
    /// The built-in schema is not used.
    #[default]
    Nothing,
    /// The built-in schema is used for what the document does not define.
    Below,
    /// The built-in schema is used first, and the document for what it does not define.
    Above,
}

/// An OpenAPI document with indexes for look-ups.
#[derive(Debug)]
pub(crate) struct Custom {
    document: Value,
    /// Names of definitions by `apiVersion` and `kind`.
    roots: HashMap<(String, String), String>,
    /// Whether objects are namespaced, by `apiVersion` and `kind`.
    scopes: HashMap<(String, String), bool>,
    beside: Beside,
}

impl Custom {
    /// Parses a document.
    pub fn parse(text: &[u8], beside: Beside, limits: &Limits) -> Result<Self> {
        let document = load_value(text, limits).map_err(|e| {
            Error::yaml_at(TextPlace::default(), &e).context("the OpenAPI document cannot be read")
        })?;
        if document.as_map().is_none() && document != Value::Null {
            return Err(Error::new("the OpenAPI document is not a mapping"));
        }
        let (roots, scopes) = (find_roots(&document)?, find_scopes(&document));
        Ok(Self { document, roots, scopes, beside })
    }

    /// The type of objects with the given `apiVersion` and `kind`.
    pub fn root(&self, api_version: &str, kind: &str) -> Option<Type<'_>> {
        let own = || {
            let name = self.roots.get(&(api_version.to_owned(), kind.to_owned()))?;
            self.document.get("definitions")?.get(name).map(|schema| Type::Custom(self, schema))
        };
        self.beside(own, || builtin::root(api_version, kind))
    }

    /// Whether objects of a type are namespaced; `None` if the document's paths do not say so.
    pub fn is_namespaced(&self, api_version: &str, kind: &str) -> Option<bool> {
        self.scopes.get(&(api_version.to_owned(), kind.to_owned())).copied()
    }

    /// The type of a field: its own schema, or `additionalProperties`.
    pub fn field<'a>(&'a self, schema: &'a Value, name: &str) -> Option<Type<'a>> {
        let own = schema.get("properties").and_then(|p| p.get(name));
        let any = || schema.get("additionalProperties").filter(|v| v.as_map().is_some());
        self.resolve(own.or_else(any)?)
    }

    /// The type of a list's items.
    pub fn items<'a>(&'a self, schema: &'a Value) -> Option<Type<'a>> {
        let is_list = match schema.get("type")? {
            Value::Str(name) => name == "array",
            Value::Seq(names) => matches!(names.as_slice(), [Value::Str(name)] if name == "array"),
            _ => false,
        };
        self.resolve(schema.get("items").filter(|v| is_list && v.as_map().is_some())?)
    }

    /// Looks in the document and in the built-in schema, in the order that `beside` says.
    fn beside<'a>(
        &self,
        own: impl FnOnce() -> Option<Type<'a>>,
        builtin: impl FnOnce() -> Option<&'static builtin::Shape>,
    ) -> Option<Type<'a>> {
        match self.beside {
            Beside::Nothing => own(),
            Beside::Below => own().or_else(|| builtin().map(Type::Builtin)),
            Beside::Above => builtin().map(Type::Builtin).or_else(own),
        }
    }

    /// Follows `$ref`. Other fields beside it are ignored.
    fn resolve<'a>(&'a self, mut schema: &'a Value) -> Option<Type<'a>> {
        for _ in 0..LONGEST_CHAIN {
            match schema.get("$ref").and_then(Value::as_str).filter(|r| !r.is_empty()) {
                None => return Some(Type::Custom(self, schema)),
                Some(reference) => {
                    let name = reference.strip_prefix("#/definitions/").unwrap_or("");
                    let own = || self.pointed_to(reference).map(|schema| Type::Custom(self, schema));
                    match self.beside(own, || builtin::definition(name))? {
                        Type::Custom(_, next) => schema = next,
                        builtin => return Some(builtin),
                    }
                }
            }
        }
        None
    }

    fn pointed_to(&self, reference: &str) -> Option<&Value> {
        let pointer = reference.strip_prefix("#/")?;
        pointer
            .split('/')
            .try_fold(&self.document, |at, step| at.get(&step.replace("~1", "/").replace("~0", "~")))
    }
}

/// The keys by which a list is merged; `None` if its strategy is not to merge.
pub fn merge_keys(schema: &Value) -> Option<Vec<&str>> {
    let strategy = schema.get("x-kubernetes-patch-strategy").and_then(Value::as_str)?;
    if !strategy.split(',').any(|word| word == "merge") {
        return None;
    }
    if let Some(Value::Seq(keys)) = schema.get("x-kubernetes-list-map-keys") {
        return Some(keys.iter().filter_map(Value::as_str).collect());
    }
    Some(schema.get("x-kubernetes-patch-merge-key").and_then(Value::as_str).into_iter().collect())
}

fn find_roots(document: &Value) -> Result<HashMap<(String, String), String>> {
    let mut roots = HashMap::new();
    for (name, definition) in document.get("definitions").and_then(Value::as_map).unwrap_or(&[]) {
        for gvk in definition.get(TYPES).and_then(Value::as_seq).unwrap_or(&[]) {
            let id = type_meta(gvk).ok_or_else(|| {
                Error::new(format!(
                    "definition {name} of the OpenAPI document names a type without version or kind"
                ))
                .hint(format!("each entry of {TYPES} has group, version and kind"))
            })?;
            roots.insert(id, name.to_string());
        }
    }
    Ok(roots)
}

fn find_scopes(document: &Value) -> HashMap<(String, String), bool> {
    let mut scopes = HashMap::new();
    for (path, item) in document.get("paths").and_then(Value::as_map).unwrap_or(&[]) {
        let Some(id) = item.at(&["get", TYPES]).and_then(type_meta) else { continue };
        let namespaced = path.contains("namespaces/{namespace}");
        *scopes.entry(id).or_insert(false) |= namespaced;
    }
    scopes
}

/// `apiVersion` and `kind` of an entry of `x-kubernetes-group-version-kind`.
fn type_meta(gvk: &Value) -> Option<(String, String)> {
    let version = gvk.get("version")?.as_str()?;
    let kind = gvk.get("kind")?.as_str()?;
    let group = gvk.get("group").and_then(Value::as_str).unwrap_or("");
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Some((api_version, kind.to_owned()))
}
