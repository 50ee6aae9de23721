//! ConfigMaps and Secrets that are generated from literals, files and env files.

use crate::error::{Error, Result};
use crate::filters::scalar::made_string;
use crate::load::{Generator, GeneratorOptions, Loader};
use crate::resource::Resource;
use crate::schema::Schema;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use keyfill_diag::{Cx, ObjectRef};
use keyfill_yaml::{Location, Map, Node, Scalar, Tag, Text, TextPlace};
use std::collections::BTreeMap;

/// Generates a ConfigMap.
pub fn config_map(loader: &Loader, generator: &Generator, schema: &Schema) -> Result<Resource> {
    let mut object = base(generator, "ConfigMap")?;
    let mut data = Map::default();
    let mut binary = Map::default();
    for (key, (value, location)) in pairs(loader, generator).map_err(|e| about(e, generator, "ConfigMap"))? {
        match std::str::from_utf8(&value) {
            Ok(text) => push(&mut data, key, Text::from(text), location, loader.cx()),
            Err(_) => push(&mut binary, key, base64_lines(&value), location, loader.cx()),
        }
    }
    if !data.is_empty() {
        object.set("data", Node::Map(data));
    }
    if !binary.is_empty() {
        object.set("binaryData", Node::Map(binary));
    }
    Ok(finish(object, generator, schema, loader.cx()))
}

/// Generates a Secret.
pub fn secret(loader: &Loader, generator: &Generator, schema: &Schema) -> Result<Resource> {
    let mut object = base(generator, "Secret")?;
    let kind = if generator.secret_type.is_empty() { "Opaque" } else { generator.secret_type.as_str() };
    object.set("type", Node::string(kind));
    let mut data = Map::default();
    for (key, (value, location)) in pairs(loader, generator).map_err(|e| about(e, generator, "Secret"))? {
        push(&mut data, key, base64_lines(&value), location, loader.cx());
    }
    object.set("data", Node::Map(data));
    Ok(finish(object, generator, schema, loader.cx()))
}

/// Names the generated object in an error.
fn about(error: Error, generator: &Generator, kind: &str) -> Error {
    error.about(ObjectRef::new(kind, generator.namespace.as_str(), generator.name.as_str()))
}

fn push(map: &mut Map, key: Text, value: Text, location: Location, cx: &Cx) {
    // The keys come sorted and each occurs once, so no existing entry is looked for.
    let value = Node::Scalar(Scalar { location, ..made_string(value, cx) });
    map.entries.push(keyfill_yaml::Entry { key: Scalar::plain(key), value });
}

fn base(generator: &Generator, kind: &'static str) -> Result<Map> {
    if generator.name.is_empty() {
        return Err(Error::new("a configmap must have a name").hint("set `name` of the generator"));
    }
    let mut metadata = Map::default();
    metadata.set("name", Node::string(generator.name.clone()));
    if !generator.namespace.is_empty() {
        metadata.set("namespace", Node::string(generator.namespace.clone()));
    }
    let mut object = Map::default();
    object.set("apiVersion", Node::plain("v1"));
    object.set("kind", Node::plain(kind));
    object.set("metadata", Node::Map(metadata));
    Ok(object)
}

/// Adds labels, annotations and `immutable`, and sets what the build remembers about the resource.
fn finish(mut object: Map, generator: &Generator, schema: &Schema, cx: &Cx) -> Resource {
    let default = GeneratorOptions::default();
    let options = generator.options.as_ref().unwrap_or(&default);
    if let Some(Node::Map(metadata)) = object.get_mut("metadata") {
        for (field, pairs) in [("labels", &options.labels), ("annotations", &options.annotations)] {
            if !pairs.is_empty() {
                let mut map = Map::default();
                for (key, value) in pairs {
                    push(&mut map, key.clone(), value.clone(), Location::NONE, cx);
                }
                metadata.set(field, Node::Map(map));
            }
        }
    }
    if options.immutable {
        let scalar = Scalar { text: Text::new_static("true"), tag: Tag::Bool, ..Scalar::default() };
        object.set("immutable", Node::Scalar(scalar));
    }
    let mut resource = Resource::new(Node::Map(object), schema);
    resource.memory.needs_hash = !options.disable_name_suffix_hash;
    resource.memory.behavior = Some(generator.behavior);
    resource
}

/// All entries of the data, by key. A key may occur once.
fn pairs(loader: &Loader, generator: &Generator) -> Result<BTreeMap<Text, (Bytes, Location)>> {
    let mut pairs = BTreeMap::new();
    let mut add = |key: Text, value: Bytes, location: Location| {
        if pairs.insert(key.clone(), (value, location)).is_none() {
            return Ok(());
        }
        let message = format!("configmap {} illegally repeats the key `{key}`", generator.name);
        Err(Error::new(message).at_location(location))
    };
    for path in &generator.envs {
        let loaded = loader.load_manifest(path).map_err(|e| e.context("env file").at_spot(&path.spot))?;
        let (_, text, place) = loaded;
        for Line { key, value, number } in env_pairs(&text, place)? {
            add(key, value, place.location(number))?;
        }
    }
    for literal in &generator.literals {
        let (key, value) = literal_pair(literal).map_err(|e| e.at_spot(&literal.spot))?;
        add(key.into(), Bytes::copy_from_slice(value.as_bytes()), literal.spot.location())?;
    }
    for source in &generator.files {
        let (key, path) = file_source(source).map_err(|e| e.at_spot(&source.spot))?;
        let (_, content, place) = loader.load_manifest(path).map_err(|e| e.at_spot(&source.spot))?;
        add(key.into(), content, place.location(1)).map_err(|e| e.at_spot(&source.spot))?;
    }
    Ok(pairs)
}

