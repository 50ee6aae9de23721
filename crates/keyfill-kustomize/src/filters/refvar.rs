//! Replacing variables, written `$(NAME)`, in the strings that field specs lead to.

use super::scalar::{is_null, is_string};
use super::shared::Writes;
use crate::Gvk;
use crate::error::{Error, Result};
use crate::fieldspec::{Create, FieldSpec, visit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfill_go::strconv::{Bits, Layout, format_float, parse_float};
use keyfill_yaml::{Node, Scalar, ScalarKind, Style, Tag, Text};

/// Replaces variables in the strings that the field spec leads to: a scalar, or the values of a list or mapping.
/// `lookup` returns the value of a variable; the name of an unknown one stays as it is. A string that is nothing
/// but a variable gets the type of its value. `$$` is a dollar sign.
pub fn expand(
    object: &mut Node,
    gvk: &Gvk,
    lookup: &mut dyn FnMut(&str) -> Option<Node>,
    spec: &FieldSpec,
) -> Result<()> {
    let mut step = Step { lookup, writes: Writes::default() };
    visit(object, gvk, spec, Create::Never, &mut |node| step.node(node))?;
    step.writes.spread(object);
    Ok(())
}

struct Step<'a> {
    lookup: &'a mut dyn FnMut(&str) -> Option<Node>,
    writes: Writes,
}

