//! YAML text of nodes as `go.yaml.in/yaml/v3` writes it: keys in their order, scalars in their style.

use keyfill_yaml::{Node, Scalar, ScalarKind, Style, Tag};

/// The text of a node, without blanks at both ends.
pub fn yaml_text(node: &Node) -> String {
    let mut out = String::new();
    match node {
        Node::Scalar(scalar) => write_scalar(&mut out, scalar, 0),
        Node::Seq(seq) if seq.items.is_empty() => out.push_str("[]"),
        Node::Map(map) if map.is_empty() => out.push_str("{}"),
        collection => write_block(&mut out, collection, 0),
    }
    out.trim().to_owned()
}

/// A collection with something in it, at an indentation.
fn write_block(out: &mut String, node: &Node, indent: usize) {
    match node {
        Node::Map(map) => {
            for (n, entry) in map.entries.iter().enumerate() {
                if n > 0 {
                    push_indent(out, indent);
                }
                write_scalar(out, &entry.key, indent);
                out.push(':');
                write_value(out, &entry.value, indent, matches!(entry.value, Node::Seq(_)));
            }
        }
        Node::Seq(seq) => {
            for (n, item) in seq.items.iter().enumerate() {
                if n > 0 {
                    push_indent(out, indent);
                }
                out.push('-');
                write_item(out, item, indent);
            }
        }
        Node::Scalar(scalar) => write_scalar(out, scalar, indent),
    }
}

/// The value of a mapping's key. Lists stand at the indentation of their key.
fn write_value(out: &mut String, node: &Node, indent: usize, is_list: bool) {
    match node {
        Node::Scalar(scalar) => {
            write_after_blank(out, scalar, indent + 2);
            out.push('\n');
        }
        Node::Seq(seq) if seq.items.is_empty() => out.push_str(" []\n"),
        Node::Map(map) if map.is_empty() => out.push_str(" {}\n"),
        collection => {
            let inner = if is_list { indent } else { indent + 2 };
            out.push('\n');
            push_indent(out, inner);
            write_block(out, collection, inner);
        }
    }
}

fn write_item(out: &mut String, node: &Node, indent: usize) {
    match node {
        Node::Scalar(scalar) => {
            write_after_blank(out, scalar, indent + 2);
            out.push('\n');
        }
        Node::Seq(seq) if seq.items.is_empty() => out.push_str(" []\n"),
        Node::Map(map) if map.is_empty() => out.push_str(" {}\n"),
        collection => {
            out.push(' ');
            write_block(out, collection, indent + 2);
        }
    }
}

/// A null that was written as nothing stays nothing, without a blank before it.
fn write_after_blank(out: &mut String, scalar: &Scalar, indent: usize) {
    if scalar.text.is_empty() && scalar.kind() == ScalarKind::Null {
        return;
    }
    out.push(' ');
    write_scalar(out, scalar, indent);
}

/// The word of a tag that a text does not have by itself.
fn tag_word(scalar: &Scalar) -> Option<&'static str> {
    let word = match scalar.tag {
        Tag::Int => "!!int ",
        Tag::Float => "!!float ",
        Tag::Bool => "!!bool ",
        Tag::Null => "!!null ",
        Tag::Timestamp => "!!timestamp ",
        Tag::None | Tag::Str | Tag::Binary | Tag::Other(_) => return None,
    };
    (Scalar::plain(scalar.text.clone()).kind() != scalar.kind()).then_some(word)
}

fn write_scalar(out: &mut String, scalar: &Scalar, indent: usize) {
    out.push_str(tag_word(scalar).unwrap_or(""));
    let is_ambiguous =
        || scalar.tag == Tag::Str && Scalar::plain(scalar.text.clone()).kind() != ScalarKind::Str;
    match scalar.style {
        Style::Single if !scalar.text.contains('\n') => {
            out.push('\'');
            out.push_str(&scalar.text.replace('\'', "''"));
            out.push('\'');
        }
        Style::Literal | Style::Folded => write_literal(out, &scalar.text, indent),
        Style::Plain if scalar.text.contains('\n') => write_literal(out, &scalar.text, indent),
        Style::Plain if !is_ambiguous() => out.push_str(&scalar.text),
        _ => write_double(out, &scalar.text),
    }
}

fn write_literal(out: &mut String, text: &str, indent: usize) {
    out.push('|');
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    let body = match text.strip_suffix('\n') {
        None => {
            out.push('-');
            text
        }
        Some(body) if body.ends_with('\n') || body.is_empty() => {
            out.push('+');
            body
        }
        Some(body) => body,
    };
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            push_indent(out, indent.max(2));
            out.push_str(line);
        }
    }
}

fn write_double(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            c if c.is_control() && u32::from(c) < 0x100 => out.push_str(&format!("\\x{:02X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn push_indent(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}
