//! A resource: an object together with what the build remembers about it (its memory).
//!
//! kustomize stores this memory in annotations under `internal.config.kubernetes.io/`. Here it is a struct beside
//! the object, so that nothing has to be parsed again; [`Resource::new`] reads and removes such annotations from
//! objects that contain them, and they are never printed.

mod annotations;
mod id;
mod object;

pub use annotations::drop_all as drop_memory_annotations;
pub use id::{Id, NO_NAMESPACE};
pub use object::{
    add_annotation, check_annotations, drop_annotation, is_null, metadata, metadata_mut, metadata_text,
    object_ref, set_annotation, set_metadata_text, set_scalar, set_text, strings_in_metadata, text_of_scalar,
};

use crate::Gvk;
use crate::error::{Error, Result};
use crate::schema::Schema;
use keyfill_diag::ObjectRef;
use keyfill_yaml::{Location, Node, Text};
use std::sync::Arc;

/// What a generated resource does to an existing one with the same id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behavior {
    /// Not set: the same as `Create`.
    #[default]
    Unspecified,
    /// There must be no existing one.
    Create,
    /// It replaces the existing one.
    Replace,
    /// Its data are merged into those of the existing one.
    Merge,
}

impl Behavior {
    /// From the word in a generator's configuration. Unknown words count as not set.
    pub fn from_name(name: &str) -> Self {
        match name {
            "create" => Self::Create,
            "replace" => Self::Replace,
            "merge" => Self::Merge,
            _ => Self::Unspecified,
        }
    }

    /// The name in errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Merge => "merge",
        }
    }
}

/// The identity of a resource before a step of the build changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// Effective namespace, which is never empty.
    pub namespace: Text,
    /// Name.
    pub name: Text,
    /// Kind; group and version are the current ones.
    pub kind: Text,
}

/// What the build remembers about a resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// The previous names of the resource, oldest first.
    pub previous: Vec<Previous>,
    /// Prefixes that were added to its name, in order.
    pub prefixes: Vec<Text>,
    /// Suffixes that were added to its name, in order.
    pub suffixes: Vec<Text>,
    /// Whether a hash of its content is appended to its name at the end of the build.
    pub needs_hash: bool,
    /// For a generated resource: what it does to an existing one.
    pub behavior: Option<Behavior>,
    /// Whether it had no name or kind at a time when its previous name was to be stored. If previous names are
    /// stored, too, the official tool fails.
    pub was_nameless: bool,
    /// Whether a chart rendered it: `namespace` is not set on such resources.
    pub from_chart: bool,
    /// The namespace that was not set for that reason, if the resource has none of its own.
    pub missed_namespace: Option<Text>,
}

impl Memory {
    /// Whether nothing is remembered. The official tool has no annotation of its own on such a resource.
    pub fn is_empty(&self) -> bool {
        self.previous.is_empty()
            && self.prefixes.is_empty()
            && self.suffixes.is_empty()
            && !self.needs_hash
            && self.behavior.is_none()
            && !self.from_chart
    }
}

/// An object on its way through the build.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The object itself.
    pub node: Node,
    /// The current id; updated by [`Resource::refresh`].
    id: Id,
    /// What the build remembers.
    pub memory: Memory,
    /// Names of the variables whose value is read from this resource.
    pub variables: Vec<Text>,
    /// The file that the resource was read from, or that configures its generator.
    pub file: Option<Arc<str>>,
    /// Whether a patch deleted the object. The resource is removed at the end of the step.
    pub deleted: bool,
}

impl Resource {
    /// A resource for an object. Annotations of an earlier build are read and removed.
    pub fn new(mut node: Node, schema: &Schema) -> Self {
        let memory = annotations::take(&mut node);
        let id = Id::of(&node, schema);
        Self { node, id, memory, variables: Vec::new(), file: None, deleted: false }
    }

    /// The current id.
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// Group, version and kind.
    pub fn gvk(&self) -> &Gvk {
        &self.id.gvk
    }

    /// The original id.
    pub fn original_id(&self) -> Id {
        self.previous_ids().next().unwrap_or_else(|| self.id.clone())
    }

    /// The previous ids, oldest first, without the current one.
    pub fn previous_ids(&self) -> impl Iterator<Item = Id> {
        self.memory.previous.iter().map(|p| Id {
            gvk: Gvk {
                group: self.id.gvk.group.clone(),
                version: self.id.gvk.version.clone(),
                kind: p.kind.clone(),
            },
            name: p.name.clone(),
            namespace: p.namespace.clone(),
            // Previous ids contain their effective namespace, so the scope of the type is not needed.
            is_cluster_scoped: false,
        })
    }

    /// The current id and the previous ones, as if no type were cluster-scoped: replacements select by these.
    pub fn plain_ids(&self) -> impl Iterator<Item = Id> {
        std::iter::once(Id { is_cluster_scoped: false, ..self.id.clone() }).chain(self.previous_ids())
    }

