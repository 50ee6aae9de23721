//! YAML as Go programs parse and write it.
//!
//! Kubernetes' tools parse YAML with several Go libraries, which differ in the meaning of `yes` or `017`, in the
//! effect of a duplicate key, and in the layout of a long line. This crate yields the same results, byte for byte.
//!
//! ```
//! use keyfill_yaml::{Limits, load_object, to_json, to_yaml};
//!
//! let text = b"enabled: yes\nmode: 017\nname: app-10\n";
//! let value = load_object(text, &Limits::default())?;
//! assert_eq!(to_json(&value), br#"{"enabled":true,"mode":15,"name":"app-10"}"#);
//! assert_eq!(to_yaml(&value), b"enabled: true\nmode: 15\nname: app-10\n");
//! # Ok::<(), keyfill_yaml::Error>(())
//! ```
//!
//! There are three trees:
//!
//! - A [`Value`] is resolved, as Go's `interface{}` after `sigs.k8s.io/yaml`: helm's values and filled manifests.
//!   [`load_value`], [`load_object`], [`load_exact`] and [`load_yaml`] differ in the types of numbers.
//! - A [`Node`] keeps scalars as they are written, and their locations: kustomize's objects. It is resolved by the
//!   rules of `go.yaml.in/yaml/v3` when it is loaded or printed.
//! - An [`EditDocument`] also keeps comments, styles and anchors, and is written as yaml.v3 writes it: for
//!   changing a file that people wrote.
//!
//! ```
//! use keyfill_yaml::{EditDocument, Limits, Node, load_nodes, to_yaml};
//!
//! let stream = b"kind: A\nmode: 0644\n---\nkind: B\n";
//! let mut nodes = load_nodes(stream, &Limits::default())?;
//! assert_eq!(nodes.len(), 2);
//! assert_eq!(nodes[0].get("mode").and_then(Node::text), Some("0644"));
//! assert_eq!(nodes[1].line(), 4);
//! nodes[0].as_map_mut().unwrap().set("kind", Node::string("C"));
//! assert_eq!(to_yaml(&nodes[0]), b"kind: C\nmode: 420\n");
//!
//! let text = b"# Who answers.\nowner: a # for now\n";
//! let mut document = EditDocument::read(text, &Limits::default())?.unwrap();
//! document.root.get_mut("owner").unwrap().set_text("b");
//! assert_eq!(document.write(), "# Who answers.\nowner: b # for now\n");
//! # Ok::<(), keyfill_yaml::Error>(())
//! ```
//!
//! [`Value`] and [`Node`] are printed by the same emitter, that of `sigs.k8s.io/yaml`: [`to_yaml`]. It prints any
//! tree that implements [`Emit`], so other trees need not be converted.
//!
//! Text is untrusted input: [`Limits`] bound the depth, the number of nodes and the expansion of aliases, and an
//! [`Error`] names line and column, but never a value.

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

pub use document::{Body, Document, Origin};
pub use edit::{Content, EditDocument, EditNode, Typed};
pub use emit::{Emit, Sink, Within, append_yaml, key_order, style_of_line, to_yaml, to_yaml_pretty};
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

/// Runs the examples of the README as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
