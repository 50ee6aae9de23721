//! Replacements in nodes: reading the value of a field, and setting it in another one.

mod fields;
pub(crate) mod path;
mod structured;
mod tree;

use crate::error::{Error, Result};
use crate::filters::scalar::{
    depth, is_null_or_empty, is_untyped, make_string, refuse_deeper, tag_of, text_of,
};
use crate::filters::shared::{Writes, part};
use fields::{Ends, NodeKind, not_a_scalar};
use keyfill_yaml::{Limits, Node, Scalar, ScalarKind, Style, Tag, Text};

/// `options` of a replacement's source or target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldOptions {
    /// Delimiter at which the text is split into parts; empty for the whole text.
    pub delimiter: Text,
    /// Which part, counted from 0.
    pub index: i64,
    /// Has no effect in kustomize.
    pub encoding: Text,
    /// Whether an absent field is created.
    pub create: bool,
}

/// The value at a path of an object, or the part of it that the options select.
pub fn get_value(source: &Node, field_path: &str, options: Option<&FieldOptions>) -> Result<Node> {
    let found = path::lookup(source, &path::split(field_path))
        .map_err(|e| e.context("error looking up replacement source"))?
        .filter(|node| !is_null_or_empty(node));
    let Some(found) = found else {
        return Err(Error::new(format!("fieldPath `{field_path}` is missing for the replacement source")));
    };
    let mut value = found.clone();
    part(&mut value);
    if let Some(options) = options.filter(|o| !o.delimiter.is_empty()) {
        let location = value.location();
        let Node::Scalar(scalar) = &mut value else { return Err(not_a_scalar(location)) };
        let mut parts = scalar.text.split(options.delimiter.as_str());
        let chosen = usize::try_from(options.index).ok().and_then(|n| parts.nth(n));
        let Some(chosen) = chosen.map(Text::from) else {
            return Err(Error::new(format!(
                "options.index {} is out of bounds for the value of `{field_path}`",
                options.index
            ))
            .at_location(location));
        };
        // Only the text is copied into scalars, so it need not fit the type.
        if !is_untyped(scalar) {
            scalar.tag = tag_of(scalar);
        }
        scalar.text = chosen;
    }
    Ok(value)
}

/// The steps to the field at a path, with list items given by their indexes. They still lead to the field after a
/// replacement has changed the value that the path searches for.
pub fn way_to(object: &Node, field_path: &str) -> Vec<String> {
    path::way(object, &path::split(field_path))
}

/// The current value at the end of such steps.
pub fn read_again(object: &Node, steps: &[String]) -> Option<Node> {
    let found = path::lookup(object, steps).ok()??;
    if is_null_or_empty(found) {
        return None;
    }
    let mut value = found.clone();
    part(&mut value);
    Some(value)
}

/// Sets a value at a path of an object, or replaces a part of the text there. If the object is the source, too,
/// `source_path` is the path of the source's field: once that field is set, the fields after it get its new value.
pub fn set_value(
    target: &mut Node,
    field_path: &str,
    options: Option<&FieldOptions>,
    value: &Node,
    source_path: Option<&[String]>,
    limits: &Limits,
) -> Result<()> {
    let source: Option<*const Node> =
        source_path.and_then(|steps| path::lookup(target, steps).ok().flatten()).map(std::ptr::from_ref);
    let create = options.is_some_and(|o| o.create).then(|| NodeKind::of(value));
    let steps = path::split(field_path);
    refuse_deeper(steps.len() + depth(value))?;
    if structured::set(target, &steps, create, value, limits)? {
        return Ok(());
    }
    let not_found = || {
        let how = if create.is_some() { "find or create" } else { "find" };
        format!("unable to {how} field `{field_path}` in replacement target")
    };
    let mut writes = Writes::default();
    let mut value = value.clone();
    let options = options.filter(|o| !o.delimiter.is_empty());
    let ends = Ends { create, scalars_only: options.is_some(), limits };
    let found = fields::visit(target, &steps, ends, &mut |field| {
        set_field(field, options, &value, &mut writes);
        if source.is_some_and(|source| std::ptr::eq(source, field)) {
            value.clone_from(field);
            part(&mut value);
        }
        Ok(())
    })
    .map_err(|e| e.context(not_found()))?;
    writes.spread(target);
    if found == 0 {
        return Err(Error::new(not_found()).hint("`options: {create: true}` makes fields that are absent"));
    }
    Ok(())
}

