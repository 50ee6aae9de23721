//! The transformer configuration: which fields transformers change, and which fields refer to other resources by
//! name. The built-in one is merged with those of `configurations:` and `crds:`.

mod crds;
mod defaults;
mod file;

pub use crds::from_crds;
pub use file::from_files;

use crate::Gvk;
use crate::error::{Error, Result};
use crate::fieldspec::{FieldSpec, merge_all};
use std::sync::{Arc, LazyLock};

/// The fields in which resources refer to resources of one type by name.
#[derive(Clone, Debug)]
pub struct BackReferences {
    /// The type that the fields refer to.
    pub target: Gvk,
    /// The fields of other resources that hold the name of such a resource.
    pub referrers: Vec<FieldSpec>,
}

/// The most types that names may refer to. Each is compared with all others; real configurations stay below a
/// hundred.
const MOST_TYPES: usize = 10_000;

/// The fields that each transformer changes.
#[derive(Clone, Debug, Default)]
pub struct TransformerConfig {
    /// Fields that get the prefix of `namePrefix`.
    pub name_prefix: Vec<FieldSpec>,
    /// Fields that get the suffix of `nameSuffix`.
    pub name_suffix: Vec<FieldSpec>,
    /// Fields that get the namespace.
    pub namespace: Vec<FieldSpec>,
    /// Fields that get the labels of `commonLabels`, selectors included.
    pub common_labels: Vec<FieldSpec>,
    /// Fields that get the labels of `labels`, besides the fields that its entry lists.
    pub labels: Vec<FieldSpec>,
    /// Fields of pod templates that get the labels of `labels` with `includeTemplates`.
    pub template_labels: Vec<FieldSpec>,
    /// Fields that get the annotations of `commonAnnotations`.
    pub common_annotations: Vec<FieldSpec>,
    /// Fields that refer to other resources by name.
    pub name_reference: Vec<BackReferences>,
    /// Fields in which `$(NAME)` is replaced.
    pub var_reference: Vec<FieldSpec>,
    /// Fields that hold images.
    pub images: Vec<FieldSpec>,
    /// Fields that hold replica counts.
    pub replicas: Vec<FieldSpec>,
}

/// The built-in configuration, which every kustomization starts with. It has no entry twice, so it need not be
/// merged with itself.
static BUILTIN: LazyLock<Arc<TransformerConfig>> = LazyLock::new(|| Arc::new(defaults::tables()));

impl TransformerConfig {
    /// The built-in configuration.
    pub fn builtin() -> Arc<Self> {
        BUILTIN.clone()
    }

    /// Merges another configuration into a shared one. Merging the built-in one with itself, which every plain
    /// base does, costs nothing.
    pub fn merge(this: &mut Arc<Self>, other: &Arc<Self>) -> Result<()> {
        if Arc::ptr_eq(this, other) && Arc::ptr_eq(this, &BUILTIN) {
            return Ok(());
        }
        if this.is_empty() && Arc::ptr_eq(other, &BUILTIN) {
            *this = other.clone();
            return Ok(());
        }
        Arc::make_mut(this).absorb(other)
    }

    fn is_empty(&self) -> bool {
        self.name_prefix.is_empty() && self.name_reference.is_empty() && self.var_reference.is_empty()
    }

    /// Adds the entries of another configuration. Entries that are there already are left out; one that is there
    /// with another `create` is an error.
    pub fn absorb(&mut self, other: &Self) -> Result<()> {
        for (name, mine, theirs) in self.lists_with(other) {
            merge_all(mine, theirs.iter().cloned())
                .map_err(|e| e.context(format!("merging the field specs of {name}")))?;
        }
        for references in &other.name_reference {
            self.add_references(references.clone())?;
        }
        self.sort();
        Ok(())
    }

    /// Adds fields that refer to one type.
    pub fn add_references(&mut self, references: BackReferences) -> Result<()> {
        let is_full = self.name_reference.len() >= MOST_TYPES;
        match self.name_reference.iter_mut().find(|r| r.target == references.target) {
            Some(mine) => merge_all(&mut mine.referrers, references.referrers)
                .map_err(|e| e.context("merging the field specs of nameReference")),
            None if is_full => Err(Error::new(format!("references to more than {MOST_TYPES} types"))),
            None => {
                self.name_reference.push(references);
                Ok(())
            }
        }
    }

    /// Each list of field specs with its name and the same list of the other configuration.
    fn lists_with<'a>(
        &'a mut self,
        o: &'a Self,
    ) -> [(&'static str, &'a mut Vec<FieldSpec>, &'a [FieldSpec]); 10] {
        [
            ("namePrefix", &mut self.name_prefix, &o.name_prefix),
            ("nameSuffix", &mut self.name_suffix, &o.name_suffix),
            ("namespace", &mut self.namespace, &o.namespace),
            ("commonAnnotations", &mut self.common_annotations, &o.common_annotations),
            ("commonLabels", &mut self.common_labels, &o.common_labels),
            ("labels", &mut self.labels, &o.labels),
            ("templateLabels", &mut self.template_labels, &o.template_labels),
            ("varReference", &mut self.var_reference, &o.var_reference),
            ("images", &mut self.images, &o.images),
            ("replicas", &mut self.replicas, &o.replicas),
        ]
    }

    /// Sorts the entries by their types. They are merged and applied in that order.
    pub fn sort(&mut self) {
        let empty = Self::default();
        for (_, list, _) in self.lists_with(&empty) {
            list.sort_by_cached_key(|spec| spec.gvk.legacy_key());
        }
        self.name_reference.sort_by_cached_key(|references| references.target.legacy_key());
    }
}

#[cfg(test)]
mod tests {
    use super::{TransformerConfig, defaults};

    #[test]
    fn the_builtin_tables_hold_no_entry_twice() {
        let tables = defaults::tables();
        let mut merged = TransformerConfig::default();
        merged.absorb(&tables).expect("they do not contradict each other");
        assert_eq!(format!("{merged:?}"), format!("{tables:?}"));
    }
}
