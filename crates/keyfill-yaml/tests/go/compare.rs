//! Compares this crate with the Go libraries on one text.

use crate::oracle::Oracle;
use keyfill_yaml::{
    EditDocument, Error, Limits, Node, Value, key_order, load_nodes, load_value, load_yaml, resolve, to_json,
    to_yaml,
};

/// The operations that are compared: ways to parse a text and write it again.
pub const OPERATIONS: [u8; 5] = *b"ymkKw";

/// The result of this crate for a text; `None` if Go's result is not deterministic.
pub fn ours(operation: u8, text: &[u8]) -> Option<Result<Vec<u8>, Error>> {
    let limits = Limits { depth: 10_000, ..Limits::default() };
    Some(match operation {
        b'y' => load_yaml(text, &limits).map(|value| to_json(&value)),
        b'm' => match load_value(text, &limits) {
            Ok(value) if !stable(&value) => return None,
            Ok(value) => Ok(to_yaml(&value)),
            Err(e) => Err(e),
        },
        b'w' => EditDocument::read(text, &limits)
            .map(|document| document.map_or_else(Vec::new, |d| d.write().into_bytes())),
        _ => {
            let nodes = match load_nodes(text, &limits) {
                Ok(nodes) => nodes,
                Err(e) => return Some(Err(e)),
            };
            // kustomize refuses documents that are scalars.
            if nodes.iter().any(|node| node.as_scalar().is_some()) {
                return None;
            }
            let values = match nodes.iter().map(resolve).collect::<Result<Vec<_>, _>>() {
                Ok(values) => values,
                Err(e) => return Some(Err(e)),
            };
            if operation == b'k' {
                Ok(values.iter().map(to_json).collect::<Vec<_>>().join(&b'\n'))
            } else if !values.iter().all(stable) {
                return None;
            } else {
                Ok(nodes.iter().map(emit).collect::<Vec<_>>().join(&b"---\n"[..]))
            }
        }
    })
}

fn emit(node: &Node) -> Vec<u8> {
    to_yaml(node)
}

/// Whether yaml.v2 has one order for the keys of each mapping (its comparison is not transitive for all sets of
/// keys), and whether Go's round trip through JSON can represent all texts.
pub fn stable(value: &Value) -> bool {
    match value {
        Value::Map(entries) => {
            let mut keys: Vec<&str> = entries.iter().map(|(k, _)| k.as_str()).collect();
            keys.sort_unstable();
            let ordered = |a: &str, b: &str| key_order(a, b).is_lt() == key_order(b, a).is_gt();
            let transitive = keys.len() < 3
                || keys.iter().all(|a| {
                    keys.iter().all(|b| {
                        ordered(a, b)
                            && keys.iter().all(|c| {
                                !(key_order(a, b).is_lt() && key_order(b, c).is_lt())
                                    || key_order(a, c).is_lt()
                            })
                    })
                });
            let large = keys.len() > 60;
            (large || transitive)
                && entries
                    .iter()
                    .all(|(k, v)| k.len() < 1000 && !k.contains('\u{85}') && carried(k) && stable(v))
        }
        Value::Seq(items) => items.iter().all(stable),
        Value::Str(text) => carried(text),
        _ => true,
    }
}

/// Whether a text has no characters that JSON leaves unescaped and yaml.v2 then refuses.
fn carried(text: &str) -> bool {
    !text.chars().any(|c| matches!(c, '\u{7F}'..='\u{84}' | '\u{86}'..='\u{9F}' | '\u{FFFE}' | '\u{FFFF}'))
}

/// A description of the difference on one text, if there is one.
pub fn difference(oracle: &mut Oracle, operation: u8, text: &[u8]) -> Option<String> {
    // After a second byte order mark go-yaml loses a character on each line.
    if text.starts_with("\u{FEFF}\u{FEFF}".as_bytes()) {
        return None;
    }
    let ours = ours(operation, text)?;
    // Go's kustomize overflows its stack for such texts.
    if ours.as_ref().is_err_and(|e| e.message().contains("contains itself")) {
        return None;
    }
    // After a block scalar with `+`, yaml.v3's writer adds a line break before a comment; comments are not kept
    // here. A value that JSON cannot represent is refused here even if a later key overrides it.
    let keeps = |mark: &str| String::from_utf8_lossy(text).contains(mark);
    let commented = keeps("#") && (keeps("|+") || keeps(">+") || keeps("|2+") || keeps(">2+"));
    if commented && matches!(operation, b'k' | b'K')
        || ours.as_ref().is_err_and(|e| e.message().contains("infinity"))
    {
        return None;
    }
    let theirs = oracle.ask(operation, text).map(|answer| match operation {
        // Go replaces bytes that are not UTF-8 when it prints.
        b'y' | b'k' => String::from_utf8_lossy(&answer).replace("\\ufffd", "\u{FFFD}").into_bytes(),
        _ => answer,
    });
    let name = char::from(operation);
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) if ours == theirs => None,
        (Ok(ours), Ok(theirs)) => Some(format!("{name}: {}", first_lines_that_differ(&ours, &theirs))),
        (Err(_), Err(_)) => None,
        (Ok(_), Err(theirs)) => Some(format!("{name}: Go refuses it: {theirs}")),
        // This crate refuses a repeated key also in a mapping that is merged.
        (Err(ours), Ok(_)) if ours.message().contains("already defined") && merges(text) => None,
        (Err(ours), Ok(_)) => Some(format!("{name}: only ours refuses it: {ours}")),
    }
}

fn merges(text: &[u8]) -> bool {
    text.windows(2).any(|w| w == b"<<")
}

pub fn first_lines_that_differ(ours: &[u8], theirs: &[u8]) -> String {
    let (ours, theirs) = (String::from_utf8_lossy(ours), String::from_utf8_lossy(theirs));
    let mut lines = ours.lines().zip(theirs.lines()).enumerate();
    match lines.find(|(_, (a, b))| a != b) {
        Some((n, (a, b))) => {
            let same = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count().saturating_sub(40);
            let cut = |s: &str| s.chars().skip(same).take(160).collect::<String>();
            format!("line {}\n  ours   {:?}\n  theirs {:?}", n + 1, cut(a), cut(b))
        }
        None => format!("one ends earlier: {} and {} bytes", ours.len(), theirs.len()),
    }
}
