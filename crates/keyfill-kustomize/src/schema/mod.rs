//! The Kubernetes schema as kustomize uses it: which lists are merged by which keys, and which types are
//! not namespaced.
//!
//! The schema that kustomize embeds is a generated table, so nothing is parsed at start. A schema that `openapi`
//! names replaces it.

mod builtin;
mod custom;
#[rustfmt::skip]
mod table;

use crate::Gvk;
use crate::error::{Error, Result};
use builtin::Shape;
use custom::{Beside, Custom};
use keyfill_yaml::{Limits, Value};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

/// The schema of a build. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    custom: Option<Arc<Custom>>,
    asked: Arc<Asked>,
}

/// Which look-ups the built-in schema has answered. kustomize parses it only when it needs it, and a schema that
/// `openapi` names after that is added to it instead of replacing it.
#[derive(Debug, Default)]
struct Asked {
    /// Whether the scope of an unknown type was looked up. In kustomize this parses the built-in schema later, so
    /// that it takes precedence over the other one.
    scope: AtomicBool,
    /// Whether the definition of a type was looked up. In kustomize this parses the built-in schema at once.
    shape: AtomicBool,
}

impl Schema {
    /// The schema that kustomize embeds.
    pub fn builtin() -> Self {
        Self::default()
    }

    /// The schema of a file in JSON or YAML, as `openapi: path:` names it. It replaces the built-in one: types
    /// that it does not define are unknown.
    pub fn from_openapi(document: &[u8], limits: &Limits) -> Result<Self> {
        Self::builtin().followed_by(document, limits)
    }

    /// The schema of a file that is named while this schema is in use.
    pub fn followed_by(&self, document: &[u8], limits: &Limits) -> Result<Self> {
        let beside = if self.asked.shape.load(Relaxed) {
            Beside::Below
        } else if self.asked.scope.load(Relaxed) {
            Beside::Above
        } else {
            Beside::Nothing
        };
        let custom = Custom::parse(document, beside, limits)?;
        Ok(Self { custom: Some(Arc::new(custom)), asked: self.asked.clone() })
    }

    /// A built-in schema by its version, as `openapi: version:` names it.
    pub fn for_version(version: &str) -> Result<Self> {
        if version.is_empty() || version == table::VERSION {
            return Ok(Self::builtin());
        }
        Err(Error::new(format!("the OpenAPI version {version} is not built in"))
            .hint(format!("leave `openapi.version` out or set it to {}", table::VERSION)))
    }

    /// Whether objects of a type are cluster-scoped. Unknown types are not.
    pub fn is_cluster_scoped(&self, gvk: &Gvk) -> bool {
        let api_version: Cow<'_, str> =
            if gvk.group.is_empty() { gvk.version.as_str().into() } else { gvk.api_version().into() };
        // kustomize looks in its own table first, even if another schema is in use.
        let namespaced = builtin::is_namespaced(&api_version, &gvk.kind).or_else(|| {
            let Some(custom) = &self.custom else {
                self.asked.scope.store(true, Relaxed);
                return None;
            };
            custom.is_namespaced(&api_version, &gvk.kind)
        });
        namespaced == Some(false)
    }

    /// The type of objects with the given `apiVersion` and `kind`, if it is known.
    pub(crate) fn type_of(&self, api_version: &str, kind: &str) -> Option<Type<'_>> {
        match &self.custom {
            None => {
                self.asked.shape.store(true, Relaxed);
                builtin::root(api_version, kind).map(Type::Builtin)
            }
            Some(custom) => custom.root(api_version, kind).or_else(|| {
                // kustomize adds its own types to every schema.
                let own = api_version.starts_with("kustomize.config.k8s.io/");
                own.then(|| builtin::root(api_version, kind).map(Type::Builtin)).flatten()
            }),
        }
    }
}

