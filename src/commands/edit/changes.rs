//! Finds the fields of a document that an edit changes.

use super::splice::{Change, Key, Value};
use crate::render::edits::{Image, is_annotation_key, merged_image, parse_image};
use crate::report::Problem;
use anyhow::{Context as _, Result};
use keyfill_yaml::Node;

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetKind {
    /// A kustomization.
    Kustomization,
    /// A chart's values file.
    Values,
    /// Manifests of Kubernetes objects.
    Manifest,
}

/// The requested edit.
pub enum Wanted {
    /// Images by their names; the path is for values files.
    Images(Vec<(String, Image)>, Option<Vec<Key>>),
    /// Annotations by their keys; the path is for values files.
    Annotations(Vec<(String, String)>, Option<Vec<Key>>),
    /// Numbers of replicas by the names of workloads; the path is for values files.
    Replicas(Vec<(String, u64)>, Option<Vec<Key>>),
}

impl Wanted {
    /// Parses `NAME[=NEW][:TAG|@DIGEST]`.
    pub fn images(texts: &[String], at: Option<&str>) -> Result<Self> {
        Ok(Self::Images(texts.iter().map(|text| parse_image(text)).collect::<Result<_>>()?, at.map(path)))
    }

    /// Parses `KEY=VALUE`.
    pub fn annotations(texts: &[String], at: Option<&str>) -> Result<Self> {
        let pair = |text: &String| {
            let form = || Problem::usage(format!("the annotation {text:?} must be written as KEY=VALUE"));
            let (key, value) = text.split_once('=').with_context(form)?;
            if !is_annotation_key(key) {
                return Err(form().into());
            }
            Ok((key.to_owned(), value.to_owned()))
        };
        Ok(Self::Annotations(texts.iter().map(pair).collect::<Result<_>>()?, at.map(path)))
    }

    /// Parses `NAME=COUNT`.
    pub fn replicas(texts: &[String], at: Option<&str>) -> Result<Self> {
        let pair = |text: &String| {
            let form = || Problem::usage(format!("{text:?} must be written as NAME=COUNT"));
            let (name, count) = text.split_once('=').with_context(form)?;
            let count: u32 = count.parse().ok().with_context(form)?;
            Ok((name.to_owned(), u64::from(count)))
        };
        Ok(Self::Replicas(texts.iter().map(pair).collect::<Result<_>>()?, at.map(path)))
    }

    /// A description for errors.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Images(..) => "an image of that name",
            Self::Annotations(..) => "an annotation",
            Self::Replicas(..) => "a number of replicas",
        }
    }

    /// The changes of a document; `None` if it has no field for them.
    pub fn changes(&self, node: &Node, kind: TargetKind) -> Result<Option<Vec<Change>>> {
        let mut changes = Vec::new();
        let found = match (self, kind) {
            (Self::Images(images, _), TargetKind::Kustomization) => {
                images.iter().for_each(|image| kustomize_image(node, image, &mut changes));
                true
            }
            (Self::Images(images, Some(at)), TargetKind::Values) => {
                let image = images.last().zip(below(node, at));
                image.is_some_and(|(image, held)| image_at(held, image, at, &mut changes))
            }
            (Self::Images(images, _), TargetKind::Values | TargetKind::Manifest) => {
                let mut found = false;
                for image in images {
                    written_images(node, image, &mut Vec::new(), &mut found, &mut changes);
                }
                found
            }
            (Self::Annotations(pairs, _), TargetKind::Kustomization) => {
                map_entries(node, &[], "commonAnnotations", pairs, &mut changes);
                true
            }
            (Self::Annotations(pairs, _), TargetKind::Manifest) => {
                let is_object = node.get("metadata").and_then(Node::as_map).is_some();
                if is_object {
                    map_entries(node, &[Key::from("metadata")], "annotations", pairs, &mut changes);
                }
                is_object
            }
            (Self::Annotations(pairs, at), TargetKind::Values) => {
                let default = vec![Key::from("commonAnnotations")];
                let mut at = at.clone().unwrap_or(default);
                let Some(Key::Name(last)) = at.pop() else { return Ok(None) };
                let there = below(node, &at).and_then(Node::as_map);
                let is_there = there.is_some_and(|map| map.has(&last));
                if is_there {
                    map_entries(node, &at, &last, pairs, &mut changes);
                }
                is_there
            }
            (Self::Replicas(pairs, _), TargetKind::Kustomization) => {
                pairs.iter().for_each(|pair| kustomize_replicas(node, pair, &mut changes));
                true
            }
            (Self::Replicas(pairs, _), TargetKind::Manifest) => {
                let name = node.at(&["metadata", "name"]).and_then(Node::text);
                let pair = pairs.iter().find(|(wanted, _)| name == Some(wanted));
                let has_spec = node.get("spec").and_then(Node::as_map).is_some();
                if let (Some((_, count)), true) = (pair, has_spec) {
                    let value = Value::Number(*count);
                    changes.push(Change::Set(vec![Key::from("spec")], "replicas".into(), value));
                }
                pair.is_some() && has_spec
            }
            (Self::Replicas(pairs, at), TargetKind::Values) => {
                // A values file has no names of workloads: the path selects the field.
                let at = at.clone().unwrap_or_else(|| vec![Key::from("replicaCount")]);
                let is_there = below(node, &at).is_some();
                if let (Some((_, count)), true) = (pairs.last(), is_there) {
                    changes.push(Change::Put(at, Value::Number(*count)));
                }
                is_there
            }
        };
        Ok(found.then_some(changes))
    }
}

