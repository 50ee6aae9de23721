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

/// One transformer with its configuration.
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
        /// Fields that hold the namespace, besides `metadata.namespace`.
        specs: Specs,
        /// Whether it is set only where no namespace is set yet.
        unset_only: bool,
        /// The subjects of role bindings that get it.
        subjects: SetSubjects,
    },
    /// `namePrefix`
    Prefix {
        /// Text before each name.
        prefix: Text,
        /// The fields that get the prefix.
        specs: Specs,
    },
    /// `nameSuffix`
    Suffix {
        /// Text behind each name.
        suffix: Text,
        /// The fields that get the suffix.
        specs: Specs,
    },
    /// One entry of `labels`, or `commonLabels`
    Labels {
        /// The labels, sorted by key.
        pairs: Vec<(Text, Text)>,
        /// The fields that get the labels.
        specs: Specs,
    },
    /// `commonAnnotations`
    Annotations {
        /// The annotations, sorted by key.
        pairs: Vec<(Text, Text)>,
        /// The fields that get the annotations.
        specs: Specs,
    },
    /// One entry of `replicas`
    Replicas {
        /// Name of the resource, and its replica count.
        replica: Replica,
        /// The fields that hold the count.
        specs: Specs,
    },
    /// One entry of `images`
    Image {
        /// Which image is changed, and how.
        image: Image,
        /// The fields that hold images, besides the lists of containers.
        specs: Specs,
    },
    /// `replacements`
    Replacements(Vec<Replacement>),
    /// The builtin plugin `ValueAddTransformer`
    ValueAdd(ValueAdd),
    /// The builtin plugin `HashTransformer`: appends hashes to the names of the resources that need one
    Hash,
    /// Several transformers, applied one after the other
    All(Vec<Transformer>),
}

impl Transformer {
    /// Kind of the builtin plugin that does the same.
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

    /// Applies the transformer to the resources.
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
