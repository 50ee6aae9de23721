//! Changes to one object along field specs.
//
// kust-a calls (all take the object's own Gvk so that it is not looked up again):
//
// pub mod image     { pub struct Image { name, new_name, tag_suffix, new_tag, digest: Text }
//                     pub fn is_match(..), split(..);
//                     pub fn set(object: &mut Node, gvk: &Gvk, image: &Image, specs: &[FieldSpec]) -> Result<()>;   // imagetag.Filter
//                     pub fn set_legacy(object: &mut Node, gvk: &Gvk, image: &Image) -> Result<()>; }              // imagetag.LegacyFilter
// pub mod replicas  { pub fn set(object, gvk, count: i64, spec: &FieldSpec) -> Result<()>; }    // one spec at a time; I select by id
// pub mod labels    { pub fn set(object, gvk, labels: &[(Text, Text)], specs: &[FieldSpec]) -> Result<()>; }   // sorted keys
// pub mod annotations { same }
// pub mod namespace { pub struct Namespace<'a> { name: &'a str, unset_only: bool, subjects: SetSubjects (None|DefaultOnly|All) }
//                     pub fn set(object, gvk, &Namespace, specs: &[FieldSpec], is_cluster_scoped: bool) -> Result<()>; }
// pub mod affix     { pub fn prefix(object, gvk, prefix: &str, spec: &FieldSpec) -> Result<()>; suffix likewise }
// pub mod value_add { ValueAddTransformer's node part }
// pub mod refvar    { pub enum Substitution { Text(Text), Node(Node scalar with its type) };
//                     pub fn expand(object, gvk, lookup: &mut dyn FnMut(&str) -> Option<Node>, spec: &FieldSpec) -> Result<()>; }
//                     // refvar.Filter: $(NAME), $$, unknown names stay; lookup records use