/// A line of an env file.
struct Line {
    key: Text,
    value: Bytes,
    /// Line number, counted from 1.
    number: u32,
}

/// The longest line in bytes. The official tool stops reading at a longer line, without an error.
const LONGEST_LINE: usize = 64 * 1024;

/// The `key=value` lines of an env file. Empty lines and comments are left out; a key alone has an empty value.
fn env_pairs(text: &[u8], place: TextPlace) -> Result<Vec<Line>> {
    let mut pairs = Vec::new();
    for (at, line) in text.split(|b| *b == b'\n').enumerate() {
        if line.len() >= LONGEST_LINE {
            break;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let Ok(mut line) = std::str::from_utf8(line) else {
            return Err(Error::new("the line is not UTF-8").at_location(place.location(number)));
        };
        if at == 0 {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        if !key.is_empty() {
            pairs.push(Line { key: key.into(), value: Bytes::copy_from_slice(value.as_bytes()), number });
        }
    }
    Ok(pairs)
}

/// Splits `key=value`. Quotes around the whole value are removed.
fn literal_pair(literal: &str) -> Result<(&str, &str)> {
    let Some((key, value)) = literal.split_once('=').filter(|(key, _)| !key.is_empty()) else {
        // The literal may be a secret, so the message does not quote it.
        return Err(Error::new("invalid literal, expected key=value"));
    };
    let bytes = value.as_bytes();
    let is_quoted =
        bytes.len() >= 2 && bytes.first() == bytes.last() && matches!(bytes.first(), Some(b'"' | b'\''));
    Ok((key, if is_quoted { &value[1..value.len() - 1] } else { value }))
}

/// Splits `key=path`. A `path` alone has its file name as key.
fn file_source(source: &str) -> Result<(&str, &str)> {
    let mut parts = source.split('=');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(path), None, _) => Ok((base_name(path), path)),
        (Some(""), Some(_), None) => Err(Error::new(format!("missing key name in file source \"{source}\""))),
        (Some(_), Some(""), None) => {
            Err(Error::new(format!("missing file path in file source \"{source}\"")))
        }
        (Some(key), Some(path), None) => Ok((key, path)),
        _ => Err(Error::new(format!("key name or file path of \"{source}\" contains '='"))),
    }
}

/// The last part of a path, as Go's `path.Base` returns it.
pub(super) fn base_name(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() { "/" } else { trimmed.rsplit('/').next().unwrap_or(trimmed) }
}

/// Base64 in lines of 70 characters, each with a newline. Shorter text is one line without a newline.
fn base64_lines(value: &[u8]) -> Text {
    const LINE: usize = 70;
    let encoded = STANDARD.encode(value);
    if encoded.len() < LINE {
        return encoded.into();
    }
    let mut lines = String::with_capacity(encoded.len() + encoded.len() / LINE + 1);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        lines.push_str(line);
        lines.push('\n');
        rest = after;
    }
    lines.into()
}

#[cfg(test)]
mod tests {
    use super::{base_name, base64_lines, env_pairs, file_source, literal_pair};
    use keyfill_yaml::TextPlace;

    #[test]
    fn literals_lose_their_quotes() {
        assert_eq!(literal_pair("a=\"b c\"").unwrap(), ("a", "b c"));
        assert_eq!(literal_pair("a='").unwrap(), ("a", "'"));
        assert_eq!(literal_pair("a=b=c").unwrap(), ("a", "b=c"));
        assert!(literal_pair("=b").is_err() && literal_pair("a").is_err());
    }

    #[test]
    fn file_sources_may_name_a_key() {
        assert_eq!(file_source("dir/a.txt").unwrap(), ("a.txt", "dir/a.txt"));
        assert_eq!(file_source("k=dir/a.txt").unwrap(), ("k", "dir/a.txt"));
        assert!(file_source("=a").is_err() && file_source("a=").is_err() && file_source("a=b=c").is_err());
        assert_eq!((base_name(""), base_name("a/"), base_name("/")), (".", "a", "/"));
    }

    #[test]
    fn comments_and_the_byte_order_mark_of_an_env_file_are_skipped() {
        let text = b"\xef\xbb\xbfA=1\r\n# no\n\n  B = x\nC\n";
        let pairs = env_pairs(text, TextPlace::default()).unwrap();
        let pairs: Vec<(&str, &[u8], u32)> =
            pairs.iter().map(|l| (l.key.as_str(), &l.value[..], l.number)).collect();
        assert_eq!(pairs, [("A", &b"1"[..], 1), ("B ", b" x", 4), ("C", b"", 5)]);
    }

    #[test]
    fn long_base64_is_split_into_lines() {
        assert_eq!(base64_lines(b"abc"), "YWJj");
        let long = base64_lines(&[b'x'; 60]);
        assert!(long.ends_with('\n') && long.lines().next().is_some_and(|l| l.len() == 70));
    }
}
