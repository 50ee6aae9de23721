//! Parsing the path of a field spec into steps.

use keyfill_yaml::Text;
use std::borrow::Cow;
use std::sync::Arc;

/// One step of a path: a field, which `[]` may declare to hold a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The field's name.
    pub name: Text,
    /// Whether `[]` follows the name. Then the field is never created, and one that is null becomes a list.
    pub is_list: bool,
    /// Whether the name can only mean an item of a list: `*`, `-`, `[a=b]`, a number. No field is created for it.
    pub is_item: bool,
}

/// The steps of a path.
pub(super) fn parse(path: &str) -> Arc<[Segment]> {
    split(path, '/').iter().map(|step| segment(step)).collect()
}

fn segment(step: &str) -> Segment {
    let (name, is_list) = match step.strip_suffix("[]") {
        Some(name) => (name, true),
        None => (step, false),
    };
    let name = if name.is_empty() { name } else { name.trim() };
    let is_item = matches!(name, "*" | "-")
        || name.starts_with('[') && name.ends_with(']')
        || keyfill_go::strconv::parse_int(name, 10).is_ok();
    Segment { name: name.into(), is_list, is_item }
}

/// Splits at a delimiter, unless a backslash stands before it. A delimiter at the start is left out. The built-in
/// configuration has hundreds of paths, so a part is copied only where a backslash is removed.
pub(crate) fn split(path: &str, delimiter: char) -> Vec<Cow<'_, str>> {
    let path = path.strip_prefix(delimiter).unwrap_or(path);
    let mut parts: Vec<Cow<'_, str>> = Vec::new();
    for part in path.split(delimiter) {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                let last = last.to_mut();
                last.pop();
                last.push(delimiter);
                last.push_str(part);
            }
            _ => parts.push(part.into()),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::{parse, split};

    #[test]
    fn slashes_can_be_part_of_a_name() {
        assert_eq!(split(r"metadata/annotations/a.b\/c", '/'), ["metadata", "annotations", "a.b/c"]);
        assert_eq!(split("/a/b", '/'), ["a", "b"]);
        assert_eq!(split("", '/'), [""]);
        assert_eq!(split(r"a\", '/'), [r"a\"]);
    }

    #[test]
    fn brackets_mark_lists() {
        let steps = parse("spec/containers[]/0");
        assert_eq!(steps[1].name, "containers");
        assert!(steps[1].is_list && !steps[1].is_item);
        assert!(steps[2].is_item);
    }
}
