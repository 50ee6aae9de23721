//! Following a field spec's path into an object.

use super::{DEEPEST, FieldSpec, Segment};
use crate::Gvk;
use crate::error::{Error, Result};
use crate::filters::scalar::make_string;
use keyfill_yaml::{Entry, Map, Node, Scalar, ScalarKind, Seq, Style};

/// What is created at the end of a path whose field spec has `create`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    /// Nothing: `create` is ignored.
    Never,
    /// An empty scalar.
    Scalar,
    /// An empty mapping.
    Map,
    /// An empty list.
    Seq,
}

/// Calls `set` for each node at the end of the path, if the object is of a type that the field spec selects.
/// If the path leads through a list, it continues in each item; a null ends it without an error.
pub fn visit(
    object: &mut Node,
    object_gvk: &Gvk,
    spec: &FieldSpec,
    create: Create,
    set: &mut dyn FnMut(&mut Node) -> Result<()>,
) -> Result<()> {
    if !object_gvk.is_selected_by(&spec.gvk) {
        return Ok(());
    }
    if spec.segments().len() > DEEPEST {
        return Err(Error::new(format!("a field path of more than {DEEPEST} steps")));
    }
    let create = if spec.create { create } else { Create::Never };
    let mut walk = Walk { create, set };
    walk.go(object, spec.segments()).map_err(|e| e.context(format!("considering field '{}'", spec.path)))
}

/// As [`visit`], for one field spec after the other.
pub fn visit_all(
    object: &mut Node,
    object_gvk: &Gvk,
    specs: &[FieldSpec],
    create: Create,
    set: &mut dyn FnMut(&mut Node) -> Result<()>,
) -> Result<()> {
    specs.iter().try_for_each(|spec| visit(object, object_gvk, spec, create, set))
}

struct Walk<'a> {
    create: Create,
    set: &'a mut dyn FnMut(&mut Node) -> Result<()>,
}

impl Walk<'_> {
    fn go(&mut self, node: &mut Node, path: &[Segment]) -> Result<()> {
        let Some((step, rest)) = path.split_first() else { return (self.set)(node) };
        match node {
            Node::Map(map) => self.field(map, step, rest),
            Node::Seq(seq) => seq.items.iter_mut().try_for_each(|item| self.go(item, path)),
            Node::Scalar(scalar) if scalar.kind() == ScalarKind::Null => Ok(()),
            Node::Scalar(scalar) => {
                Err(Error::new(format!("expected a list or a mapping above `{}`", step.name))
                    .at_location(scalar.location))
            }
        }
    }

    fn field(&mut self, map: &mut Map, step: &Segment, rest: &[Segment]) -> Result<()> {
        if step.name.is_empty() {
            return Err(Error::new("cannot set or create an empty field name").at_location(map.location));
        }
        if step.is_item {
            return Err(Error::new(format!(
                "`{}` means an item of a list, but there is a mapping",
                step.name
            ))
            .at_location(map.location));
        }
        let made = self.made_at(step, rest.is_empty());
        let at = map.entries.iter().position(|e| e.key.text == step.name);
        let at = match (at, made) {
            (Some(at), _) => at,
            (None, Some(make)) if !step.is_list => {
                map.entries.push(Entry { key: Scalar::plain(step.name.clone()), value: empty(make) });
                map.entries.len() - 1
            }
            (None, _) => return Ok(()),
        };
        let field = &mut map.entries[at].value;
        if let Some(make) = made {
            settle_null(field, make);
        }
        self.go(field, rest)
    }

    /// What an absent or null field becomes at this step. With `[]` behind its name, a null field becomes a list
    /// in any case, although an absent one is not created.
    fn made_at(&self, step: &Segment, is_last: bool) -> Option<Create> {
        match self.create {
            _ if step.is_list => Some(Create::Seq),
            Create::Never => None,
            create if is_last => Some(create),
            _ => Some(Create::Map),
        }
    }
}

fn empty(make: Create) -> Node {
    match make {
        Create::Map => Node::Map(Map::default()),
        Create::Seq => Node::Seq(Seq::default()),
        Create::Scalar | Create::Never => Node::string(""),
    }
}

/// Turns null into what would have been created. A string keeps the text that the null was written with.
fn settle_null(node: &mut Node, make: Create) {
    let Node::Scalar(scalar) = node else { return };
    if scalar.kind() != ScalarKind::Null {
        return;
    }
    match make {
        Create::Scalar => {
            make_string(scalar);
            scalar.style = Style::Plain;
        }
        other => *node = empty(other),
    }
}

#[cfg(test)]
mod tests {
    use super::{Create, visit};
    use crate::Gvk;
    use crate::fieldspec::FieldSpec;
    use keyfill_yaml::{Limits, Node, load_nodes, to_yaml};

    fn after(text: &str, path: &str, create: Create) -> String {
        let mut nodes = load_nodes(text.as_bytes(), &Limits::default()).expect("it is YAML");
        let spec = FieldSpec::new(Gvk::default(), path, create != Create::Never);
        let gvk = Gvk::of(&nodes[0]);
        let result = visit(&mut nodes[0], &gvk, &spec, create, &mut |node| {
            *node = Node::string("X");
            Ok(())
        });
        match result {
            Ok(()) => String::from_utf8(to_yaml(&nodes[0])).expect("YAML is UTF-8"),
            Err(e) => format!("error: {}", e.message()),
        }
    }

    #[test]
    fn a_path_leads_to_every_item_of_a_list() {
        assert_eq!(after("a: [{b: 1}, {c: 2}]", "a/b", Create::Never), "a:\n- b: X\n- c: 2\n");
        assert_eq!(after("a: [{b: 1}]", "a[]/c", Create::Scalar), "a:\n- b: 1\n  c: X\n");
    }

    #[test]
    fn a_null_list_becomes_an_empty_one() {
        assert_eq!(after("a: null", "a[]/b", Create::Never), "a: []\n");
        assert_eq!(after("b: 1", "a[]/b", Create::Scalar), "b: 1\n");
    }

    #[test]
    fn absent_fields_are_created_if_create_is_set() {
        assert_eq!(after("k: 1", "a/b", Create::Scalar), "a:\n  b: X\nk: 1\n");
        assert_eq!(after("k: 1", "a/b", Create::Never), "k: 1\n");
        assert_eq!(after("a: ~", "a/b", Create::Scalar), "a:\n  b: X\n");
    }

    #[test]
    fn a_scalar_on_the_way_is_an_error() {
        assert!(after("a: x", "a/b", Create::Never).starts_with("error: considering field 'a/b'"));
    }
}
