//! The order of resources in the output.

use crate::error::{Error, Result};
use crate::gvk::{FIRST, LAST};
use crate::load::{SortOptions, SortOrder};
use crate::resmap::ResMap;
use crate::resource::Id;
use std::cmp::Reverse;
use std::collections::HashMap;

/// Sorts the resources. `sortOptions` of the kustomization takes precedence over the order of the request.
pub fn apply(map: &mut ResMap, options: Option<&SortOptions>, asked: SortOrder) -> Result<()> {
    let Some(options) = options else {
        return match asked {
            SortOrder::Fifo => Ok(()),
            SortOrder::Legacy => legacy(map, &FIRST, &LAST),
        };
    };
    by_options(map, options).map_err(|e| e.at_spot(&options.spot))
}

fn by_options(map: &mut ResMap, options: &SortOptions) -> Result<()> {
    match (options.order.as_str(), &options.legacy) {
        ("fifo", None) => Ok(()),
        ("fifo", Some(_)) => {
            Err(Error::new("sortOptions.legacySortOptions is set but the selected sort order is 'fifo'"))
        }
        ("legacy", None) => legacy(map, &FIRST, &LAST),
        ("legacy", Some((first, last))) => legacy(map, first, last),
        (other, _) => Err(Error::new(format!("sortOptions.order \"{other}\" is not known"))
            .at_spot(&options.spot.field("order"))
            .hint("it must be one of legacy, fifo")),
    }
}

/// Sorts by rank of the kind, then by type, namespace and name.
fn legacy<S: AsRef<str>>(map: &mut ResMap, first: &[S], last: &[S]) -> Result<()> {
    map.check_unique()?;
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let mut ranks: HashMap<&str, i64> = HashMap::new();
    for (at, kind) in first.iter().enumerate() {
        ranks.insert(kind.as_ref(), count(at) - count(first.len()));
    }
    for (at, kind) in last.iter().enumerate() {
        ranks.insert(kind.as_ref(), count(at) + 1);
    }
    map.sort_by_cached_key(|resource| key(resource.id(), &ranks));
    Ok(())
}

/// The sort key of an id. `Namespace` of the core group comes before kinds of that name in other groups.
fn key(id: &Id, ranks: &HashMap<&str, i64>) -> (i64, u8, Option<Reverse<String>>, String, String) {
    let rank = ranks.get(id.gvk.kind.as_str()).copied().unwrap_or(0);
    let is_core_namespace = id.gvk.kind == "Namespace" && id.gvk.group.is_empty();
    let (first, kind) = if is_core_namespace {
        (Some(Reverse(id.gvk.sort_text())), String::new())
    } else {
        (None, id.gvk.sort_text())
    };
    (rank, u8::from(!is_core_namespace), first, kind, id.sort_text())
}
