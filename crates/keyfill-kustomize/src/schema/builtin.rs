//! Looking things up in the generated table.

use super::table::{DEFINITIONS, ROOTS, SCOPES, SHAPES};

/// What is known about one type. Types of fields and items are places in the table of shapes.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Known, with nothing below.
    Leaf,
    /// The fields with their types, sorted by name.
    Object(&'static [(&'static str, u16)]),
    /// Any field, all of one type.
    Map(u16),
    /// A list that a patch replaces.
    List(u16),
    /// A list that is merged by these keys of its items; without keys the items are scalars.
    Merged(u16, &'static [&'static str]),
}

impl Shape {
    /// The type of a field.
    pub fn field(&self, name: &str) -> Option<&'static Self> {
        match self {
            Self::Object(fields) => {
                let at = fields.binary_search_by(|(field, _)| (*field).cmp(name)).ok()?;
                SHAPES.get(usize::from(fields[at].1))
            }
            Self::Map(values) => SHAPES.get(usize::from(*values)),
            _ => None,
        }
    }

    /// The type of a list's items.
    pub fn items(&self) -> Option<&'static Self> {
        match self {
            Self::List(items) | Self::Merged(items, _) => SHAPES.get(usize::from(*items)),
            _ => None,
        }
    }

    /// The keys by which a list is merged, if it is merged.
    pub fn merge_keys(&self) -> Option<&'static [&'static str]> {
        if let Self::Merged(_, keys) = self { Some(keys) } else { None }
    }
}

/// The shape of a type.
pub fn root(api_version: &str, kind: &str) -> Option<&'static Shape> {
    let at = ROOTS.binary_search_by(|(a, k, _)| (*a, *k).cmp(&(api_version, kind))).ok()?;
    SHAPES.get(usize::from(ROOTS[at].2))
}

/// The shape of a definition that other schemas may refer to.
pub fn definition(name: &str) -> Option<&'static Shape> {
    let at = DEFINITIONS.binary_search_by(|(n, _)| (*n).cmp(name)).ok()?;
    SHAPES.get(usize::from(DEFINITIONS[at].1))
}

/// Whether objects of a type live in namespaces, where that is known.
pub fn is_namespaced(api_version: &str, kind: &str) -> Option<bool> {
    let at = SCOPES.binary_search_by(|(a, k, _)| (*a, *k).cmp(&(api_version, kind))).ok()?;
    Some(SCOPES[at].2)
}

#[cfg(test)]
mod tests {
    use super::{DEFINITIONS, ROOTS, SCOPES, SHAPES, Shape};

    #[test]
    fn the_table_is_sorted_and_whole() {
        assert!(ROOTS.windows(2).all(|w| (w[0].0, w[0].1) < (w[1].0, w[1].1)));
        assert!(SCOPES.windows(2).all(|w| (w[0].0, w[0].1) < (w[1].0, w[1].1)));
        let is_there = |place: u16| usize::from(place) < SHAPES.len();
        assert!(ROOTS.iter().all(|r| is_there(r.2)));
        assert!(DEFINITIONS.windows(2).all(|w| w[0].0 < w[1].0) && DEFINITIONS.iter().all(|d| is_there(d.1)));
        for shape in &SHAPES {
            match shape {
                Shape::Leaf => {}
                Shape::Object(fields) => {
                    assert!(fields.windows(2).all(|w| w[0].0 < w[1].0));
                    assert!(fields.iter().all(|f| is_there(f.1)));
                }
                Shape::Map(to) | Shape::List(to) | Shape::Merged(to, _) => assert!(is_there(*to)),
            }
        }
    }
}
