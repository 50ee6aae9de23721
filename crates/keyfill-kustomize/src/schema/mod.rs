//! The Kubernetes schema: merge keys, and which types are cluster-scoped.
//
// kust-a calls:
//
// pub struct Schema;   // cheap to share (&), holds the built-in table and what `openapi:` brought
// impl Schema {
//     pub fn builtin() -> Schema;                                   // no work at start
//     pub fn from_openapi(document: &[u8]) -> Result<Schema>;       // `openapi: path:`, JSON or YAML; replaces the built-in one as kustomize does
//     pub fn for_version(version: &str) -> Result<Schema>;          // `openapi: version:` (only the embedded one is known)
//     pub fn is_cluster_scoped(&self, gvk: &Gvk) -> bool;           // kyaml openapi.IsCertainlyClusterScoped
// }
// The merge looks types up by itself.
