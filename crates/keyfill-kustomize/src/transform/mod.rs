//! The transformers: each changes the resources of a kustomization in one way.

mod affix;
mod hash;
mod images;
mod metadata;
mod namespace;
mod patch;
mod replacement;
mod replicas;
mod value_add;

pub use patch::{JsonTransformer, PatchTransformer, StrategicTransformer};
pub use value_add::{ValueAdd, ValueTarget};

use crate::error::Result;
use crate::fieldspec::FieldSpec;
use crate::filters::image::Image;
use crate::filters::namespace::{Namespace, SetSubjects};
use crate::load::{Replacement, Replica};
use crate::resmap::ResMap;
use crate::schema::Schema;
use keyfill_diag::Cx;
use keyfill_yaml::Text;
use std::sync::Arc;

/// Field specs that several transformers share.
pub type Specs = Arc<Vec<FieldSpec>>;

/// One step of a kustomization, configured.
#[derive(Debug)]
pub enum Transformer {
    /// `patchesStrategicMerge`
    Strategic(StrategicTransformer),
    /// One entry of `patches`
    Patch(PatchTransformer),
    /// One entry of `patchesJson6902`
    Json(JsonTransformer),
    /// `namespace`
    Namespace {
        /// The namespace.
        name: Text,
        /// Fields besides `metadata.namespace`.
        specs: Specs,
        /// Only where none is set.
        unset_only: bool,
        /// Which subjects of role bindings get it.
        subjects: SetSubjects,
    },
    /// `namePrefix`
    Prefix {
        /// What goes before.
        prefix: Text,
        /// The fields.
        specs: Specs,
    },
    /// `nameSuffix`
    Suffix {
        /// What goes behind.
        suffix: Text,
        /// The fields.
        specs: Specs,
    },
    /// One entry of `labels`, or `commonLabels`
    Labels {
        /// The labels, sorted by key.
        pairs: Vec<(Text, Text)>,
        /// The fields.
        specs: Specs,
    },
    /// `commonAnnotations`
    Annotations {
        /// The annotations, sorted by key.
        pairs: Vec<(Text, Text)>,
        /// The fields.
        specs: Specs,
    },
    /// One entry of `replicas`
    Replicas {
        /// Name and count.
        replica: Replica,
        /// The fields.
        specs: Specs,
    },
    /// One entry of `images`
    Image {
        /// Which, and what it becomes.
        image: Image,
        /// The fields.
        specs: Specs,
    },
    /// `replacements`
    Replacements(Vec<Replacement>),
    /// The builtin plugin that adds a value at a path
    ValueAdd(ValueAdd),
    /// Hashes behind the names of what wants one
    Hash,
    /// Several in a row
    All(Vec<Transformer>),
}

impl Transformer {
    /// The kind of the builtin plugin that does the same.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Strategic(_) => "PatchStrategicMergeTransformer",
            Self::Patch(_) => "PatchTransformer",
            Self::Json(_) => "PatchJson6902Transformer",
            Self::Namespace { .. } => "NamespaceTransformer",
            Self::Prefix { .. } => "PrefixTransformer",
            Self::Suffix { .. } => "SuffixTransformer",
            Self::Labels { .. } => "LabelTransformer",
            Self::Annotations { .. } => "AnnotationsTransformer",
            Self::Replicas { .. } => "ReplicaCountTransformer",
            Self::Image { .. } => "ImageTagTransformer",
            Self::Replacements(_) => "ReplacementTransformer",
            Self::ValueAdd(_) => "ValueAddTransformer",
            Self::Hash => "HashTransformer",
            Self::All(_) => "PrefixSuffixTransformer",
        }
    }

    /// Changes the resources.
    pub fn apply(&self, map: &mut ResMap, schema: &Schema, cx: &Cx) -> Result<()> {
        cx.check()?;
        match self {
            Self::Strategic(patches) => patches.apply(map, schema, cx),
            Self::Patch(patch) => patch.apply(map, schema, cx),
            Self::Json(patch) => patch.apply(map, schema, cx),
            Self::Namespace { name, specs, unset_only, subjects } => {
                let change = Namespace { name, unset_only: *unset_only, subjects: *subjects };
                namespace::apply(map, schema, &change, specs, cx)
            }
            Self::Prefix { prefix, specs } => affix::prefix(map, schema, prefix, specs, cx),
            Self::Suffix { suffix, specs } => affix::suffix(map, schema, suffix, specs, cx),
            Self::Labels { pairs, specs } => metadata::labels(map, pairs, specs, cx),
            Self::Annotations { pairs, specs } => metadata::annotations(map, pairs, specs, cx),
            Self::Replicas { replica, specs } => replicas::apply(map, replica, specs, cx),
            Self::Image { image, specs } => images::apply(map, image, specs, cx),
            Self::Replacements(list) => replacement::apply(map, schema, list, cx),
            Self::ValueAdd(add) => add.apply(map, schema, cx),
            Self::Hash => hash::apply(map, schema, cx),
            Self::All(list) => list.iter().try_for_each(|t| t.apply(map, schema, cx)),
        }
    }
}
