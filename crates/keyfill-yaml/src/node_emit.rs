//! A [`Node`] on its way out: its scalars get their types by yaml.v3 rules while they are written.

use crate::emit::{Emit, Sink};
use crate::load::scalar_value;
use crate::resolve::{Resolved, resolve_plain};
use crate::scan::Dialect;
use crate::{Node, Scalar, Style, Tag};

impl Emit for Scalar {
    /// What JSON cannot hold is written as its text; [`crate::resolve`] refuses it.
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
        match self {
            Self::Scalar(scalar) => scalar.emit(sink),
            Self::Seq(seq) => {
                sink.begin_seq();
                seq.items.iter().for_each(|item| item.emit(sink));
                sink.end_seq();
            }
            Self::Map(map) => {
                sink.begin_map();
                let mut sorted: Vec<_> = map.entries.iter().collect();
                S::sort_keys(&mut sorted, |e| e.key.text.as_str());
                for entry in sorted {
                    sink.key(&entry.key.text);
                    entry.value.emit(sink);
                }
                sink.end_map();
            }
        }
    }
}
