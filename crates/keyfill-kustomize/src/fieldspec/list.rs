//! Lists of field specs that are merged from several configurations.

use super::FieldSpec;
use crate::error::{Error, Result};

/// The most field specs in a list. Each is compared with all others; real lists stay below a thousand.
const MOST: usize = 10_000;

/// Adds a field spec, unless the list has one with the same path for types that the new one selects, too.
pub fn merge_one(list: &mut Vec<FieldSpec>, spec: FieldSpec) -> Result<()> {
    // Empty parts of the new field spec match anything: one for all kinds is left out when there is one for a
    // single kind.
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

/// Adds field specs one after the other.
pub fn merge_all(list: &mut Vec<FieldSpec>, more: impl IntoIterator<Item = FieldSpec>) -> Result<()> {
    more.into_iter().try_for_each(|spec| merge_one(list, spec))
}