/// Parses a path such as `a.b.0`. Keys with a dot are not supported.
fn path(text: &str) -> Vec<Key> {
    let key = |part: &str| match part.parse() {
        Ok(index) => Key::Index(index),
        Err(_) => Key::from(part),
    };
    text.trim_start_matches('.').split('.').map(key).collect()
}

fn below<'n>(node: &'n Node, path: &[Key]) -> Option<&'n Node> {
    path.iter().try_fold(node, |node, key| match key {
        Key::Name(name) => node.get(name),
        Key::Index(index) => node.as_seq()?.items.get(*index),
    })
}

fn text_of<'n>(node: &'n Node, key: &str) -> &'n str {
    node.get(key).and_then(Node::text).unwrap_or_default()
}

/// Like `kustomize edit set image`: sets the fields of the entry with this name; `*` keeps the old value.
fn kustomize_image(node: &Node, (name, image): &(String, Image), changes: &mut Vec<Change>) {
    let items = node.get("images").and_then(Node::as_seq).map(|seq| seq.items.as_slice()).unwrap_or_default();
    let at = items.iter().position(|item| text_of(item, "name") == name);
    let old = at.map(|at| Image::of_entry(&items[at])).unwrap_or_default();
    let merged = merged_image(image, &old);
    let fields = merged.fields();
    let Some(at) = at else {
        let entry =
            std::iter::once(("name", name.as_str())).chain(fields.into_iter().filter(|f| !f.1.is_empty()));
        let entry = entry.map(|(key, value)| (key.to_owned(), Value::Text(value.to_owned()))).collect();
        changes.push(Change::Push("images".into(), entry));
        return;
    };
    let path = vec![Key::from("images"), Key::from(at)];
    let is_there = |key: &str| items[at].get(key).is_some();
    // Entries are added before others are removed, so that the mapping always has an entry next to which the new
    // one is inserted.
    for (key, value) in
        fields.iter().filter(|(key, value)| !value.is_empty() && text_of(&items[at], key) != *value)
    {
        changes.push(Change::Set(path.clone(), (*key).to_owned(), Value::Text((*value).to_owned())));
    }
    for (key, _) in fields.iter().filter(|(key, value)| value.is_empty() && is_there(key)) {
        changes.push(Change::Remove(path.clone(), (*key).to_owned()));
    }
}

fn kustomize_replicas(node: &Node, (name, count): &(String, u64), changes: &mut Vec<Change>) {
    let items =
        node.get("replicas").and_then(Node::as_seq).map(|seq| seq.items.as_slice()).unwrap_or_default();
    match items.iter().position(|item| text_of(item, "name") == name) {
        Some(at) if text_of(&items[at], "count") == count.to_string() => {}
        Some(at) => {
            let path = vec![Key::from("replicas"), Key::from(at)];
            changes.push(Change::Set(path, "count".into(), Value::Number(*count)));
        }
        None => {
            let entry =
                vec![("name".into(), Value::Text(name.clone())), ("count".into(), Value::Number(*count))];
            changes.push(Change::Push("replicas".into(), entry));
        }
    }
}

/// Sets entries of a mapping of strings, which is created if it does not exist.
fn map_entries(node: &Node, path: &[Key], key: &str, pairs: &[(String, String)], changes: &mut Vec<Change>) {
    let full = [path, &[Key::from(key)]].concat();
    let held = below(node, &full);
    let mut is_open = held.is_some();
    for (name, value) in pairs {
        let value = Value::Text(value.clone());
        if held
            .is_some_and(|held| held.get(name).is_some() && Value::Text(text_of(held, name).into()) == value)
        {
            continue;
        }
        if is_open {
            changes.push(Change::Set(full.clone(), name.clone(), value));
        } else {
            changes.push(Change::Open(path.to_vec(), key.to_owned(), (name.clone(), value)));
            is_open = true;
        }
    }
}

