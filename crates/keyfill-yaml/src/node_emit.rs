//! Writing a [`Node`]: its scalars are resolved by the rules of yaml.v3 when they are written.

use crate::emit::{Emit, Sink};
use crate::load::scalar_value;
use crate::resolve::{Resolved, resolve_plain};
use crate::scan::Dialect;
use crate::{Node, Scalar, Style, Tag};

impl Emit for Scalar {
    /// A value that JSON cannot represent is written as its text; [`resolve`](fn@crate::resolve) refuses it.
    fn emit<S: Sink>(&self, sink: &mut S) {
        match (&self.tag, self.style) {
            (Tag::Str, Style::Plain) | (Tag::None, Style::Single | Style::Double | Style::Literal) => {
                return sink.str(&self.text);
            }
            (Tag::None, Style::Plain) if resolve_plain(Dialect::V3, &self.text) == Resolved::Str => {
                return sink.str(&self.text);
            }
            _ => {}
        }
        match scalar_value(self) {
            Ok(value) => value.emit(sink),
            Err(_) => sink.str(&self.text),
        }
    }
}

impl Emit for Node {
    fn emit<S: Sink>(&self, sink: &mut S) {
        emit_node(self, sink, true);
    }
}

fn emit_node<S: Sink>(node: &Node, sink: &mut S, top: bool) {
    match node {
        Node::Scalar(scalar) => scalar.emit(sink),
        Node::Seq(seq) => {
            sink.begin_seq();
            for item in &seq.items {
                if !sink.goes_on() {
                    break;
                }
                emit_node(item, sink, false);
            }
            sink.end_seq();
        }
        Node::Map(map) => {
            sink.begin_map();
            let mut sorted: Vec<_> = map.entries.iter().filter(|e| !(top && is_dropped(&e.key))).collect();
            S::sort_keys(&mut sorted, |e| e.key.text.as_str());
            for entry in sorted {
                if !sink.goes_on() {
                    break;
                }
                sink.key(&entry.key.text);
                emit_node(&entry.value, sink, false);
            }
            sink.end_map();
        }
    }
}

/// Whether a key is dropped at the top of a document, which Go decodes into a map of strings: a null key is. A
/// key that is not written is the empty string.
fn is_dropped(key: &Scalar) -> bool {
    let null = match key.tag {
        Tag::None => key.style == Style::Plain && resolve_plain(Dialect::V3, &key.text) == Resolved::Null,
        Tag::Null => key.style == Style::Plain,
        _ => false,
    };
    null && !(key.tag == Tag::None && key.text.is_empty())
}
