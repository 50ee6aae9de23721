//! A resource: an object together with what the build remembers about it.
//!
//! kustomize keeps its memory in annotations under `internal.config.kubernetes.io/`. Here it is a struct
//! beside the object, so that nothing has to be parsed again; [`Resource::new`] takes such annotations
//! from objects that come with them, and they never reach the output.

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

/// What a generated resource does to one that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behavior {
    /// Not said: as `Create`.
    #[default]
    Unspecified,
    /// It must be new.
    Create,
    /// It takes the place of the other.
    Replace,
    /// Its data are put over those of the other.
    Merge,
}

impl Behavior {
    /// As written in a generator; unknown words count as nothing said.
    pub fn from_name(name: &str) -> Self {
        match name {
            "create" => Self::Create,
            "replace" => Self::Replace,
            "merge" => Self::Merge,
            _ => Self::Unspecified,
        }
    }

    /// As errors name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Merge => "merge",
        }
    }
}

/// A name that a resource had before a step of the build changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// Namespace as it takes effect: never empty.
    pub namespace: Text,
    /// Name.
    pub name: Text,
    /// Kind; group and version are the current ones.
    pub kind: Text,
}

/// What the build remembers about a resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// The names it had, oldest first.
    pub previous: Vec<Previous>,
    /// Prefixes put before its name, in order.
    pub prefixes: Vec<Text>,
    /// Suffixes put behind its name, in order.
    pub suffixes: Vec<Text>,
    /// Whether a hash of its content goes behind its name at the end.
    pub needs_hash: bool,
    /// What it does to one that is there already; of what was generated.
    pub behavior: Option<Behavior>,
    /// It once had no name when its name was to be remembered. Together with remembered names this makes the
    /// official tool fail.
    pub was_nameless: bool,
    /// It came out of a chart: the namespace transformer leaves it alone.
    pub from_chart: bool,
    /// A namespace that did not reach it for that reason, while it has none.
    pub missed_namespace: Option<Text>,
}

impl Memory {
    /// Whether nothing is remembered; the official tool then has written no annotation of its own.
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
    /// What its fields say it is; kept in step by [`Resource::refresh`].
    id: Id,
    /// What the build remembers.
    pub memory: Memory,
    /// Names of variables that take their value from here.
    pub variables: Vec<Text>,
    /// The file it was read from, or that holds its generator.
    pub file: Option<Arc<str>>,
    /// The patch that emptied it took the object away; it is dropped at the end of the step.
    pub deleted: bool,
}

impl Resource {
    /// A resource out of an object. Annotations that an earlier build left are taken up.
    pub fn new(mut node: Node, schema: &Schema) -> Self {
        let memory = annotations::take(&mut node);
        let id = Id::of(&node, schema);
        Self { node, id, memory, variables: Vec::new(), file: None, deleted: false }
    }

    /// What it is now.
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// Group, version and kind.
    pub fn gvk(&self) -> &Gvk {
        &self.id.gvk
    }

    /// What it was at first.
    pub fn original_id(&self) -> Id {
        self.previous_ids().next().unwrap_or_else(|| self.id.clone())
    }

    /// What it was, oldest first; what it is now is not among them.
    pub fn previous_ids(&self) -> impl Iterator<Item = Id> {
        self.memory.previous.iter().map(|p| Id {
            gvk: Gvk {
                group: self.id.gvk.group.clone(),
                version: self.id.gvk.version.clone(),
                kind: p.kind.clone(),
            },
            name: p.name.clone(),
            namespace: p.namespace.clone(),
            // Previous ids carry their effective namespace, so the scope adds nothing to them.
            is_cluster_scoped: false,
        })
    }

    /// What it is and what it was, without the scope of its type: replacements choose by these.
    pub fn plain_ids(&self) -> impl Iterator<Item = Id> {
        std::iter::once(Id { is_cluster_scoped: false, ..self.id.clone() }).chain(self.previous_ids())
    }

    /// What it was and what it is.
    pub fn all_ids(&self) -> impl Iterator<Item = Id> {
        self.previous_ids().chain(std::iter::once(self.id.clone()))
    }

    /// Remembers what it is now, before a change to its name, namespace or kind.
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

    /// The official tool writes its memory into the annotations, whereby null becomes a mapping.
    fn note_memory(&mut self) {
        let metadata = self.node.get_mut("metadata");
        if let Some(annotations) = metadata.and_then(|m| m.get_mut("annotations"))
            && is_null(annotations)
        {
            *annotations = Node::map();
        }
    }

    /// Reads the identity from the object again, after a change to it.
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

    /// Notes where the generator stands that has made the object, unless a place of its own is known.
    pub fn made_at(&mut self, location: Location, file: &Arc<str>) {
        if let Node::Map(map) = &mut self.node
            && !map.location.is_known()
        {
            map.location = location;
        }
        self.file.get_or_insert_with(|| file.clone());
    }

    /// The object, as errors name it: with the name that its file says.
    pub fn object_ref(&self) -> Option<ObjectRef> {
        let name = self.memory.previous.first().map_or(&self.id.name, |first| &first.name);
        ObjectRef::new(self.id.gvk.kind.as_str(), self.id.namespace.as_str(), name.as_str())
    }

    /// Adds which object an error is about.
    pub fn blame(&self, error: Error) -> Error {
        error.about(self.object_ref())
    }

    /// As [`Resource::blame`], where no step of the build has a place to name: the object itself is it.
    pub fn blame_here(&self, error: Error) -> Error {
        self.blame(error.at_location(self.node.location()))
    }

    /// Sets `metadata.name`, keeping the way it is written.
    pub fn set_name(&mut self, name: &str) {
        set_metadata_text(&mut self.node, "name", name);
        self.id.name = name.into();
    }

    /// Notes the namespace that its fields were given.
    pub fn set_namespace_id(&mut self, namespace: Text) {
        self.id.namespace = namespace;
    }

    /// Fails for what the official tool does not print: objects that have lost their kind or name.
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

    /// Whether prefixes and suffixes of both end alike. With `lenient`, none at all is alike to any.
    pub fn has_affixes_of(&self, other: &Self, lenient: bool) -> bool {
        let alike = |a: &[Text], b: &[Text]| (lenient && (a.is_empty() || b.is_empty())) || ends_alike(a, b);
        alike(&self.memory.prefixes, &other.memory.prefixes)
            && alike(&self.memory.suffixes, &other.memory.suffixes)
    }
}

/// Whether the shorter list is the end of the longer one; an empty one only equals an empty one.
fn ends_alike(a: &[Text], b: &[Text]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.is_empty() { long.is_empty() } else { long.ends_with(short) }
}

#[cfg(test)]
mod tests {
    use super::ends_alike;
    use keyfill_yaml::Text;

    #[test]
    fn lists_end_alike() {
        let list = |s: &str| s.split_whitespace().map(Text::from).collect::<Vec<_>>();
        assert!(ends_alike(&list("a b c"), &list("b c")));
        assert!(!ends_alike(&list("a b c"), &list("a b")));
        assert!(!ends_alike(&list(""), &list("a")));
        assert!(ends_alike(&list(""), &list("")));
    }
}
