//! Metadata in formats without nesting, dotenv and INI, where `age__list_0__map_enc` is `age[0].enc`.

use crate::{Branch, Error, Hidden, Item, Value};
use std::collections::BTreeMap;

const MAP: &str = "__map_";
const LIST: &str = "__list_";

/// A step of the path to a metadata field.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Index(usize),
    Key(String),
}

/// A node of the tree of metadata while it is built.
#[derive(Default)]
struct Place {
    value: Option<Value>,
    below: BTreeMap<Step, Place>,
}

/// Builds the nested metadata; `None` if there are no entries.
pub(super) fn unflatten(flat: Branch) -> Result<Option<Branch>, Error> {
    if flat.0.is_empty() {
        return Ok(None);
    }
    let mut root = Place::default();
    for item in flat.0 {
        let Item::Entry(key, value) = item else { continue };
        let mut place = &mut root;
        for step in steps(&key) {
            place = place.below.entry(step).or_default();
        }
        if place.value.replace(value).is_some() {
            return Err(wrong());
        }
    }
    match nested(root)? {
        Value::Map(branch) => Ok(Some(branch)),
        _ => Err(wrong()),
    }
}

/// Replaces `\n` in metadata by line ends. In INI files, unlike in values, they are escaped once more.
pub(super) fn unescape(mut flat: Branch) -> Branch {
    for item in &mut flat.0 {
        if let Item::Entry(_, Value::Str(text)) = item
            && let Some(plain) = text.text()
        {
            *text = Hidden::new(plain.replace("\\n", "\n"));
        }
    }
    flat
}

fn wrong() -> Error {
    Error::file("the metadata of the SOPS file do not fit together")
}

fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    let mut in_list = false;
    loop {
        let next = [MAP, LIST].into_iter().filter_map(|sign| rest.find(sign).map(|at| (at, sign))).min();
        let part = &rest[..next.map_or(rest.len(), |(at, _)| at)];
        steps.push(match part.parse() {
            Ok(index) if in_list => Step::Index(index),
            _ => Step::Key(part.to_owned()),
        });
        let Some((at, sign)) = next else { return steps };
        rest = &rest[at + sign.len()..];
        in_list = sign == LIST;
    }
}

fn nested(place: Place) -> Result<Value, Error> {
    if let Some(value) = place.value {
        return if place.below.is_empty() { Ok(value) } else { Err(wrong()) };
    }
    if matches!(place.below.keys().next(), Some(Step::Index(_))) {
        let items =
            place.below.into_iter().enumerate().map(|(at, (step, below))| {
                if step == Step::Index(at) { nested(below) } else { Err(wrong()) }
            });
        return items.collect::<Result<_, _>>().map(Value::List);
    }
    let entries = place.below.into_iter().map(|(step, below)| match step {
        Step::Key(key) => Ok(Item::Entry(key, nested(below)?)),
        Step::Index(_) => Err(wrong()),
    });
    entries.collect::<Result<_, _>>().map(|items| Value::Map(Branch(items)))
}

#[cfg(test)]
mod tests {
    use super::unflatten;
    use crate::{Branch, Item, Value};

    fn flat(names: &[&str]) -> Branch {
        Branch(names.iter().map(|name| Item::Entry((*name).into(), Value::text(*name))).collect())
    }

    #[test]
    fn paths_become_maps_and_lists() {
        let names = ["age__list_1__map_enc", "age__list_0__map_enc", "mac", "age__list_0__map_recipient"];
        let nested = unflatten(flat(&names)).ok().flatten().expect("they fit together");
        let text = format!("{nested:?}");
        assert_eq!(text, "[age: list, mac: string]");
        let Some(Value::List(keys)) = nested.get("age") else { panic!("it is a list") };
        assert!(matches!(&keys[0], Value::Map(first) if first.0.len() == 2));
        assert!(matches!(&keys[1], Value::Map(second) if second.0.len() == 1));
    }

    #[test]
    fn contradictory_paths_are_refused() {
        for names in
            [&["a", "a__map_b"][..], &["a__list_0", "a__list_2"], &["a__list_0", "a__map_b"], &["a", "a"]]
        {
            assert!(unflatten(flat(names)).is_err(), "{names:?}");
        }
        assert!(unflatten(flat(&[])).is_ok_and(|nested| nested.is_none()));
    }
}
