//! Config maps and secrets from literals, files and env files.

use crate::error::{Error, Result};
use crate::filters::scalar::made_string;
use crate::load::{Generator, GeneratorOptions, Loader};
use crate::resource::Resource;
use crate::schema::Schema;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use keyfill_yaml::{Map, Node, Scalar, Tag, Text};
use std::collections::BTreeMap;

/// A config map.
pub fn config_map(loader: &Loader, generator: &Generator, schema: &Schema) -> Result<Resource> {
    let mut object = base(generator, "ConfigMap")?;
    let mut data = Map::default();
    let mut binary = Map::default();
    for (key, value) in pairs(loader, generator)? {
        match std::str::from_utf8(&value) {
            Ok(text) => push(&mut data, key, Text::from(text)),
            Err(_) => push(&mut binary, key, base64_lines(&value)),
        }
    }
    if !data.is_empty() {
        object.set("data", Node::Map(data));
    }
    if !binary.is_empty() {
        object.set("binaryData", Node::Map(binary));
    }
    Ok(finish(object, generator, schema))
}

/// A secret.
pub fn secret(loader: &Loader, generator: &Generator, schema: &Schema) -> Result<Resource> {
    let mut object = base(generator, "Secret")?;
    let kind = if generator.secret_type.is_empty() { "Opaque" } else { generator.secret_type.as_str() };
    object.set("type", Node::string(kind));
    let mut data = Map::default();
    for (key, value) in pairs(loader, generator)? {
        push(&mut data, key, base64_lines(&value));
    }
    object.set("data", Node::Map(data));
    Ok(finish(object, generator, schema))
}

fn push(map: &mut Map, key: Text, value: Text) {
    // The keys come sorted and different: no look for one that is there.
    map.entries
        .push(keyfill_yaml::Entry { key: Scalar::plain(key), value: Node::Scalar(made_string(value)) });
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

/// Labels, annotations, `immutable`, and what the build has to remember.
fn finish(mut object: Map, generator: &Generator, schema: &Schema) -> Resource {
    let default = GeneratorOptions::default();
    let options = generator.options.as_ref().unwrap_or(&default);
    if let Some(Node::Map(metadata)) = object.get_mut("metadata") {
        for (field, pairs) in [("labels", &options.labels), ("annotations", &options.annotations)] {
            if !pairs.is_empty() {
                let mut map = Map::default();
                pairs.iter().for_each(|(key, value)| push(&mut map, key.clone(), value.clone()));
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

/// All pairs, by key; a key may come once.
fn pairs(loader: &Loader, generator: &Generator) -> Result<BTreeMap<Text, Bytes>> {
    let mut pairs = BTreeMap::new();
    let mut add = |key: Text, value: Bytes| match pairs.insert(key.clone(), value) {
        None => Ok(()),
        Some(_) => Err(Error::new(format!("configmap {} illegally repeats the key `{key}`", generator.name))),
    };
    for path in &generator.envs {
        let text = loader.load(path).map_err(|e| e.context("env file"))?;
        let file = loader.join(path)?;
        for (key, value) in env_pairs(&text).map_err(|e| e.at(file.as_str(), None))? {
            add(key, value)?;
        }
    }
    for literal in &generator.literals {
        let (key, value) = literal_pair(literal)?;
        add(key.into(), Bytes::copy_from_slice(value.as_bytes()))?;
    }
    for source in &generator.files {
        let (key, path) = file_source(source)?;
        add(key.into(), loader.load(path)?)?;
    }
    Ok(pairs)
}

/// Lines longer than this end the reading in the official tool, which does not say so.
const LONGEST_LINE: usize = 64 * 1024;

/// `key=value` lines; empty lines and comments are left out, a key alone has an empty value.
fn env_pairs(text: &[u8]) -> Result<Vec<(Text, Bytes)>> {
    let mut pairs = Vec::new();
    for (at, line) in text.split(|b| *b == b'\n').enumerate() {
        if line.len() >= LONGEST_LINE {
            break;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let Ok(mut line) = std::str::from_utf8(line) else {
            return Err(Error::new("the line is not UTF-8").at_line(number));
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
            pairs.push((key.into(), Bytes::copy_from_slice(value.as_bytes())));
        }
    }
    Ok(pairs)
}

/// `key=value`; quotes around the whole value are taken off.
fn literal_pair(literal: &str) -> Result<(&str, &str)> {
    let Some((key, value)) = literal.split_once('=').filter(|(key, _)| !key.is_empty()) else {
        // The literal may be a secret: only what stands before a `=` is named.
        return Err(Error::new("invalid literal, expected key=value"));
    };
    let bytes = value.as_bytes();
    let is_quoted =
        bytes.len() >= 2 && bytes.first() == bytes.last() && matches!(bytes.first(), Some(b'"' | b'\''));
    Ok((key, if is_quoted { &value[1..value.len() - 1] } else { value }))
}

/// `path`, or `key=path`.
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

/// The last part of a path, as Go's `path.Base` has it.
fn base_name(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let trimmed = path.trim_end_matches('/');
    if trimmed.is_empty() { "/" } else { trimmed.rsplit('/').next().unwrap_or(trimmed) }
}

/// Base64 in lines of 70 characters; one that fits a line has no newline.
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
    fn env_files_have_comments_and_a_mark() {
        let pairs = env_pairs(b"\xef\xbb\xbfA=1\r\n# no\n\n  B = x\nC\n").unwrap();
        let pairs: Vec<(&str, &[u8])> = pairs.iter().map(|(k, v)| (k.as_str(), &v[..])).collect();
        assert_eq!(pairs, [("A", &b"1"[..]), ("B ", b" x"), ("C", b"")]);
    }

    #[test]
    fn long_base64_has_lines() {
        assert_eq!(base64_lines(b"abc"), "YWJj");
        let long = base64_lines(&[b'x'; 60]);
        assert!(long.ends_with('\n') && long.lines().next().is_some_and(|l| l.len() == 70));
    }
}
