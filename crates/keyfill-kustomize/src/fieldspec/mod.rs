//! Field specs: paths into objects of certain types.

mod list;
mod path;
mod visit;

pub use list::{merge_all, merge_one};
pub use path::Segment;
pub(crate) use path::split as split_path;
pub use visit::{Create, visit, visit_all};

use crate::Gvk;
use keyfill_yaml::Text;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// How deep collections may be nested. Text is checked against this limit when it is parsed; steps that create or
/// move fields check it again, so that no recursion over an object uses up the stack.
pub(crate) const DEEPEST: usize = 1_000;

/// A path to fields in objects of certain types.
#[derive(Clone, Debug)]
pub struct FieldSpec {
    /// The types; empty parts match anything.
    pub gvk: Gvk,
    /// The path as written, as in `spec/template/spec/containers[]/image`.
    pub path: Text,
    /// Whether a field that is absent is created.
    pub create: bool,
    segments: Arc<[Segment]>,
}

impl FieldSpec {
    /// A field spec from its parts. `\/` in the path is a slash within a field's name.
    pub fn new(gvk: Gvk, path: &str, create: bool) -> Self {
        Self { gvk, path: path.into(), create, segments: path::parse(path) }
    }

    /// The steps of the path.
    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

impl PartialEq for FieldSpec {
    fn eq(&self, other: &Self) -> bool {
        self.create == other.create && self.path == other.path && self.gvk == other.gvk
    }
}

impl Eq for FieldSpec {}

impl Hash for FieldSpec {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.gvk, &self.path, self.create).hash(state);
    }
}