impl Step<'_> {
    fn node(&mut self, node: &mut Node) -> Result<()> {
        match node {
            Node::Scalar(scalar) => {
                if is_string(scalar) {
                    self.scalar(scalar);
                }
            }
            Node::Map(map) => {
                for entry in &mut map.entries {
                    if !is_string(&entry.key) {
                        return Err(Error::new(format!("the key {} is not a string", entry.key.text))
                            .at_location(entry.key.location));
                    }
                    match &mut entry.value {
                        Node::Scalar(scalar) if is_string(scalar) => self.scalar(scalar),
                        _ => {}
                    }
                }
            }
            Node::Seq(seq) => {
                for item in &mut seq.items {
                    match item {
                        Node::Scalar(scalar) if is_string(scalar) => self.scalar(scalar),
                        other => {
                            let what = if is_null(other) { "null" } else { "no string" };
                            return Err(Error::new(format!(
                                "a list with variables holds strings, but an item is {what}"
                            ))
                            .at_location(other.location()));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Every string that is visited loses its quotes, whether it has a variable or not.
    fn scalar(&mut self, scalar: &mut Scalar) {
        let value = match self.expanded(&scalar.text) {
            Expanded::Text(text) => Scalar { tag: Tag::Str, ..Scalar::plain(text) },
            Expanded::Scalar(value) => value,
        };
        self.writes.put(scalar, value);
    }

    fn expanded(&mut self, input: &str) -> Expanded {
        let bytes = input.as_bytes();
        let mut out = Vec::with_capacity(bytes.len());
        // A variable ends with `)`: behind the last one there is none.
        let last = input.rfind(')').unwrap_or(0);
        let mut rest = input;
        while let Some(at) = rest.find('$') {
            out.extend_from_slice(&rest.as_bytes()[..at]);
            let after = &rest[at + 1..];
            let Some(next) = after.bytes().next() else {
                out.push(b'$');
                rest = "";
                break;
            };
            let mut used = 1;
            let is_open = next == b'(' && input.len() - after.len() <= last;
            match (next, is_open.then(|| after.find(')')).flatten()) {
                (b'$', _) => out.push(b'$'),
                (b'(', Some(end)) => {
                    used = end + 1;
                    let name = &after[1..end];
                    let found = (self.lookup)(name).and_then(into_scalar);
                    let is_whole = input.len() == name.len() + 3;
                    match found {
                        Some(value) if is_whole => return Expanded::Scalar(as_whole(value)),
                        Some(value) => out.extend_from_slice(within_text(&value).as_bytes()),
                        None => out.extend_from_slice(format!("$({name})").as_bytes()),
                    }
                }
                // A byte of a multi-byte character counts as a character of its own, as in the official tool.
                (byte, _) => out.extend_from_slice(format!("${}", char::from(byte)).as_bytes()),
            }
            rest = match after.get(used..) {
                Some(rest) => rest,
                None => return Expanded::Text(lossless(out, &after.as_bytes()[used..])),
            };
        }
        Expanded::Text(lossless(out, rest.as_bytes()))
    }
}

enum Expanded {
    Text(Text),
    Scalar(Scalar),
}

/// The bytes as text, or in base64 if they are not UTF-8, as the official tool writes them.
fn lossless(mut out: Vec<u8>, rest: &[u8]) -> Text {
    out.extend_from_slice(rest);
    match String::from_utf8(out) {
        Ok(text) => text.into(),
        Err(error) => STANDARD.encode(error.as_bytes()).into(),
    }
}

fn into_scalar(node: Node) -> Option<Scalar> {
    if let Node::Scalar(scalar) = node { Some(scalar) } else { None }
}

/// A value that becomes the whole field and keeps its type.
fn as_whole(mut value: Scalar) -> Scalar {
    let kind = if is_string(&value) { ScalarKind::Str } else { value.kind() };
    if kind == ScalarKind::Float
        && let Ok(number) = parse_float(&value.text)
    {
        value.text = format_float(number, Layout::Fixed, None, Bits::B64).into();
    }
    value.tag = match kind {
        ScalarKind::Bool => Tag::Bool,
        ScalarKind::Int => Tag::Int,
        ScalarKind::Float => Tag::Float,
        _ => Tag::Str,
    };
    value.style = Style::Plain;
    value
}

/// A value as a part of a longer string.
fn within_text(value: &Scalar) -> Text {
    match value.kind() {
        ScalarKind::Float if !is_string(value) => parse_float(&value.text).map_or_else(
            |_| value.text.clone(),
            |n| format_float(n, Layout::General, None, Bits::B64).into(),
        ),
        _ => value.text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::expand;
    use crate::Gvk;
    use crate::fieldspec::FieldSpec;
    use keyfill_yaml::{Limits, Node, Scalar, Typing, load_nodes, to_yaml};

    fn after(value: &str) -> String {
        let mut nodes = load_nodes(format!("v: {value}").as_bytes(), &Limits::default()).expect("it is YAML");
        let read = |text: &str| Node::Scalar(Scalar { typing: Typing::Read, ..Scalar::plain(text) });
        let mut lookup = |name: &str| match name {
            "TEXT" => Some(Node::string("text")),
            "NUMBER" => Some(read("5")),
            // A plain scalar that was made without a type counts as a string.
            "MADE" => Some(Node::plain("5")),
            "FLOAT" => Some(read("1e3")),
            _ => None,
        };
        let spec = FieldSpec::new(Gvk::default(), "v", false);
        match expand(&mut nodes[0], &Gvk::default(), &mut lookup, &spec) {
            Ok(()) => String::from_utf8(to_yaml(&nodes[0])).expect("YAML is UTF-8").replace("v: ", ""),
            Err(e) => e.message().to_owned(),
        }
    }

    #[test]
    fn variables_are_replaced_and_dollar_signs_unescaped() {
        for (input, expected) in [
            ("$(TEXT)", "text\n"),
            ("a$(TEXT)b$(TEXT)", "atextbtext\n"),
            ("$(NUMBER)", "5\n"),
            ("'$(NUMBER)'", "5\n"),
            ("$(MADE)", "\"5\"\n"),
            ("a$(NUMBER)", "a5\n"),
            ("a$(FLOAT)", "a1000\n"),
            ("$$(TEXT)", "$(TEXT)\n"),
            ("$(OTHER)", "$(OTHER)\n"),
            ("$(TEXT", "$(TEXT\n"),
            ("a$", "a$\n"),
            ("$a$(TEXT)", "$atext\n"),
            ("'5'", "\"5\"\n"),
        ] {
            assert_eq!(after(input), expected, "{input}");
        }
    }

    #[test]
    fn a_list_may_only_hold_strings() {
        assert_eq!(after("[$(TEXT), b]"), "v:\n- text\n- b\n");
        assert!(after("[1]").contains("holds strings"));
    }
}