fn set_field(field: &mut Node, options: Option<&FieldOptions>, value: &Node, writes: &mut Writes) {
    match field {
        Node::Scalar(scalar) => {
            let text = match options {
                Some(options) => joined(&scalar.text, text_of(value), options),
                None => value.text().unwrap_or("").into(),
            };
            let mut changed = scalar.clone();
            if changed.text != text && options.is_none() && value.location().is_known() {
                // The location of a value is where its text is written, not where it is copied to.
                changed.location = value.location();
            }
            scalar_text(&mut changed, text);
            writes.put(scalar, changed);
        }
        other => *other = value.clone(),
    }
}

/// The text with one part replaced. An index below 0 adds the part before the others, one behind the last part
/// adds it after them.
fn joined(old: &str, new: &str, options: &FieldOptions) -> Text {
    let mut parts: Vec<&str> = old.split(options.delimiter.as_str()).collect();
    match usize::try_from(options.index) {
        Err(_) => parts.insert(0, new),
        Ok(n) if n < parts.len() => parts[n] = new,
        Ok(_) => parts.push(new),
    }
    parts.join(options.delimiter.as_str()).into()
}

/// Sets the text of a scalar and keeps its type: a string stays one. A text that does not fit the type is kept as
/// it is: a later step may change it again, and if not, [`check_types`] reports it. A scalar without a fixed type
/// accepts any text.
fn scalar_text(scalar: &mut Scalar, text: Text) {
    if !is_untyped(scalar) {
        let tag = tag_of(scalar);
        let fits = match tag {
            Tag::Str | Tag::Binary | Tag::Other(_) | Tag::None => scalar.style != Style::Plain,
            _ => Scalar::plain(text.clone()).kind() == scalar.kind() && tag != Tag::Float,
        };
        match tag {
            _ if fits => {}
            Tag::Str => make_string(scalar),
            tag => scalar.tag = tag,
        }
    }
    scalar.text = text;
}

/// Fails if an object cannot be printed: a text that does not fit its type (replacements can make one), infinity,
/// a key that is not a string.
pub fn check_types(object: &Node) -> Result<()> {
    let Node::Map(map) = object else { return check_field(object, "") };
    map.entries.iter().try_for_each(|e| check_field(&e.value, &e.key.text))
}

fn check_field(node: &Node, name: &str) -> Result<()> {
    match node {
        Node::Map(map) => map.entries.iter().try_for_each(|entry| {
            entry.key.check_key().map_err(|e| {
                let hint = match entry.key.location.line() {
                    0 => "kustomize makes keys without quotes; a patch can bring one in quotes",
                    _ => e.help().unwrap_or("put the key into quotes"),
                };
                Error::new(format!("in `{name}`: {}", e.message())).at_location(entry.key.location).hint(hint)
            })?;
            check_field(&entry.value, &entry.key.text)
        }),
        Node::Seq(seq) => seq.items.iter().try_for_each(|item| check_field(item, name)),
        Node::Scalar(scalar) => check_scalar(scalar, name),
    }
}

fn check_scalar(scalar: &Scalar, name: &str) -> Result<()> {
    let word = match &scalar.tag {
        Tag::Int => "an integer",
        Tag::Float => "a number",
        Tag::Bool => "a boolean",
        Tag::Timestamp => "a timestamp",
        Tag::Null => "null",
        Tag::None | Tag::Str | Tag::Binary | Tag::Other(_) => "",
    };
    let is = |kind| Scalar::plain(scalar.text.clone()).kind() == kind;
    let fits = is(scalar.kind()) || scalar.tag == Tag::Float && is(ScalarKind::Int);
    if !word.is_empty() && !fits {
        return Err(Error::new(format!("the text of `{name}` does not fit its type: the field holds {word}"))
            .at_location(scalar.location)
            .hint("a field keeps its type when a replacement puts a text in: write the old value in quotes to make it a string"));
    }
    scalar.check_value().map_err(|e| {
        let error = Error::new(format!("`{name}`: {}", e.message())).at_location(scalar.location);
        match e.help() {
            Some(help) => error.hint(help),
            None => error,
        }
    })
}