    /// The previous ids and the current one.
    pub fn all_ids(&self) -> impl Iterator<Item = Id> {
        self.previous_ids().chain(std::iter::once(self.id.clone()))
    }

    /// Stores the current id as a previous one. Call it before changing name, namespace or kind.
    pub fn store_previous_id(&mut self) {
        if self.id.name.is_empty() || self.id.gvk.kind.is_empty() {
            self.memory.was_nameless = true;
            return;
        }
        self.memory.previous.push(Previous {
            namespace: self.id.effective_namespace().clone(),
            name: self.id.name.clone(),
            kind: self.id.gvk.kind.clone(),
        });
        self.note_memory();
    }

    /// The official tool stores its memory in the annotations, which turns a null there into a mapping.
    fn note_memory(&mut self) {
        let metadata = self.node.get_mut("metadata");
        if let Some(annotations) = metadata.and_then(|m| m.get_mut("annotations"))
            && is_null(annotations)
        {
            *annotations = Node::map();
        }
    }

    /// Updates the id after a change to the object.
    pub fn refresh(&mut self, schema: &Schema) {
        let gvk_changed = {
            let field = |name| self.node.get(name).and_then(Node::text).unwrap_or("");
            self.id.gvk.kind != field("kind") || !self.id.gvk.has_api_version(field("apiVersion"))
        };
        if gvk_changed {
            self.id = Id::of(&self.node, schema);
            return;
        }
        let name = metadata_text(&self.node, "name");
        if self.id.name != name {
            self.id.name = name.into();
        }
        let namespace = metadata_text(&self.node, "namespace");
        if self.id.namespace != namespace {
            self.id.namespace = namespace.into();
        }
    }

    /// Sets the location of the generator that made the object, unless the object has one of its own.
    pub fn made_at(&mut self, location: Location, file: &Arc<str>) {
        if let Node::Map(map) = &mut self.node
            && !map.location.is_known()
        {
            map.location = location;
        }
        self.file.get_or_insert_with(|| file.clone());
    }

    /// The object in errors: with its original name, which is the one in its file.
    pub fn object_ref(&self) -> Option<ObjectRef> {
        let name = self.memory.previous.first().map_or(&self.id.name, |first| &first.name);
        ObjectRef::new(self.id.gvk.kind.as_str(), self.id.namespace.as_str(), name.as_str())
    }

    /// Adds the object to an error.
    pub fn blame(&self, error: Error) -> Error {
        error.about(self.object_ref())
    }

    /// As [`Resource::blame`], and sets the object's location as the place, unless the error has one.
    pub fn blame_here(&self, error: Error) -> Error {
        self.blame(error.at_location(self.node.location()))
    }

    /// Sets `metadata.name`, keeping its style.
    pub fn set_name(&mut self, name: &str) {
        set_metadata_text(&mut self.node, "name", name);
        self.id.name = name.into();
    }

    /// Sets the namespace of the id, after the object's fields were changed.
    pub fn set_namespace_id(&mut self, namespace: Text) {
        self.id.namespace = namespace;
    }

    /// Fails for objects that the official tool does not print: those that have lost their kind or name.
    pub fn check(&self) -> Result<()> {
        let kind = &self.id.gvk.kind;
        if kind.is_empty() {
            return Err(self.blame_here(Error::new("missing kind in object")));
        }
        if self.id.name.is_empty() && !kind.ends_with("List") {
            return Err(self.blame_here(Error::new("missing metadata.name in object")));
        }
        if self.memory.was_nameless && !self.memory.previous.is_empty() {
            return Err(self.blame_here(Error::new("the object had no name on its way")));
        }
        check_annotations(&self.node).map_err(|e| self.blame_here(e))
    }

    /// Whether prefixes and suffixes of both resources end with the same ones. With `lenient`, having none
    /// matches any.
    pub fn has_affixes_of(&self, other: &Self, lenient: bool) -> bool {
        let alike = |a: &[Text], b: &[Text]| (lenient && (a.is_empty() || b.is_empty())) || ends_alike(a, b);
        alike(&self.memory.prefixes, &other.memory.prefixes)
            && alike(&self.memory.suffixes, &other.memory.suffixes)
    }
}

/// Whether the shorter list is the end of the longer one. An empty list only matches an empty one.
fn ends_alike(a: &[Text], b: &[Text]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.is_empty() { long.is_empty() } else { long.ends_with(short) }
}

#[cfg(test)]
mod tests {
    use super::ends_alike;
    use keyfill_yaml::Text;

    #[test]
    fn the_shorter_list_must_be_the_end_of_the_longer_one() {
        let list = |s: &str| s.split_whitespace().map(Text::from).collect::<Vec<_>>();
        assert!(ends_alike(&list("a b c"), &list("b c")));
        assert!(!ends_alike(&list("a b c"), &list("a b")));
        assert!(!ends_alike(&list(""), &list("a")));
        assert!(ends_alike(&list(""), &list("")));
    }
}
