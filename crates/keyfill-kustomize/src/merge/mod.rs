//! Strategic merge.
//
// kust-a calls:
//
// pub enum Merged { Kept, Deleted }            // Deleted: the whole object had `$patch: delete`
// pub fn strategic(object: &mut Node, patch: &Node, schema: &Schema) -> Result<Merged>;
//      // kyaml merge2 with ListPrepend, as patchstrategicmerge.Filter does it; object and patch have apiVersion/kind
// pub fn has_delete_directive(patch) is internal; kyaml's `$patch: replace` on the root too.
