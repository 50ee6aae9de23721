//! A [`Node`] on its way out: its scalars get their types by yaml.v3 rules while they are written.

use crate::Node;
use crate::emit::{Emit, Sink};

impl Emit for Node {
    fn emit<S: Sink>(&self, sink: &mut S) {
        match self {
            Self::Scalar(scalar) => sink.str(&scalar.text),
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
