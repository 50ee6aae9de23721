//! Adding a value at a path, for the builtin plugin `ValueAddTransformer`.

use super::scalar::{refuse_deeper, set as set_scalar};
use super::shared::Writes;
use crate::error::{Error, Result};
use crate::fieldspec::split_path;
use crate::replacement::path;
use keyfill_yaml::{Node, Tag, Text};
use std::borrow::Cow;

/// Sets the field at a path, whose steps are separated by slashes; an absent field is created. A
/// `file_path_position` above 0 means that the field holds a file path: the value is inserted as that part of it,
/// counted from 1, and the other parts stay.
pub fn set(object: &mut Node, field_path: &str, value: &str, file_path_position: i64) -> Result<()> {
    let steps: Vec<String> = split_path(field_path, '/').into_iter().map(Cow::into_owned).collect();
    refuse_deeper(steps.len())?;
    let mut writes = Writes::default();
    let mut is_there = false;
    path::make(object, &steps, &mut |node| {
        is_there = true;
        let Some(text) = node.text() else {
            return Err(
                Error::new(format!("the field {field_path} is not a scalar")).at_location(node.location())
            );
        };
        let new = if file_path_position > 0 {
            insert_part(text, usize::try_from(file_path_position - 1).unwrap_or(usize::MAX), value)
        } else {
            value.to_owned()
        };
        if new.is_empty() { Ok(()) } else { set_scalar(node, Text::from(new), Tag::None, &mut writes) }
    })?;
    // The official tool crashes where a part of a file path would be set below null.
    if !is_there && file_path_position > 0 {
        return Err(Error::new(format!("the field {field_path} cannot be set below null"))
            .at_location(object.location()));
    }
    writes.spread(object);
    Ok(())
}

/// Inserts a part into a file path. An absolute path stays absolute.
fn insert_part(file_path: &str, position: usize, part: &str) -> String {
    if part.is_empty() {
        return file_path.to_owned();
    }
    let is_absolute = file_path.starts_with('/');
    let mut parts: Vec<&str> = file_path.split('/').filter(|p| !p.is_empty()).collect();
    parts.insert(position.min(parts.len()), part);
    format!("{}{}", if is_absolute { "/" } else { "" }, parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::insert_part;

    #[test]
    fn a_part_is_inserted_at_its_position() {
        for (path, position, expected) in [
            ("", 0, "x"),
            ("/", 3, "/x"),
            ("pie", 0, "x/pie"),
            ("/pie", 0, "/x/pie"),
            ("raw", 9, "raw/x"),
            ("/a/b/c", 2, "/a/b/x/c"),
        ] {
            assert_eq!(insert_part(path, position, "x"), expected, "{path}");
        }
    }
}
