//! Field specs: paths into objects of certain types.

mod list;
mod path;
mod visit;

pub use list::{merge_all, merge_one};
pub use path::Segment;
pub(crate) use path::split as split_path;
pub use visit::{Create, visit, visit_all};

use crate::Gvk;
use crate::error::{Error, Result};
use keyfill_yaml::{Node, ScalarKind, Text};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A path into objects of the types that a selector picks.
#[derive(Clone, Debug)]
pub struct FieldSpec {
    /// Which types; empty parts match anything.
    pub gvk: Gvk,
    /// The path as written, as in `spec/template/spec/containers[]/image`.
    pub path: Text,
    /// Whether a path that is not there is made.
    pub create: bool,
    segments: Arc<[Segment]>,
}

impl FieldSpec {
    /// From its parts. `\/` in the path is a slash within a field's name.
    pub fn new(gvk: Gvk, path: &str, create: bool) -> Self {
        Self { gvk, path: path.into(), create, segments: path::parse(path) }
    }

    /// One entry of a `fieldSpecs:` list, or of a list in a `configurations:` file.
    pub fn from_node(node: &Node) -> Result<Self> {
        const FIELDS: [&str; 5] = ["group", "version", "kind", "path", "create"];
        let Some(map) = node.as_map() else {
            return Err(Error::new("a field spec is a mapping with `path`").at_line(node.line()));
        };
        let mut gvk = Gvk::default();
        let (mut path, mut create) = ("", false);
        for entry in &map.entries {
            let line = entry.key.line;
            let name = entry.key.text.as_str();
            let Some(scalar) = entry.value.as_scalar() else {
                return Err(wrong_type(name, FIELDS.contains(&name)).at_line(line));
            };
            match name {
                "create" => match scalar.kind() {
                    ScalarKind::Bool => create = scalar.text.eq_ignore_ascii_case("true"),
                    ScalarKind::Null => {}
                    _ => return Err(Error::new("`create` is true or false").at_line(line)),
                },
                "group" => gvk.group = text(scalar),
                "version" => gvk.version = text(scalar),
                "kind" => gvk.kind = text(scalar),
                "path" => path = if scalar.kind() == ScalarKind::Null { "" } else { &scalar.text },
                _ => return Err(wrong_type(name, false).at_line(line)),
            }
        }
        Ok(Self::new(gvk, path, create))
    }

    /// The steps of the path.
    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

fn text(scalar: &keyfill_yaml::Scalar) -> Text {
    if scalar.kind() == ScalarKind::Null { Text::default() } else { scalar.text.clone() }
}

fn wrong_type(name: &str, is_known: bool) -> Error {
    if is_known {
        return Error::new(format!("`{name}` of a field spec is a scalar"));
    }
    Error::new(format!("a field spec has no field `{name}`"))
        .hint("its fields are group, version, kind, path and create")
}

impl PartialEq for FieldSpec {
    fn eq(&self, other: &Self) -> bool {
        self.create == other.create && self.path == other.path && self.gvk == other.gvk
    }
}

impl Eq for FieldSpec {}

impl Hash for FieldSpec {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.gvk, &self.path, self.create).hash(state);
    }
}
