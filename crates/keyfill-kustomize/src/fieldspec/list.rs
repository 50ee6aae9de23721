//! Lists of field specs that are put together from several configurations.

use super::FieldSpec;
use crate::error::{Error, Result};

/// Each spec is compared with all others. Real lists stay below a thousand.
const MOST: usize = 10_000;

/// Adds a spec unless one of the same path is there for types that the new one picks.
pub fn merge_one(list: &mut Vec<FieldSpec>, spec: FieldSpec) -> Result<()> {
    // The empty parts of the new spec match anything: one for all kinds gives way to one for a single kind.
    let same = |have: &FieldSpec| have.path == spec.path && have.gvk.is_selected_by(&spec.gvk);
    match list.iter().find(|have| same(have)) {
        Some(have) if have.create != spec.create => {
            Err(Error::new(format!("conflicting fieldspecs for {}", spec.path))
                .hint("the same path is configured both with `create: true` and without"))
        }
        Some(_) => Ok(()),
        None if list.len() >= MOST => Err(Error::new(format!("more than {MOST} field specs"))),
        None => {
            list.push(spec);
            Ok(())
        }
    }
}

/// Adds several, one after the other.
pub fn merge_all(list: &mut Vec<FieldSpec>, more: impl IntoIterator<Item = FieldSpec>) -> Result<()> {
    more.into_iter().try_for_each(|spec| merge_one(list, spec))
}
