//! Field paths with dots between the steps, and following them.

use crate::error::{Error, Result};
use crate::fieldspec::split_path;
use crate::filters::scalar::{is_null, wrong_kind};
use keyfill_yaml::{Map, Node, Scalar, Seq};

/// Splits a path into steps. `[name=x]` with dots inside is one step; `[a.b/c]` without `=` is a field of that
/// name; `\.` is a dot within a name.
pub fn split(path: &str) -> Vec<String> {
    let mut steps = Vec::new();
    let mut parts = split_path(path, '.').into_iter();
    while let Some(part) = parts.next() {
        if !part.starts_with('[') || part.ends_with(']') {
            steps.push(part.into_owned());
            continue;
        }
        let mut bracketed = part.into_owned();
        for more in parts.by_ref() {
            bracketed.push('.');
            bracketed.push_str(&more);
            if more.ends_with(']') {
                break;
            }
        }
        if bracketed.contains('=') {
            steps.push(bracketed);
        } else {
            steps.push(bracketed.trim_matches(['[', ']']).to_owned());
        }
    }
    steps
}

/// What a step means.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// The field of a mapping.
    Field(&'a str),
    /// An item of a list, counted from 0.
    Index(usize),
    /// Items of a list: those whose field has a value, or, if the field is empty, those that are the value.
    Items(&'a str, &'a str),
    /// The last item of a list.
    Last,
    /// All items of a list.
    All,
}

/// Parses a step.
pub fn step(text: &str) -> Result<Step<'_>> {
    if let Ok(number) = keyfill_go::strconv::parse_int(text, 10) {
        return usize::try_from(number)
            .map(Step::Index)
            .map_err(|_| Error::new(format!("array index {number} cannot be negative")));
    }
    if text.starts_with('[') && text.ends_with(']') {
        let inner = &text[1..text.len().max(2) - 1];
        let (field, value) = inner.split_once('=').ok_or_else(|| {
            Error::new(format!("the list step {text} of a field path must be [field=value]"))
        })?;
        return Ok(Step::Items(field, value));
    }
    Ok(match text {
        "-" => Step::Last,
        "*" => Step::All,
        name => Step::Field(name),
    })
}

/// Whether a step leads to items, so that the node before it must be a list.
pub fn is_item_step(text: &str) -> bool {
    matches!(step(text), Ok(Step::Index(_) | Step::Items(..))) || text.starts_with('[') && text.ends_with(']')
}

/// The steps without blanks around them, and without empty ones.
fn cleaned(steps: &[String]) -> Vec<&str> {
    steps.iter().map(|s| s.trim()).filter(|s| !s.is_empty()).collect()
}

