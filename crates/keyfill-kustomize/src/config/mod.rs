//! Which fields transformers change and where names are referred to: the built-in tables, merged with
//! those of `configurations:` and `crds:`.

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
    /// The type referred to.
    pub target: Gvk,
    /// The fields of others that hold its name.
    pub referrers: Vec<FieldSpec>,
}

/// Types that names may refer to are compared with each other. Real tables stay below a hundred.
const MOST_TYPES: usize = 10_000;

/// The fields that each transformer changes.
#[derive(Clone, Debug, Default)]
pub struct TransformerConfig {
    /// Fields that get a name's prefix.
    pub name_prefix: Vec<FieldSpec>,
    /// Fields that get a name's suffix.
    pub name_suffix: Vec<FieldSpec>,
    /// Fields that hold the namespace.
    pub namespace: Vec<FieldSpec>,
    /// Labels, selectors included.
    pub common_labels: Vec<FieldSpec>,
    /// Labels that `labels` sets besides its own fields.
    pub labels: Vec<FieldSpec>,
    /// Labels of pod templates.
    pub template_labels: Vec<FieldSpec>,
    /// Annotations.
    pub common_annotations: Vec<FieldSpec>,
    /// References by name.
    pub name_reference: Vec<BackReferences>,
    /// Fields in which `$(NAME)` is replaced.
    pub var_reference: Vec<FieldSpec>,
    /// Images.
    pub images: Vec<FieldSpec>,
    /// Replica counts.
    pub replicas: Vec<FieldSpec>,
}

/// The built-in tables as an accumulation begins with them. They hold no entry twice, so they need not be
/// merged.
static BUILTIN: LazyLock<Arc<TransformerConfig>> = LazyLock::new(|| Arc::new(defaults::tables()));

impl TransformerConfig {
    /// The built-in tables.
    pub fn builtin() -> Arc<Self> {
        BUILTIN.clone()
    }

    /// Merges other tables into shared ones. Merging the built-in tables with themselves, which every
    /// plain base does, costs nothing.
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

    /// Adds the entries of other tables. Entries that are there already are left out; one that is there
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

    /// Adds references to one type.
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

    /// Each list with its name and its counterpart.
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

    /// Puts the entries in the order of their types, in which they are then merged and applied.
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
