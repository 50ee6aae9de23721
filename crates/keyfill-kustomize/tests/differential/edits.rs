//! Patches for the fields that an object has.

use crate::objects::{container, pairs, ports, scalar};
use crate::places::{self, Place, Step, key, written};
use crate::random::Random;
use crate::writer::Y;
use keyfill_yaml::{Map, Node, ScalarKind};

/// The fields of a strategic merge patch for an object, without those that identify it.
pub fn merge_fields(object: &Node, random: &mut Random) -> Vec<(String, Y)> {
    let Node::Map(map) = object else { return Vec::new() };
    let mut fields = Vec::new();
    for (name, value) in map.iter().filter(|(name, _)| !matches!(*name, "apiVersion" | "kind" | "metadata")) {
        if random.percent(60) {
            fields.push((key(name), changed(value, random, 0)));
        }
    }
    if random.percent(6) {
        fields.push(("extra".to_owned(), scalar(random)));
    }
    fields
}

/// A patch for a node.
fn changed(node: &Node, random: &mut Random, depth: usize) -> Y {
    if random.percent(3) {
        return "null".into();
    }
    match node {
        Node::Scalar(scalar) => new_scalar(scalar.kind(), random),
        Node::Map(map) => changed_map(map, random, depth),
        Node::Seq(seq) => {
            let mut items = Vec::new();
            for item in &seq.items {
                if random.percent(50) {
                    items.push(changed_item(item, random, depth));
                }
            }
            if random.percent(20) {
                items.push(fresh_item(&seq.items, random));
            }
            if random.percent(3) && matches!(seq.items.first(), Some(Node::Map(_))) {
                items.push(Y::map([("$patch", random.pick(&["replace", "delete", "merge"]).into())]));
            }
            if random.percent(25) {
                items.reverse();
            }
            Y::List(items)
        }
    }
}

fn changed_map(map: &Map, random: &mut Random, depth: usize) -> Y {
    let mut fields: Vec<(String, Y)> = Vec::new();
    for (name, value) in map.iter() {
        if random.percent(if depth < 2 { 55 } else { 35 }) {
            fields.push((key(name), changed(value, random, depth + 1)));
        }
    }
    if random.percent(8) {
        fields.push(("added".to_owned(), scalar(random)));
    }
    if random.percent(4) {
        fields.push(("gone".to_owned(), "null".into()));
    }
    if random.percent(3) {
        fields.push(("$patch".to_owned(), random.pick(&["delete", "replace", "merge"]).into()));
    }
    if random.percent(1) {
        fields.push(("$retainKeys".to_owned(), Y::list(["name".into()])));
    }
    Y::Map(fields)
}

/// A patch for an item of a list, with the fields that identify the item.
fn changed_item(item: &Node, random: &mut Random, depth: usize) -> Y {
    let Node::Map(map) = item else { return changed(item, random, depth + 1) };
    let Y::Map(mut fields) = changed_map(map, random, depth + 1) else { return Y::Map(Vec::new()) };
    let keys = [
        "name",
        "mountPath",
        "containerPort",
        "port",
        "protocol",
        "key",
        "topologyKey",
        "ip",
        "devicePath",
        "uid",
    ];
    let own = keys.iter().filter_map(|k| Some((*k, map.get(k)?)));
    for (name, value) in own {
        fields.retain(|(k, _)| k != name);
        if random.percent(95) {
            fields.push((name.to_owned(), written(value, random)));
        }
    }
    Y::Map(fields)
}

fn new_scalar(kind: ScalarKind, random: &mut Random) -> Y {
    match kind {
        ScalarKind::Int if random.percent(80) => random.pick(&["7", "0", "443", "8443"]).into(),
        ScalarKind::Bool if random.percent(80) => random.pick(&["true", "false"]).into(),
        ScalarKind::Str if random.percent(60) => random
            .pick(&["new", "'quoted'", "\"1\"", "nginx:9", "a.b/c", "two words", "\"#x\"", "yes"])
            .into(),
        _ => scalar(random),
    }
}

/// A new item for a list.
fn fresh_item(items: &[Node], random: &mut Random) -> Y {
    match items.first() {
        Some(first) => fresh(first, random),
        None => "item".into(),
    }
}

