//! Replacements and variables between existing objects.

use crate::layers::Known;
use crate::places::{self, Place};
use crate::random::Random;
use crate::replacements::options;
use crate::writer::Y;
use keyfill_yaml::Node;

/// The places in an object that have a value.
fn values(known: &Known) -> Vec<Place> {
    let mut found = places::all(&known.node);
    found.retain(|p| p.node.text().is_none_or(|t| !t.contains('\n')));
    found
}

fn pick<'a, T>(list: &'a [T], random: &mut Random) -> &'a T {
    &list[random.below(list.len())]
}

/// One entry of `replacements`.
pub fn replacement(known: &[Known], random: &mut Random) -> Option<Y> {
    let from = pick(known, random);
    let mut entry = if random.percent(12) {
        Y::map([("sourceValue", random.pick(&["given", "'5'", "a-b", "x:y"]).into())])
    } else {
        let mut source = from.reference(random);
        let found: Vec<Place> = values(from).into_iter().filter(Place::is_value).collect();
        if !found.is_empty() && random.percent(75) {
            source = source.with("fieldPath", quoted(&pick(&found, random).dotted(random).replace('*', "0")));
        }
        if random.percent(12) {
            source = source
                .with("options", Y::map([("delimiter", random.pick(&["'-'", "':'", "/", "."]).into())]));
        }
        Y::map([("source", source)])
    };
    let targets = (0..1 + random.below(2)).filter_map(|_| target(known, random)).collect::<Vec<_>>();
    if targets.is_empty() {
        return None;
    }
    entry = entry.with("targets", Y::List(targets));
    Some(entry)
}

fn target(known: &[Known], random: &mut Random) -> Option<Y> {
    let to = pick(known, random);
    let mut found = values(to);
    if random.percent(85) {
        found.retain(Place::is_value);
        // A number can only be replaced by a number.
        if random.percent(80) {
            found.retain(|p| p.node.as_scalar().is_some_and(|s| s.kind() == keyfill_yaml::ScalarKind::Str));
        }
    }
    if found.is_empty() {
        return None;
    }
    let mut paths: Vec<Y> =
        (0..1 + random.below(2)).map(|_| quoted(&pick(&found, random).dotted(random)).into()).collect();
    if random.percent(15) {
        paths.push(inside_text(to, random)?);
    }
    let only_values = found.iter().all(Place::is_value);
    let creates = random.percent(25);
    if creates && random.percent(60) {
        let made =
            ["metadata.labels.copied", "metadata.annotations.[example.com/x]", "spec.new.deep", "data.new"];
        paths.push(quoted(random.pick(&made)).into());
    }
    let mut entry = Y::map([("select", selector(to, random))]);
    if random.percent(10) {
        entry = entry.with("reject", Y::list([selector(pick(known, random), random)]));
    }
    entry = entry.with("fieldPaths", Y::List(paths));
    if creates {
        let made =
            if only_values && random.percent(25) { options(random, false) } else { Y::Map(Vec::new()) };
        entry = entry.with("options", made.with("create", "true"));
    } else if only_values && random.percent(30) {
        entry = entry.with("options", options(random, false));
    }
    Some(entry)
}

/// A field path that continues inside a text that is JSON or YAML.
fn inside_text(to: &Known, random: &mut Random) -> Option<Y> {
    let texts: Vec<Place> = places::all(&to.node)
        .into_iter()
        .filter(|p| matches!(&p.node, Node::Scalar(s) if s.text.contains(": ")))
        .collect();
    if texts.is_empty() {
        return None;
    }
    let place = pick(&texts, random);
    let inner =
        keyfill_yaml::load_nodes(place.node.text()?.as_bytes(), &keyfill_yaml::Limits::default()).ok()?;
    let inner = places::all(inner.first()?);
    if inner.is_empty() {
        return None;
    }
    Some(quoted(&format!("{}.{}", place.dotted(random), pick(&inner, random).dotted(random))).into())
}

/// A selector for an object, which may select others, too.
pub fn selector(known: &Known, random: &mut Random) -> Y {
    let whole = known.reference(random);
    match random.below(8) {
        0 => Y::map([("kind", known.kind.clone().into())]),
        1 => Y::map([
            ("kind", known.kind.clone().into()),
            ("name", random.pick(&[".*", "a.*|b.*", ".+a"]).into()),
        ]),
        2 if !known.labels().is_empty() => {
            let (key, value) = &known.labels()[0];
            whole.with("labelSelector", quoted(&format!("{key}={value}")))
        }
        _ => whole,
    }
}

/// One entry of `vars`.
pub fn variable(name: &str, known: &[Known], random: &mut Random) -> Option<Y> {
    let from = pick(known, random);
    let mut reference = Y::map([
        ("apiVersion", from.api_version.clone().into()),
        ("kind", from.kind.clone().into()),
        ("name", from.ids[0].1.clone().into()),
    ]);
    if let Some(namespace) = &from.ids[0].0 {
        reference = reference.with("namespace", namespace.as_str());
    }
    let entry = Y::map([("name", name.into()), ("objref", reference)]);
    let mut found = places::all(&from.node);
    found.retain(|p| p.is_value() && p.node.text().is_some_and(|t| !t.contains('\n')));
    if found.is_empty() || random.percent(30) {
        return Some(entry);
    }
    let path = pick(&found, random).dotted(random).replace("*", "0");
    let path = path.replace(".0", "[0]");
    Some(entry.with("fieldref", Y::map([("fieldpath", quoted(&path).into())])))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
