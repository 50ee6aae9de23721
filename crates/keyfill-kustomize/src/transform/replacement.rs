//! Replacements: values copied from a field of one resource to fields of others.

use crate::error::{Error, Result};
use crate::load::{Replacement, ReplacementSource, ReplacementTarget};
use crate::replacement::{get_value, set_value};
use crate::resmap::{ResMap, describe};
use crate::schema::Schema;
use crate::selector::Matcher;
use keyfill_yaml::{Node, Text};

/// The field when none is said.
const DEFAULT_FIELD_PATH: Text = Text::new_static("metadata.name");

/// Does all replacements, one after the other.
pub fn apply(map: &mut ResMap, schema: &Schema, list: &[Replacement]) -> Result<()> {
    for replacement in list {
        let no_source = replacement.source.is_none() && replacement.value.is_none();
        let Some(targets) = replacement.targets.as_ref().filter(|_| !no_source) else {
            return Err(Error::new("replacements must specify a source and at least one target"));
        };
        let value = source_value(map, replacement)?;
        for target in targets {
            put(map, schema, target, &value)?;
        }
    }
    Ok(())
}

fn source_value(map: &ResMap, replacement: &Replacement) -> Result<Node> {
    match (&replacement.source, &replacement.value) {
        (Some(_), Some(_)) => Err(Error::new("value and resource selectors are mutually exclusive")),
        (None, Some(value)) => Ok(Node::plain(value.clone())),
        (Some(source), None) => read(map, source),
        (None, None) => Err(Error::new("replacements must specify a source and at least one target")),
    }
}

fn read(map: &ResMap, source: &ReplacementSource) -> Result<Node> {
    let mut matches = map.iter().filter(|r| r.plain_ids().any(|id| id.is_selected_by(&source.id)));
    let found = match (matches.next(), matches.next()) {
        (Some(found), None) => found,
        (None, _) => return Err(Error::new(format!("nothing selected by replacement source {}", source.id))),
        (Some(a), Some(b)) => {
            let (a, b) = (describe(a.id()), describe(b.id()));
            return Err(Error::new(format!("multiple matches for replacement source {}", source.id))
                .hint(format!("it matches {a} and {b}: add what tells them apart")));
        }
    };
    let path = if source.field_path.is_empty() { &DEFAULT_FIELD_PATH } else { &source.field_path };
    get_value(&found.node, path, source.options.as_ref())
        .map_err(|e| found.blame(e.context(format!("replacement source {}", source.id))))
}

fn put(map: &mut ResMap, schema: &Schema, target: &ReplacementTarget, value: &Node) -> Result<()> {
    let Some(select) = &target.select else {
        return Err(Error::new("target must specify resources to select"));
    };
    let select = Matcher::new(select)?;
    let reject = target.reject.iter().map(Matcher::new).collect::<Result<Vec<_>>>()?;
    let default = [DEFAULT_FIELD_PATH];
    let paths = if target.field_paths.is_empty() { &default[..] } else { &target.field_paths };
    for at in map.places() {
        let resource = map.get(at);
        let is_rejected = reject.iter().any(|r| {
            (!r.has_no_labels() && r.matches_labels(resource))
                || (!r.has_no_id() && resource.plain_ids().any(|id| r.matches_id(&id)))
        });
        let is_selected = select.matches_labels(resource)
            && !is_rejected
            && resource.plain_ids().any(|id| select.matches_id(&id));
        if is_selected {
            map.update(at, schema, |resource| {
                for path in paths {
                    set_value(&mut resource.node, path, target.options.as_ref(), value)
                        .map_err(|e| resource.blame(e))?;
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}