/// A type of the built-in schema, for comparing objects field by field.
#[derive(Clone, Copy, Debug)]
pub struct FieldType(&'static Shape);

impl FieldType {
    /// The type of objects, by their `apiVersion` and kind.
    pub fn of(api_version: &str, kind: &str) -> Option<Self> {
        builtin::root(api_version, kind).map(Self)
    }

    /// The type of a field.
    pub fn field(self, name: &str) -> Option<Self> {
        self.0.field(name).map(Self)
    }

    /// The type of a list's items.
    pub fn items(self) -> Option<Self> {
        self.0.items().map(Self)
    }

    /// The keys by which a list is merged; empty for a list of scalars, `None` for one that is replaced.
    pub fn merge_keys(self) -> Option<&'static [&'static str]> {
        self.0.merge_keys()
    }
}

/// A type in the schema: that of an object, a field or an item.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Type<'a> {
    /// A type of the generated table.
    Builtin(&'static Shape),
    /// A type of a schema that was read from a file.
    Custom(&'a Custom, &'a Value),
}

impl<'a> Type<'a> {
    /// The type of a field.
    pub fn field(self, name: &str) -> Option<Self> {
        match self {
            Self::Builtin(shape) => shape.field(name).map(Self::Builtin),
            Self::Custom(custom, schema) => custom.field(schema, name),
        }
    }

    /// The type of a list's items.
    pub fn items(self) -> Option<Self> {
        match self {
            Self::Builtin(shape) => shape.items().map(Self::Builtin),
            Self::Custom(custom, schema) => custom.items(schema),
        }
    }

    /// The keys by which a list is merged; empty for a list of scalars, `None` for one that is replaced.
    pub fn merge_keys(self) -> Option<Vec<&'a str>> {
        match self {
            Self::Builtin(shape) => shape.merge_keys().map(<[_]>::to_vec),
            Self::Custom(_, schema) => custom::merge_keys(schema),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Schema;
    use crate::Gvk;

    #[test]
    fn the_embedded_schema_has_merge_keys() {
        let schema = Schema::builtin();
        let keys = |kind: &str, path: &[&str]| {
            let mut at = schema.type_of("apps/v1", kind)?;
            for step in path {
                at = if *step == "[]" { at.items()? } else { at.field(step)? };
            }
            at.merge_keys()
        };
        let containers = ["spec", "template", "spec", "containers"];
        assert_eq!(keys("Deployment", &containers), Some(vec!["name"]));
        let ports = [&containers[..], &["[]", "ports"]].concat();
        assert_eq!(keys("Deployment", &ports), Some(vec!["containerPort", "protocol"]));
        assert_eq!(keys("Deployment", &["metadata", "finalizers"]), Some(vec![]));
        assert_eq!(keys("Deployment", &[&containers[..], &["[]", "args"]].concat()), None);
        assert_eq!(keys("Unknown", &containers), None);
    }

    #[test]
    fn only_known_types_can_be_cluster_scoped() {
        let schema = Schema::builtin();
        assert!(schema.is_cluster_scoped(&Gvk::new("", "v1", "Namespace")));
        assert!(schema.is_cluster_scoped(&Gvk::new("rbac.authorization.k8s.io", "v1", "ClusterRole")));
        assert!(!schema.is_cluster_scoped(&Gvk::new("apps", "v1", "Deployment")));
        assert!(!schema.is_cluster_scoped(&Gvk::new("example.com", "v1", "ClusterThing")));
    }

    #[test]
    fn a_schema_of_a_file_replaces_the_embedded_one() {
        let schema = Schema::from_openapi(
            br##"{"definitions": {
                "v1.Thing": {
                    "properties": {"spec": {"$ref": "#/definitions/v1.Spec"}},
                    "x-kubernetes-group-version-kind": [{"group": "example.com", "kind": "Thing", "version": "v1"}]},
                "v1.Spec": {"properties": {"parts": {
                    "type": "array", "items": {"type": "object"},
                    "x-kubernetes-patch-merge-key": "id", "x-kubernetes-patch-strategy": "merge"}}}}}"##,
            &super::Limits::default(),
        )
        .expect("it is a schema");
        let parts = schema.type_of("example.com/v1", "Thing").and_then(|t| t.field("spec")?.field("parts"));
        assert_eq!(parts.and_then(super::Type::merge_keys), Some(vec!["id"]));
        assert!(schema.type_of("apps/v1", "Deployment").is_none());
        assert!(schema.is_cluster_scoped(&Gvk::new("", "v1", "Namespace")));
    }
}