/// The node at the end of a path; `None` if it is absent. Nothing is below null.
pub fn lookup<'a>(node: &'a Node, steps: &[String]) -> Result<Option<&'a Node>> {
    let mut at = node;
    for text in cleaned(steps) {
        let next = match (step(text)?, at) {
            (Step::All, _) => return Err(Error::new("wildcard is not supported here")),
            (Step::Last, node) if list(node)?.is_none_or(|s| s.items.is_empty()) => {
                return Err(Error::new("there is no last item in an empty list").at_location(node.location()));
            }
            (_, node) if is_null(node) => return Ok(None),
            (Step::Last, node) => list(node)?.and_then(|s| s.items.last()),
            (Step::Index(n), node) => list(node)?.and_then(|s| s.items.get(n)),
            (Step::Items(field, value), node) => {
                list(node)?.and_then(|s| s.items.iter().find(|item| has(item, field, value)))
            }
            (Step::Field(name), Node::Map(map)) => map.get(name),
            (Step::Field(name), node) => {
                return Err(wrong_kind(&format!("a mapping above `{name}`"), node));
            }
        };
        match next {
            Some(next) => at = next,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

/// The steps with indexes instead of searches in lists, as far as the path leads.
pub fn way(node: &Node, steps: &[String]) -> Vec<String> {
    let mut at = Some(node);
    let fixed = |text: &str, at: &Node| {
        let items = &at.as_seq()?.items;
        let n = match step(text).ok()? {
            Step::Last => items.len().checked_sub(1)?,
            Step::Items(field, value) => items.iter().position(|item| has(item, field, value))?,
            _ => return None,
        };
        Some(n.to_string())
    };
    cleaned(steps)
        .into_iter()
        .map(|text| {
            let text = at.and_then(|at| fixed(text, at)).unwrap_or_else(|| text.to_owned());
            at = at.and_then(|at| lookup(at, std::slice::from_ref(&text)).ok().flatten());
            text
        })
        .collect()
}

fn list(node: &Node) -> Result<Option<&Seq>> {
    match node {
        Node::Seq(seq) => Ok(Some(seq)),
        node if is_null(node) => Ok(None),
        node => Err(wrong_kind("a list", node)),
    }
}

/// Whether an item has a value in a field, or, if the field is empty, is that value.
fn has(item: &Node, field: &str, value: &str) -> bool {
    if field.is_empty() {
        return item.text().unwrap_or("") == value;
    }
    item.get(field).is_some_and(|node| node.text().unwrap_or("") == value)
}

/// Creates the absent fields of a path to a scalar, and calls `set` with the scalar. A null before the end of the
/// path ends it without an error.
pub fn make(node: &mut Node, steps: &[String], set: &mut dyn FnMut(&mut Node) -> Result<()>) -> Result<()> {
    make_steps(node, &cleaned(steps), set)
}

fn make_steps(node: &mut Node, steps: &[&str], set: &mut dyn FnMut(&mut Node) -> Result<()>) -> Result<()> {
    let Some((first, rest)) = steps.split_first() else { return set(node) };
    if is_null(node) {
        return Ok(());
    }
    let next = match (step(first)?, node) {
        (Step::All, _) => return Err(Error::new("wildcard is not supported here")),
        (Step::Field(name), Node::Map(map)) => {
            map.get_or_insert_with(name, || empty_before(rest.first().copied()))
        }
        (Step::Field(name), node) => return Err(wrong_kind(&format!("a mapping above `{name}`"), node)),
        (Step::Index(n), Node::Seq(seq)) => match seq.items.get_mut(n) {
            Some(item) => item,
            None => return Ok(()),
        },
        (Step::Last, Node::Seq(seq)) => match seq.items.last_mut() {
            Some(item) => item,
            None => {
                return Err(Error::new("there is no last item in an empty list").at_location(seq.location));
            }
        },
        (Step::Items(field, value), Node::Seq(seq)) => {
            let at = seq.items.iter().position(|item| has(item, field, value)).unwrap_or_else(|| {
                seq.items.push(new_item(field, value));
                seq.items.len() - 1
            });
            &mut seq.items[at]
        }
        (_, node) => return Err(wrong_kind("a list", node)),
    };
    make_steps(next, rest, set)
}

/// The node that is created before a step: a list if the step leads to an item, a scalar at the end.
fn empty_before(next: Option<&str>) -> Node {
    match next {
        None => Node::string(""),
        Some(next) if is_item_step(next) => Node::Seq(Seq::default()),
        Some(_) => Node::Map(Map::default()),
    }
}

/// A new item that `[field=value]` matches.
pub fn new_item(field: &str, value: &str) -> Node {
    if field.is_empty() {
        return Node::plain(value);
    }
    let mut map = Map::default();
    map.set(field, Node::Scalar(Scalar::plain(value)));
    Node::Map(map)
}

#[cfg(test)]
mod tests {
    use super::{Step, lookup, split, step};
    use keyfill_yaml::{Limits, load_nodes};

    #[test]
    fn dots_within_brackets_do_not_split() {
        assert_eq!(split("spec.containers.[name=a.b].image"), ["spec", "containers", "[name=a.b]", "image"]);
        assert_eq!(split("metadata.annotations.[a.b/c]"), ["metadata", "annotations", "a.b/c"]);
        assert_eq!(split(r"data.a\.b"), ["data", "a.b"]);
        assert_eq!(split("data.[a]"), ["data", "[a]"]);
    }

    #[test]
    fn steps_are_parsed() {
        assert_eq!(step("3").expect("a step"), Step::Index(3));
        assert_eq!(step("[=x]").expect("a step"), Step::Items("", "x"));
        assert!(step("-1").is_err() && step("[x]").is_err());
    }

    #[test]
    fn paths_are_followed_through_mappings_and_lists() {
        let nodes = load_nodes(b"a: [{n: x, v: 1}, {n: y, v: 2}]\nb: null\n", &Limits::default());
        let node = &nodes.expect("it is YAML")[0];
        let text =
            |path: &str| lookup(node, &split(path)).map(|n| n.and_then(|n| n.text().map(str::to_owned)));
        assert_eq!(text("a.[n=y].v").expect("a path"), Some("2".into()));
        assert_eq!(text("a.0.v").expect("a path"), Some("1".into()));
        assert_eq!(text("a.-.v").expect("a path"), Some("2".into()));
        assert_eq!(text("b.c").expect("a path"), None);
        assert!(text("a.b").is_err());
    }
}
