//! The node part of replacements: reading a value, putting it in.
//
// kust-a parses the kustomization, selects the sources and targets, and calls:
//
// pub struct FieldOptions { pub delimiter: Text, pub index: i64, pub encoding: Text, pub create: bool }   // Default
// impl FieldOptions { pub fn from_node(&Node) -> Result<Self> }     // strict, known field names for hints
// pub fn get_value(source: &Node, field_path: &str, options: Option<&FieldOptions>) -> Result<Node>;
// pub fn set_value(target: &mut Node, field_path: &str, options: Option<&FieldOptions>, value: &Node) -> Result<()>;
// (kustomize api/filters/replacement: getReplacement's refined value; copyValueToTarget for one field path
//  of one selected resource, with create, wildcards, list selectors, delimiter/index.)
