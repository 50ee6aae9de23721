//! The identity of a resource: type, name, namespace.

use super::object::metadata_text;
use crate::Gvk;
use crate::schema::Schema;
use keyfill_yaml::{Node, Text};
use std::fmt;

/// The effective namespace of cluster-scoped objects.
pub const NO_NAMESPACE: &str = "_non_namespaceable_";

/// Type, name and namespace of a resource.
#[derive(Clone, Debug, Default)]
pub struct Id {
    /// Group, version and kind.
    pub gvk: Gvk,
    /// `metadata.name`.
    pub name: Text,
    /// `metadata.namespace` as written; empty when there is none.
    pub namespace: Text,
    /// Whether the schema says that the type is not namespaced.
    pub is_cluster_scoped: bool,
}

impl Id {
    /// The id of an object.
    pub fn of(object: &Node, schema: &Schema) -> Self {
        let gvk = Gvk::of(object);
        let is_cluster_scoped = schema.is_cluster_scoped(&gvk);
        Self {
            gvk,
            name: metadata_text(object, "name").into(),
            namespace: metadata_text(object, "namespace").into(),
            is_cluster_scoped,
        }
    }

    /// The namespace that takes effect: `default` if none is written, [`NO_NAMESPACE`] for cluster-scoped types.
    pub fn effective_namespace(&self) -> &Text {
        static NONE: Text = Text::new_static(NO_NAMESPACE);
        static DEFAULT: Text = Text::new_static("default");
        if self.is_cluster_scoped {
            &NONE
        } else if self.namespace.is_empty() {
            &DEFAULT
        } else {
            &self.namespace
        }
    }

    /// Whether both have the same effective namespace.
    pub fn is_namespace_of(&self, other: &Self) -> bool {
        self.effective_namespace() == other.effective_namespace()
    }

    /// Whether both are ids of the same object.
    pub fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.gvk == other.gvk && self.is_namespace_of(other)
    }

    /// Whether `selector` selects this id: its empty parts match anything.
    pub fn is_selected_by(&self, selector: &Self) -> bool {
        (selector.name.is_empty() || selector.name == self.name)
            && (selector.namespace.is_empty() || selector.is_namespace_of(self))
            && self.gvk.is_selected_by(&selector.gvk)
    }

    /// Sort key among resources of one type.
    pub fn sort_text(&self) -> String {
        let or = |text: &Text, mark: &'static str| {
            if text.is_empty() { Text::new_static(mark) } else { text.clone() }
        };
        format!("{}|{}|{}", self.gvk, or(&self.namespace, "~X"), or(&self.name, "~N"))
    }
}

impl fmt::Display for Id {
    /// `Kind.version.group/name.namespace`. Empty parts are replaced by marks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_empty() { "[noName]" } else { &self.name };
        let namespace = if self.namespace.is_empty() { "[noNs]" } else { &self.namespace };
        write!(f, "{}/{name}.{namespace}", self.gvk)
    }
}
