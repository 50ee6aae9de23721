//! Annotations in which kustomize stores its memory: objects may contain some, which are read and removed.

use super::{Behavior, Memory, Previous};
use keyfill_yaml::{Map, Node, Text};

/// Prefix of annotations that are never printed.
const DOMAIN: &str = "internal.config.kubernetes.io/";

/// Annotations of other tools that are not printed, either.
const LEGACY: [&str; 3] = ["config.kubernetes.io/path", "config.kubernetes.io/index", "config.k8s.io/id"];

/// The annotations with that prefix that the build reads and removes. Others stay in the object.
const KNOWN: [&str; 16] = [
    "previousKinds",
    "previousNames",
    "previousNamespaces",
    "prefixes",
    "suffixes",
    "allowNameChange",
    "allowKindChange",
    "refBy",
    "generatorBehavior",
    "needsHashSuffix",
    "path",
    "index",
    "seqindent",
    "id",
    "annotations-migration-resource-id",
    "helm-generated",
];

/// Removes the build's annotations from an object and returns what they say.
pub fn take(object: &mut Node) -> Memory {
    let mut memory = Memory::default();
    let Some(Node::Map(map)) = object
        .as_map_mut()
        .and_then(|m| m.get_mut("metadata"))
        .and_then(Node::as_map_mut)
        .and_then(|m| m.get_mut("annotations"))
    else {
        return memory;
    };
    if !map.keys().any(is_ours) {
        return memory;
    }
    read(map, &mut memory);
    map.entries.retain(|e| !is_ours(&e.key.text));
    memory
}

/// Removes the annotations that are left at the end of the build, and ignores what they say.
pub fn drop_all(object: &mut Node) {
    let annotations = object.get_mut("metadata").and_then(|m| m.get_mut("annotations"));
    if let Some(map) = annotations.and_then(Node::as_map_mut)
        && map.keys().any(is_ours)
    {
        map.entries.retain(|e| !is_ours(&e.key.text));
    }
}

fn is_ours(key: &str) -> bool {
    key.strip_prefix(DOMAIN).is_some_and(|name| KNOWN.contains(&name)) || LEGACY.contains(&key)
}

fn read(map: &Map, memory: &mut Memory) {
    let text = |name: &str| map.get(&format!("{DOMAIN}{name}")).and_then(Node::text);
    let list = |name: &str| -> Vec<Text> {
        text(name).map(|t| t.split(',').map(Text::from).collect()).unwrap_or_default()
    };
    let (names, namespaces, kinds) =
        (list("previousNames"), list("previousNamespaces"), list("previousKinds"));
    if names.len() == namespaces.len() && names.len() == kinds.len() {
        let rows = names.into_iter().zip(namespaces).zip(kinds);
        memory.previous = rows.map(|((name, namespace), kind)| Previous { namespace, name, kind }).collect();
    }
    memory.prefixes = list("prefixes");
    memory.suffixes = list("suffixes");
    memory.needs_hash = text("needsHashSuffix") == Some("enabled");
    memory.behavior = text("generatorBehavior").map(Behavior::from_name);
    memory.from_chart = text("helm-generated") == Some("true");
}
