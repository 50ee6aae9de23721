//! Generators of the kind `ksops`: manifests and Secrets from files that SOPS has encrypted.
//!
//! The output of the plugin is built as text, as ksops prints it, because kustomize parses that text: a file
//! without a newline at its end, a list or a separator has the same effect as there.

use super::env_text;
use crate::error::{Error, Result};
use crate::load::{Loader, Object, Spot, Spotted, objects_of};
use crate::outside::Outside;
use crate::resource::{Behavior, Resource, drop_annotation, metadata, strings_in_metadata, text_of_scalar};
use crate::schema::Schema;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use keyfill_files::Files as _;
use keyfill_yaml::{Limits, Node, Text, TextPlace, Value, to_yaml};
use std::collections::BTreeMap;

/// Group of the generator's `apiVersion`.
const GROUP: &str = "viaduct.ai";
const VERSION: &str = "v1";

/// Kind of the generator.
const KIND: &str = "ksops";

/// Annotations that run ksops as a function, which gets the generator's object on stdin and prints a list.
const FUNCTION: [&str; 2] = ["config.kubernetes.io/function", "config.k8s.io/function"];

/// Annotation that says whether the name of a generated object gets a hash.
const NEEDS_HASH: &str = "kustomize.config.k8s.io/needs-hash";

/// Annotation with the behavior for an object that exists already: `create`, `replace` or `merge`.
const BEHAVIOR: &str = "kustomize.config.k8s.io/behavior";

/// Whether an object of `generators` is a ksops generator.
pub fn is_ksops(plugin: &Resource) -> bool {
    let gvk = plugin.gvk();
    gvk.group == GROUP && gvk.version == VERSION && gvk.kind == KIND
}

/// Runs a ksops generator and returns its resources.
pub fn ksops(
    loader: &Loader,
    outside: Outside<'_>,
    plugin: &Resource,
    object: &Object,
    schema: &Schema,
) -> Result<Vec<Resource>> {
    let text = Named { loader, outside }.text(object)?;
    let limits = Limits::from(loader.cx());
    // Decrypted text is in no file, so errors name the generator.
    let place = TextPlace::line(object.item().spot().location());
    let mut nodes = objects_of(place, &text, &limits).map_err(|e| e.context("what was decrypted"))?;
    if is_function(&plugin.node) {
        // The library that runs functions sorts their lists.
        nodes.sort_by_key(sort_key);
    }
    let made = nodes.into_iter().map(|node| options(Resource::new(node, schema)));
    made.collect()
}

fn is_function(plugin: &Node) -> bool {
    let annotations = metadata(plugin).and_then(|m| m.get("annotations"));
    annotations.is_some_and(|all| FUNCTION.iter().any(|name| all.get(name).is_some()))
}

fn sort_key(node: &Node) -> String {
    let text = |node: Option<&Node>| node.map_or("", text_of_scalar).to_owned();
    let of_metadata = |name: &str| text(metadata(node).and_then(|m| m.get(name)));
    let parts =
        [text(node.get("apiVersion")), text(node.get("kind")), of_metadata("namespace"), of_metadata("name")];
    parts.join(" ")
}

/// Reads the options that an object's annotations set, as kustomize does for every plugin.
fn options(mut resource: Resource) -> Result<Resource> {
    let annotations = metadata(&resource.node).and_then(|m| m.get("annotations"));
    let says =
        |name: &str| annotations.and_then(|all| all.get(name)).map(|node| text_of_scalar(node).to_owned());
    let (needs_hash, behavior) = (says(NEEDS_HASH), says(BEHAVIOR));
    if let Some(text) = needs_hash {
        resource.memory.needs_hash = boolean(&text).ok_or_else(|| {
            let error = Error::new(format!("the annotation {NEEDS_HASH} is no boolean"));
            resource.blame_here(error.hint("write \"true\" or \"false\""))
        })?;
    }
    resource.memory.behavior = Some(Behavior::from_name(behavior.as_deref().unwrap_or_default()));
    drop_annotation(&mut resource.node, NEEDS_HASH);
    drop_annotation(&mut resource.node, BEHAVIOR);
    strings_in_metadata(&mut resource.node, "annotations");
    Ok(resource)
}

/// Parses a boolean as Go's `strconv.ParseBool` does.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Reads the files that a generator names.
struct Named<'a> {
    loader: &'a Loader<'a>,
    outside: Outside<'a>,
}

