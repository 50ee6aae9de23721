//! All fields that a path of a replacement's target leads to.

use super::path::{Step, is_item_step, new_item, step};
use super::text::yaml_text;
use crate::error::{Error, Result};
use crate::filters::scalar::{is_null, wrong_kind};
use keyfill_go::regexp::Regexp;
use keyfill_yaml::{Limits, Map, Node, Scalar, ScalarKind, Seq, load_nodes};

/// What is made where a path ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A scalar.
    Scalar,
    /// A list.
    Seq,
    /// A mapping.
    Map,
}

impl Kind {
    /// What a node is.
    pub fn of(node: &Node) -> Self {
        match node {
            Node::Scalar(_) => Self::Scalar,
            Node::Seq(_) => Self::Seq,
            Node::Map(_) => Self::Map,
        }
    }

    fn empty(self) -> Node {
        match self {
            Self::Scalar => Node::Scalar(Scalar::plain("")),
            Self::Seq => Node::Seq(Seq::default()),
            Self::Map => Node::Map(Map::default()),
        }
    }

    /// What is made before a step.
    fn before(self, next: Option<&String>) -> Node {
        match next {
            None => self.empty(),
            Some(next) if is_item_step(next) => Node::Seq(Seq::default()),
            Some(_) => Node::Map(Map::default()),
        }
    }
}

/// Calls `set` for each field that the path leads to and returns how many they were. With `create`, what is
/// absent is made.
pub fn visit(
    node: &mut Node,
    steps: &[String],
    create: Option<Kind>,
    set: &mut dyn FnMut(&mut Node) -> Result<()>,
) -> Result<usize> {
    Visit { create, set }.go(node, steps)
}

struct Visit<'a> {
    create: Option<Kind>,
    set: &'a mut dyn FnMut(&mut Node) -> Result<()>,
}

impl Visit<'_> {
    fn go(&mut self, node: &mut Node, steps: &[String]) -> Result<usize> {
        let Some((first, rest)) = steps.split_first() else {
            (self.set)(node)?;
            return Ok(1);
        };
        if is_null(node) {
            return self.below_null(steps);
        }
        // A negative number is a field's name here.
        match step(first).unwrap_or(Step::Field(first)) {
            _ if first.starts_with('[') && first.ends_with(']') && !first.contains('=') => {
                Err(Error::new(format!("the list step {first} of a field path must be [field=value]")))
            }
            Step::Index(n) => self.index(node, n, rest),
            Step::Items(field, value) => self.items(node, field, value, rest),
            Step::All => {
                let Node::Seq(seq) = node else { return Err(wrong_kind("a list", node)) };
                seq.items.iter_mut().try_fold(0, |count, item| Ok(count + self.go(item, rest)?))
            }
            Step::Last => self.field(node, "-", rest),
            Step::Field(name) => self.field(node, name, rest),
        }
    }

    /// Nothing is found below null. What would be made there is lost in kustomize too: the node stays null.
    fn below_null(&mut self, steps: &[String]) -> Result<usize> {
        let Some(create) = self.create else { return Ok(0) };
        let mut lost = create.before(steps.first());
        self.go(&mut lost, steps)
    }

    fn field(&mut self, node: &mut Node, name: &str, rest: &[String]) -> Result<usize> {
        let Node::Map(map) = node else { return Err(wrong_kind(&format!("a mapping above `{name}`"), node)) };
        if !map.has(name) {
            let Some(create) = self.create else { return Ok(0) };
            map.set(name, create.before(rest.first()));
        }
        let Some(field) = map.get_mut(name) else { return Ok(0) };
        match field {
            Node::Scalar(scalar) if !rest.is_empty() => {
                let mut copy = inside(scalar)?;
                self.go(&mut copy, rest)
            }
            field => self.go(field, rest),
        }
    }

    fn index(&mut self, node: &mut Node, n: usize, rest: &[String]) -> Result<usize> {
        let Node::Seq(seq) = node else { return Err(wrong_kind("a list", node)) };
        if let Some(create) = self.create
            && n == seq.items.len()
        {
            seq.items.push(create.before(rest.first()));
        }
        let (line, count) = (seq.line, seq.items.len());
        match seq.items.get_mut(n) {
            Some(item) => self.go(item, rest),
            None => {
                Err(Error::new(format!("index {n} specified but only {count} elements found")).at_line(line))
            }
        }
    }

    fn items(&mut self, node: &mut Node, field: &str, value: &str, rest: &[String]) -> Result<usize> {
        let Node::Seq(seq) = node else { return Err(wrong_kind("a list", node)) };
        let pattern = Regexp::compile(value.as_bytes())
            .map_err(|e| Error::new(format!("the value of the list step [{field}={value}]: {e}")))?;
        let count = self.matching(seq, field, &pattern, rest)?;
        if count > 0 || self.create.is_none() {
            return Ok(count);
        }
        seq.items.push(new_item(field, value));
        match self.matching(seq, field, &pattern, rest)? {
            0 => Err(Error::new(format!(
                "the list step [{field}={value}] does not match what it would create"
            ))
            .hint("the value is a regular expression; escape what has a meaning there")),
            count => Ok(count),
        }
    }

    fn matching(&mut self, seq: &mut Seq, field: &str, pattern: &Regexp, rest: &[String]) -> Result<usize> {
        let mut count = 0;
        for item in &mut seq.items {
            if field.is_empty() {
                if pattern.is_match(yaml_text(item).as_bytes()) {
                    // The path ends at an item that is a value, whatever comes behind.
                    (self.set)(item)?;
                    count += 1;
                }
            } else if item.get(field).is_some_and(|v| pattern.is_match(yaml_text(v).as_bytes())) {
                count += self.go(item, rest)?;
            }
        }
        Ok(count)
    }
}

/// What the text of a scalar says as YAML. Changes to it are lost; that of a whole document inside a text is
/// the work of the module beside.
fn inside(scalar: &Scalar) -> Result<Node> {
    if scalar.text.is_empty() {
        return Err(Error::new("expected a mapping but got an empty text").at_line(scalar.line));
    }
    if scalar.kind() == ScalarKind::Null {
        return Ok(Node::null());
    }
    let mut documents = load_nodes(scalar.text.as_bytes(), &Limits::default()).map_err(|e| {
        Error::new(format!("the text of the field is not YAML: {}", e.message())).at_line(scalar.line)
    })?;
    Ok(if documents.is_empty() { Node::null() } else { documents.swap_remove(0) })
}
