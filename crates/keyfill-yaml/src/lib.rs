//! YAML as Go programs read and write it.
//!
//! Two trees: a [`Node`] keeps scalars as they were written (what kustomize works on, the rules of
//! `go.yaml.in/yaml/v3` apply when it is read or printed); a [`Value`] is resolved, as Go's
//! `interface{}` after `sigs.k8s.io/yaml` (what fill and helm's values work on). Both are printed by one
//! emitter, that of `sigs.k8s.io/yaml`.

mod document;
mod node;
mod value;

pub use document::{Body, Document, Origin};
pub use node::{Entry, Map, Node, Scalar, Seq, Style, Tag};
pub use smol_str::SmolStr as Text;
pub use value::Value;
