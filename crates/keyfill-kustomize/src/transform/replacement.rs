//! Replacements: values copied from a field of one resource to fields of others.

use crate::error::{Error, Result};
use crate::filters::scalar::{bytes_of, count};
use crate::load::{Replacement, ReplacementSource, ReplacementTarget};
use crate::replacement::{get_value, read_again, set_value, way_to};
use crate::resmap::{ResMap, describe};
use crate::schema::Schema;
use crate::selector::Matcher;
use keyfill_diag::Cx;
use keyfill_yaml::{Limits, Node, Scalar, Text};

/// The field that is used if none is given.
static DEFAULT_FIELD_PATH: Text = Text::new_static("metadata.name");

/// The value of a source, with the field that it is read from.
struct Value {
    node: Node,
    /// The position of the source's resource, and the steps to the field, if the value is the whole field. The
    /// value is the field itself then, and not a copy: a replacement that changes the field changes what later
    /// targets get.
    place: Option<(usize, Vec<String>)>,
}

impl Value {
    /// The steps to the source's field, if the resource at a position contains it.
    fn place_in(&self, at: usize) -> Option<&[String]> {
        self.place.as_ref().filter(|(place, _)| *place == at).map(|(_, steps)| &steps[..])
    }

    /// Reads the field again after a change to the resource at a position. If it does not exist any more, the
    /// last value stays.
    fn follow(&mut self, at: usize, object: &Node) {
        if let Some(node) = self.place_in(at).and_then(|steps| read_again(object, steps)) {
            self.node = node;
        }
    }
}

/// Applies all replacements, one after the other.
pub fn apply(map: &mut ResMap, schema: &Schema, list: &[Replacement], cx: &Cx) -> Result<()> {
    for replacement in list {
        one(map, schema, replacement, cx).map_err(|e| e.at_spot(&replacement.spot))?;
    }
    Ok(())
}

fn one(map: &mut ResMap, schema: &Schema, replacement: &Replacement, cx: &Cx) -> Result<()> {
    let no_source = replacement.source.is_none() && replacement.value.is_none();
    let Some(targets) = replacement.targets.as_ref().filter(|_| !no_source) else {
        return Err(Error::new("replacements must specify a source and at least one target"));
    };
    let mut value = source_value(map, replacement)?;
    for target in targets {
        put(map, schema, target, &mut value, cx).map_err(|e| e.at_spot(&target.spot))?;
    }
    Ok(())
}

fn source_value(map: &ResMap, replacement: &Replacement) -> Result<Value> {
    match (&replacement.source, &replacement.value) {
        (Some(_), Some(_)) => Err(Error::new("value and resource selectors are mutually exclusive")),
        (None, Some(value)) => {
            let location = replacement.spot.field("sourceValue").location();
            let scalar = Scalar { location, ..Scalar::plain(value.clone()) };
            Ok(Value { node: Node::Scalar(scalar), place: None })
        }
        (Some(source), None) => read(map, source).map_err(|e| e.at_spot(&source.spot)),
        (None, None) => Err(Error::new("replacements must specify a source and at least one target")),
    }
}

fn read(map: &ResMap, source: &ReplacementSource) -> Result<Value> {
    let is_selected = |at: &usize| map.get(*at).plain_ids().any(|id| id.is_selected_by(&source.id));
    let mut matches = map.places().into_iter().filter(is_selected);
    let found = match (matches.next(), matches.next()) {
        (Some(found), None) => found,
        (None, _) => return Err(Error::new(format!("nothing selected by replacement source {}", source.id))),
        (Some(a), Some(b)) => {
            let (a, b) = (describe(map.get(a).id()), describe(map.get(b).id()));
            return Err(Error::new(format!("multiple matches for replacement source {}", source.id))
                .hint(format!("it matches {a} and {b}: add what tells them apart")));
        }
    };
    let path = if source.field_path.is_empty() { &DEFAULT_FIELD_PATH } else { &source.field_path };
    let resource = map.get(found);
    let node = get_value(&resource.node, path, source.options.as_ref())
        .map_err(|e| resource.blame(e.context(format!("replacement source {}", source.id))))
        .map_err(|e| e.at_spot(&source.spot.field("fieldPath")))?;
    let is_part = source.options.as_ref().is_some_and(|o| !o.delimiter.is_empty());
    let place = (!is_part).then(|| (found, way_to(&resource.node, path)));
    Ok(Value { node, place })
}

fn put(
    map: &mut ResMap,
    schema: &Schema,
    target: &ReplacementTarget,
    value: &mut Value,
    cx: &Cx,
) -> Result<()> {
    let Some(select) = &target.select else {
        return Err(Error::new("target must specify resources to select"));
    };
    let select = Matcher::new(select).map_err(|e| e.at_spot(&target.spot.field("select")))?;
    let rejected =
        |(n, reject)| Matcher::new(reject).map_err(|e| e.at_spot(&target.spot.field("reject").item(n)));
    let reject = target.reject.iter().enumerate().map(rejected).collect::<Result<Vec<_>>>()?;
    let default = [DEFAULT_FIELD_PATH.clone()];
    let paths = if target.field_paths.is_empty() { &default[..] } else { &target.field_paths };
    let limits = Limits::from(cx);
    for at in map.places() {
        cx.check()?;
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
                for (n, path) in paths.iter().enumerate() {
                    let source = value.place_in(at);
                    cx.room(bytes_of(count(&value.node)) + value.node.text().map_or(0, |t| t.len() as u64))?;
                    let done = set_value(
                        &mut resource.node,
                        path,
                        target.options.as_ref(),
                        &value.node,
                        source,
                        &limits,
                    );
                    // If the run was stopped, that is the error, and not the parser's.
                    cx.check()?;
                    done.map_err(|e| resource.blame(e))
                        .map_err(|e| e.at_spot(&target.spot.field("fieldPaths").item(n)))?;
                    value.follow(at, &resource.node);
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}
