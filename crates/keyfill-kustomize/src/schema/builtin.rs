//! Look-ups in the generated schema table.

use super::table::{DEFINITIONS, ROOTS, SCOPES, SHAPES};

/// One type of the schema. The types of fields and items are indexes into `SHAPES`.
#[derive(Debug)]
pub(crate) enum Shape {
    /// A type without fields.
    Leaf,
    /// An object: its fields with their types, sorted by name.
    Object(&'static [(&'static str, u16)]),
    /// A mapping with any field names; all fields have this type.
    Map(u16),
    /// A list that a patch replaces, with the type of its items.
    List(u16),
    /// A list that is merged: the type of its items, and the keys that match them. Without keys the items are
    /// scalars.
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

/// The type of objects with the given `apiVersion` and `kind`.
pub fn root(api_version: &str, kind: &str) -> Option<&'static Shape> {
    let at = ROOTS.binary_search_by(|(a, k, _)| (*a, *k).cmp(&(api_version, kind))).ok()?;
    SHAPES.get(usize::from(ROOTS[at].2))
}

/// The type of a definition that other schemas may refer to.
pub fn definition(name: &str) -> Option<&'static Shape> {
    let at = DEFINITIONS.binary_search_by(|(n, _)| (*n).cmp(name)).ok()?;
    SHAPES.get(usize::from(DEFINITIONS[at].1))
}

/// Whether objects of a type are namespaced; `None` if the type is unknown.
pub fn is_namespaced(api_version: &str, kind: &str) -> Option<bool> {
    let at = SCOPES.binary_search_by(|(a, k, _)| (*a, *k).cmp(&(api_version, kind))).ok()?;
    Some(SCOPES[at].2)
}

#[cfg(test)]
mod tests {
    use super::{DEFINITIONS, ROOTS, SCOPES, SHAPES, Shape};

    #[test]
    fn the_table_is_sorted_and_its_indexes_are_valid() {
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