/// Changes images in values and manifests: a text `NAME:TAG`, or a mapping with `repository` and `tag`.
fn written_images(
    node: &Node,
    wanted: &(String, Image),
    path: &mut Vec<Key>,
    found: &mut bool,
    changes: &mut Vec<Change>,
) {
    match node {
        Node::Scalar(_) => {}
        Node::Seq(seq) => {
            for (index, item) in seq.items.iter().enumerate() {
                path.push(Key::Index(index));
                written_images(item, wanted, path, found, changes);
                path.pop();
            }
        }
        Node::Map(map) => {
            if is_repository(node, &wanted.0) {
                *found = true;
                repository_changes(node, &wanted.1, path, changes);
                return;
            }
            for (key, value) in map.iter() {
                path.push(Key::from(key));
                match value.text() {
                    Some(text) if key == "image" && name_of(text) == wanted.0 => {
                        *found = true;
                        let new = image_text(text, &wanted.1);
                        if new != text {
                            changes.push(Change::Put(path.clone(), Value::Text(new)));
                        }
                    }
                    _ => written_images(value, wanted, path, found, changes),
                }
                path.pop();
            }
        }
    }
}

/// Changes the image at a path of a values file: a mapping with `repository` and `tag`, a text `NAME:TAG`, or only
/// a tag. `false` for anything else.
fn image_at(held: &Node, (name, image): &(String, Image), path: &[Key], changes: &mut Vec<Change>) -> bool {
    if held.as_map().is_some() {
        repository_changes(held, image, path, changes);
        return true;
    }
    let Some(text) = held.text() else { return false };
    let [(_, new_name), (_, tag), (_, digest)] = image.fields();
    let new = if name_of(text) == name {
        image_text(text, image)
    } else {
        match (new_name, tag, digest) {
            ("" | "*", tag, "" | "*") if !matches!(tag, "" | "*") => tag.to_owned(),
            ("" | "*", "" | "*", digest) if !matches!(digest, "" | "*") => digest.to_owned(),
            _ => return false,
        }
    };
    if new != text {
        changes.push(Change::Put(path.to_vec(), Value::Text(new)));
    }
    true
}

/// Whether a mapping with `repository`, and optionally `registry`, is this image.
fn is_repository(node: &Node, name: &str) -> bool {
    let (registry, repository) = (text_of(node, "registry"), text_of(node, "repository"));
    !repository.is_empty()
        && (repository == name || !registry.is_empty() && format!("{registry}/{repository}") == name)
}

fn repository_changes(node: &Node, image: &Image, path: &[Key], changes: &mut Vec<Change>) {
    let [(_, new_name), (_, tag), (_, digest)] = image.fields();
    let mut set = |key: &str, value: &str| {
        if text_of(node, key) != value {
            changes.push(Change::Set(path.to_vec(), key.to_owned(), Value::Text(value.to_owned())));
        }
    };
    if !matches!(new_name, "" | "*") {
        let registry = text_of(node, "registry");
        let within = new_name.strip_prefix(registry).and_then(|rest| rest.strip_prefix('/'));
        match (registry, within) {
            ("", _) => set("repository", new_name),
            (_, Some(rest)) => set("repository", rest),
            (_, None) => {
                let (registry, rest) = new_name.split_once('/').unwrap_or(("", new_name));
                set("registry", registry);
                set("repository", rest);
            }
        }
    }
    if !matches!(tag, "" | "*") {
        set("tag", tag);
    }
    match digest {
        "*" => {}
        "" if tag.is_empty() || text_of(node, "digest").is_empty() => {}
        digest => set("digest", digest),
    }
}

/// The name of an image, without tag and digest.
fn name_of(text: &str) -> &str {
    let rest = text.split_once('@').map_or(text, |(rest, _)| rest);
    let slash = rest.rfind('/').map_or(0, |at| at + 1);
    rest[slash..].find(':').map_or(rest, |colon| &rest[..slash + colon])
}

/// The text of a changed image. A new tag or digest replaces both old ones.
fn image_text(old: &str, image: &Image) -> String {
    let [(_, new_name), (_, tag), (_, digest)] = image.fields();
    let name = name_of(old);
    let rest = &old[name.len()..];
    let name = if matches!(new_name, "" | "*") { name } else { new_name };
    let is_kept = |part: &str| matches!(part, "" | "*");
    if is_kept(tag) && is_kept(digest) {
        return format!("{name}{rest}");
    }
    let tag = if is_kept(tag) { String::new() } else { format!(":{tag}") };
    let digest = if is_kept(digest) { String::new() } else { format!("@{digest}") };
    format!("{name}{tag}{digest}")
}

#[cfg(test)]
mod tests {
    use super::{image_text, name_of};
    use crate::render::edits::parse_image;

    #[test]
    fn an_image_is_written_with_what_is_new() {
        for (old, argument, new) in [
            ("nginx:1", "nginx:2", "nginx:2"),
            ("host:5000/a/b:1@sha256:aa", "host:5000/a/b:2", "host:5000/a/b:2"),
            ("nginx", "nginx=r/nginx", "r/nginx"),
            ("nginx:1", "nginx=r/nginx", "r/nginx:1"),
            ("nginx:1", "nginx@sha256:bb", "nginx@sha256:bb"),
        ] {
            let (name, image) = parse_image(argument).unwrap();
            assert_eq!((name_of(old), image_text(old, &image).as_str()), (name.as_str(), new));
        }
    }
}