impl Named<'_> {
    /// The text that ksops prints.
    fn text(&self, object: &Object) -> Result<Vec<u8>> {
        let (files, secrets) = (object.get("files"), object.get("secretFrom"));
        if files.is_null() && secrets.is_null() {
            return Err(object.error("a generator of the kind ksops needs `files` or `secretFrom`"));
        }
        let (files, secrets) = (files.spotted_texts()?, secrets.items()?);
        let documents = files.len() + secrets.len();
        let mut text = Vec::new();
        for (at, file) in files.iter().enumerate() {
            text.extend_from_slice(&self.plain(file, &file.spot)?);
            if at + 1 < documents {
                text.extend_from_slice(b"\n---\n");
            }
        }
        for (at, secret) in secrets.iter().enumerate() {
            text.extend_from_slice(&to_yaml(&self.secret(&secret.object(&[])?)?));
            if at + 1 < secrets.len() {
                text.extend_from_slice(b"---\n");
            }
        }
        Ok(text)
    }

    /// The decrypted content of a file. Its path is relative to the kustomization that lists the generator. ksops
    /// itself is not bound by kustomize's load restrictor, but no path may leave the tree.
    fn plain(&self, path: &str, spot: &Spot) -> Result<Bytes> {
        self.loader.cx().check()?;
        let file = self.loader.join(path).map_err(|e| e.at_spot(spot))?;
        let read = self.loader.files().read(&file);
        let encrypted = read.map_err(|e| self.loader.file_error(path, &file, &e).at_spot(spot))?;
        let decrypted = self.outside.decrypt.decrypt(file.as_str(), &encrypted, self.loader.cx());
        decrypted.map_err(|e| Error::of_decrypt(&e).at_spot(spot))
    }

    /// A Secret that is made of files: as text, as binary data, or as env files.
    fn secret(&self, object: &Object) -> Result<Value> {
        let (mut texts, mut binaries) = (BTreeMap::new(), BTreeMap::new());
        for file in object.get("files").spotted_texts()? {
            let (key, content) = self.keyed(&file)?;
            texts.insert(key, go_text(&content));
        }
        for file in object.get("binaryFiles").spotted_texts()? {
            let (key, content) = self.keyed(&file)?;
            binaries.insert(key, Text::from(STANDARD.encode(&content)));
        }
        for file in object.get("envs").spotted_texts()? {
            let content = self.plain(&file, &file.spot)?;
            let variables = env_text::read(&go_text(&content)).map_err(|e| e.at_spot(&file.spot))?;
            texts.extend(variables);
        }
        let mut secret = vec![("apiVersion".into(), string("v1"))];
        if !binaries.is_empty() {
            secret.push(("data".into(), strings(binaries)));
        }
        secret.push(("kind".into(), string("Secret")));
        secret.push(("metadata".into(), described(&object.get("metadata").object(&[])?)?));
        if !texts.is_empty() {
            secret.push(("stringData".into(), strings(texts)));
        }
        let kind = object.text("type")?;
        if !kind.is_empty() {
            secret.push(("type".into(), Value::Str(kind)));
        }
        Ok(Value::Map(secret))
    }

    /// Splits `key=path` and decrypts the file. A `path` alone has its file name as key.
    fn keyed(&self, file: &Spotted<Text>) -> Result<(Text, Bytes)> {
        let (key, path) = match file.split_once('=') {
            None => (super::base_name(file), file.as_str()),
            Some((key, path)) if !path.contains('=') => (key, path),
            Some(_) => {
                let error = Error::new(format!("key name or file path of \"{}\" contains '='", file.value));
                return Err(error.at_spot(&file.spot));
            }
        };
        Ok((key.into(), self.plain(path, &file.spot)?))
    }
}

/// The fields of `metadata` that ksops knows, in the order in which it prints them.
fn described(object: &Object) -> Result<Value> {
    let mut fields = Vec::new();
    for name in ["annotations", "labels"] {
        let pairs = object.get(name).text_map()?;
        if !pairs.is_empty() {
            fields.push((Text::from(name), strings(pairs)));
        }
    }
    for name in ["name", "namespace"] {
        let text = object.text(name)?;
        if !text.is_empty() {
            fields.push((Text::from(name), Value::Str(text)));
        }
    }
    Ok(Value::Map(fields))
}

fn string(text: &'static str) -> Value {
    Value::Str(Text::new_static(text))
}

fn strings(pairs: impl IntoIterator<Item = (Text, Text)>) -> Value {
    Value::Map(pairs.into_iter().map(|(key, text)| (key, Value::Str(text))).collect())
}

/// Bytes as Go's JSON encoder writes them: a byte that is not UTF-8 becomes U+FFFD.
fn go_text(bytes: &[u8]) -> Text {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text.into()
}
