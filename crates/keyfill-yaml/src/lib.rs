//! YAML as Go programs read and write it.
//!
//! Two trees: a [`Node`] keeps scalars as they were written (what kustomize works on, the rules of
//! `go.yaml.in/yaml/v3` apply when it is read or printed); a [`Value`] is resolved, as Go's
//! `interface{}` after `sigs.k8s.io/yaml` (what fill and helm's values work on). Both are printed by one
//! emitter, that of `sigs.k8s.io/yaml`. An [`EditDocument`] keeps comments and styles besides and is written
//! as yaml.v3 writes it: for YAML text that is the value of a field.

#![warn(clippy::disallowed_methods)]

mod binary;
mod directives;
mod document;
mod edit;
mod emit;
mod error;
mod folded;
mod input;
mod json;
mod kind;
mod limits;
mod load;
mod locate;
mod location;
mod node;
mod node_emit;
mod parse;
mod resolve;
mod scan;
mod stream;
mod timestamp;
mod value;
mod yaml;

pub use document::{Body, Document, Origin};
pub use edit::{Content, EditDocument, EditNode, Typed};
pub use emit::{Emit, Sink};
pub use error::Error;
pub use input::is_read_from_json;
pub use json::{to_json, to_json_indent, to_json_plain};
pub use keyfill_go::json::Html;
pub use kind::ScalarKind;
pub use limits::Limits;
pub use load::{
    load_exact, load_node, load_nodes, load_nodes_at, load_object, load_value, load_yaml, move_into, resolve,
    unwritten, with_last_line_ended, write_as,
};
pub use locate::{Found, Mark, PlaceTree, Step, locate};
pub use location::{FileId, Location, TextPlace};
pub use node::{Entry, Map, Node, Scalar, Seq, Style, Tag, Twin, Typing};
pub use smol_str::SmolStr as Text;
pub use stream::{Part, split_stream};
pub use value::Value;
pub use yaml::analysis::style_of_line;
pub use yaml::{append_yaml, key_order, to_yaml};
