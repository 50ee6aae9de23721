//! JSON 6902 patches.
//
// kust-a calls:
//
// pub struct Patch;
// impl Patch {
//     pub fn parse(text: &[u8]) -> Result<Patch>;       // JSON or YAML text of a list of operations (builtin PatchTransformer's jsonPatchFromBytes);
//     pub fn is_empty(&self) -> bool;                   // text that is not a list of operations is an error, as evanphx json-patch v4 decodes it
//     pub fn apply(&self, object: &mut Node) -> Result<()>;   // evanphx json-patch v4 rules; values become what kustomize's JSON round trip makes of them
// }
// The whole object goes through JSON in kustomize (patchjson6902.Filter): scalars change their writing
// then (key order, numbers, null): copy what is seen in the output.
