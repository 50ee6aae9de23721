//! Field specs: paths into objects of certain types.
//
// kust-a calls (types and names are fixed, the inside is kust-b's):
//
// pub enum Create { Never, Scalar, Map, Seq }    // what is made at the end of a path whose spec says `create`
//
// impl FieldSpec {
//     pub fn new(gvk: Gvk, path: &str, create: bool) -> Self;       // parses the path once (escaped slashes, `[]`)
//     pub fn from_node(node: &Node) -> Result<Self>;                // one entry of a `fieldSpecs:`/`configurations:` list
// }
// pub fn merge_one(list: &mut Vec<FieldSpec>, spec: FieldSpec) -> Result<()>;   // "conflicting fieldspecs"
// pub fn merge_all(list: &mut Vec<FieldSpec>, more: impl IntoIterator<Item = FieldSpec>) -> Result<()>;
//
// `object_gvk` is what the object's own fields say; I pass it so that it is not looked up for each spec.
// pub fn visit(object: &mut Node, object_gvk: &Gvk, spec: &FieldSpec, create: Create,
//              set: &mut dyn FnMut(&mut Node) -> Result<()>) -> Result<()>;
// pub fn visit_all(object, object_gvk, specs: &[FieldSpec], create, set) -> Result<()>;
// `visit` skips the type check when the spec's gvk equals the object's (name references do that).

use crate::Gvk;
use keyfill_yaml::Text;

/// A path into objects of the types that a selector picks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldSpec {
    /// Which types; empty parts match anything.
    pub gvk: Gvk,
    /// The path as written, as in `spec/template/spec/containers[]/image`.
    pub path: Text,
    /// Whether a path that is not there is made.
    pub create: bool,
}