/// A new item with the same fields as the existing ones.
fn fresh(like: &Node, random: &mut Random) -> Y {
    match like {
        Node::Map(map) if map.has("image") => container("fresh", random),
        Node::Map(map) if map.has("containerPort") => {
            if let Y::List(mut list) = ports(random) {
                list.swap_remove(0)
            } else {
                scalar(random)
            }
        }
        Node::Map(map) => Y::Map(
            map.iter()
                .map(|(name, value)| {
                    let value = match value.as_scalar().map(keyfill_yaml::Scalar::kind) {
                        Some(ScalarKind::Str) => Y::from(random.pick(&["fresh", "newer"])),
                        _ => written(value, random),
                    };
                    (key(name), value)
                })
                .collect(),
        ),
        other => written(other, random),
    }
}

/// Operations of a JSON patch that mostly succeed, as YAML or as JSON.
pub fn operations(object: &Node, random: &mut Random) -> String {
    let places = places::all(object);
    let count = 1 + random.below(2);
    let list = Y::List((0..count).map(|_| operation(&places, random)).collect());
    if random.percent(25) { json(&list) } else { list.text() }
}

fn operation(places: &[Place], random: &mut Random) -> Y {
    if places.is_empty() || random.percent(10) {
        let path = random.pick(&["/metadata/labels", "/metadata/annotations", "/spec", "/extra"]);
        return Y::map([("op", "add".into()), ("path", path.into()), ("value", pairs(random))]);
    }
    let place = &places[random.below(places.len())];
    let path = Y::from(quoted(&place.pointer()));
    match random.below(20) {
        0 => Y::map([("op", "remove".into()), ("path", path)]),
        2 => Y::map([("op", "test".into()), ("path", path), ("value", written(&place.node, random))]),
        3 => {
            let other = &places[random.below(places.len())];
            // Keys that distinguish the items of a list are never mappings.
            if place.node.as_scalar().is_some() != other.node.as_scalar().is_some() {
                return operation(places, random);
            }
            let op = random.pick(&["move", "copy", "copy"]);
            Y::map([("op", op.into()), ("from", path), ("path", quoted(&other.pointer()).into())])
        }
        4..=7 => match (&place.node, place.steps.last()) {
            (Node::Seq(seq), _) => {
                let at = random.pick(&["-", "0", "-", "-1"]);
                let value = fresh_item(&seq.items, random);
                let path = quoted(&format!("{}/{at}", place.pointer()));
                Y::map([("op", "add".into()), ("path", path.into()), ("value", value)])
            }
            (Node::Map(_), _) => {
                let name = random.pick(&["new", "a~1b", "example.com~1x", "other"]);
                let path = quoted(&format!("{}/{name}", place.pointer()));
                Y::map([("op", "add".into()), ("path", path.into()), ("value", value(random))])
            }
            (node, Some(Step::Item(..))) => {
                Y::map([("op", "add".into()), ("path", path), ("value", written(node, random))])
            }
            (Node::Scalar(s), _) => {
                Y::map([("op", "add".into()), ("path", path), ("value", new_scalar(s.kind(), random))])
            }
        },
        _ => {
            let value = match &place.node {
                Node::Scalar(s) => new_scalar(s.kind(), random),
                other => changed(other, random, 1),
            };
            Y::map([("op", "replace".into()), ("path", path), ("value", value)])
        }
    }
}

fn value(random: &mut Random) -> Y {
    match random.below(5) {
        0 => pairs(random),
        1 => Y::list([scalar(random), "x".into()]),
        _ => scalar(random),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The value as JSON text. Numbers stay as they are written.
fn json(y: &Y) -> String {
    match y {
        Y::Map(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(k, v)| {
                    let key = if k.starts_with('"') { k.clone() } else { quoted(k) };
                    format!("{key}: {}", json(v))
                })
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Y::List(items) => format!("[{}]", items.iter().map(json).collect::<Vec<_>>().join(", ")),
        Y::Raw(text) => match text.as_str() {
            "" | "~" => "null".to_owned(),
            text if serde_json::from_str::<serde_json::Value>(text).is_ok() => text.to_owned(),
            text => quoted(text.trim_matches('\'')),
        },
    }
}
