//! Finding all fields that a path in a replacement's target leads to.

use super::path::{Step, is_item_step, step};
use super::tree::Tree;
use crate::error::{Error, Result};
use keyfill_go::regexp::Regexp;
use keyfill_yaml::{EditDocument, EditNode, Limits, Location, Node};

/// The kind of node that is created at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A scalar.
    Scalar,
    /// A list.
    Seq,
    /// A mapping.
    Map,
}

impl NodeKind {
    /// The kind of a node.
    pub fn of(node: &Node) -> Self {
        match node {
            Node::Scalar(_) => Self::Scalar,
            Node::Seq(_) => Self::Seq,
            Node::Map(_) => Self::Map,
        }
    }

    /// The node that is created before a step.
    fn before<T: Tree>(self, next: Option<&String>) -> T {
        T::empty(match next {
            None => self,
            Some(next) if is_item_step(next) => Self::Seq,
            Some(_) => Self::Map,
        })
    }
}

/// What the end of a path may be.
#[derive(Clone, Copy, Debug)]
pub struct Ends<'a> {
    /// The kind of node that is created where the path ends at an absent field; `None` if nothing is created.
    pub create: Option<NodeKind>,
    /// Whether lists and mappings are refused, because a part of a text is to be replaced.
    pub scalars_only: bool,
    /// The limits for YAML that is parsed from the texts of fields.
    pub limits: &'a Limits,
}

impl Ends<'_> {
    fn check<T: Tree>(self, end: &T) -> Result<()> {
        if self.scalars_only && end.kind() != Some(NodeKind::Scalar) {
            return Err(not_a_scalar(end.location()));
        }
        Ok(())
    }
}

/// Calls `set` for each field that the path leads to, and returns their number.
pub fn visit<T: Tree>(
    node: &mut T,
    steps: &[String],
    ends: Ends<'_>,
    set: &mut dyn FnMut(&mut T) -> Result<()>,
) -> Result<usize> {
    Visit { ends, set }.go(node, steps)
}

struct Visit<'a, T> {
    ends: Ends<'a>,
    set: &'a mut dyn FnMut(&mut T) -> Result<()>,
}

impl<T: Tree> Visit<'_, T> {
    fn go(&mut self, node: &mut T, steps: &[String]) -> Result<usize> {
        let Some((first, rest)) = steps.split_first() else {
            return self.end(node);
        };
        if node.is_null() {
            return self.below_null(steps);
        }
        // A negative number is the name of a field here.
        match step(first).unwrap_or(Step::Field(first)) {
            _ if first.starts_with('[') && first.ends_with(']') && !first.contains('=') => {
                Err(Error::new(format!("the list step {first} of a field path must be [field=value]")))
            }
            Step::Index(n) => self.index(node, n, rest),
            Step::Items(field, value) => self.items(node, field, value, rest),
            Step::All => {
                let items = list(node)?;
                items.iter_mut().try_fold(0, |count, item| Ok(count + self.go(item, rest)?))
            }
            Step::Last => self.field(node, "-", rest),
            Step::Field(name) => self.field(node, name, rest),
        }
    }

    fn end(&mut self, node: &mut T) -> Result<usize> {
        self.ends.check(node)?;
        (self.set)(node)?;
        Ok(1)
    }

    /// Nothing is found below null. What kustomize creates there is dropped: the node stays null.
    fn below_null(&mut self, steps: &[String]) -> Result<usize> {
        let Some(create) = self.ends.create else { return Ok(0) };
        let mut lost: T = create.before(steps.first());
        self.go(&mut lost, steps)
    }

    fn field(&mut self, node: &mut T, name: &str, rest: &[String]) -> Result<usize> {
        if node.kind() != Some(NodeKind::Map) {
            return Err(wrong_kind(&format!("a mapping above `{name}`"), node));
        }
        if node.child(name).is_none() {
            let Some(create) = self.ends.create else { return Ok(0) };
            node.add_child(name, create.before(rest.first()));
        }
        let Some(field) = node.child_mut(name) else { return Ok(0) };
        if field.kind() == Some(NodeKind::Scalar) && !rest.is_empty() {
            return visit(&mut inside(field, self.ends.limits)?, rest, self.ends, &mut |_| Ok(()));
        }
        self.go(field, rest)
    }

    fn index(&mut self, node: &mut T, n: usize, rest: &[String]) -> Result<usize> {
        let location = node.location();
        let items = list(node)?;
        if let Some(create) = self.ends.create
            && n == items.len()
        {
            items.push(create.before(rest.first()));
        }
        let count = items.len();
        match items.get_mut(n) {
            Some(item) => self.go(item, rest),
            None => Err(Error::new(format!("index {n} specified but only {count} elements found"))
                .at_location(location)),
        }
    }

    fn items(&mut self, node: &mut T, field: &str, value: &str, rest: &[String]) -> Result<usize> {
        let items = list(node)?;
        let pattern = Regexp::compile(value.as_bytes())
            .map_err(|e| Error::new(format!("the value of the list step [{field}={value}]: {e}")))?;
        let count = self.matching(items, field, &pattern, rest)?;
        if count > 0 || self.ends.create.is_none() {
            return Ok(count);
        }
        items.push(T::item(field, value));
        match self.matching(items, field, &pattern, rest)? {
            0 => Err(Error::new(format!(
                "the list step [{field}={value}] does not match what it would create"
            ))
            .hint("the value is a regular expression; escape what has a meaning there")),
            count => Ok(count),
        }
    }

    fn matching(&mut self, items: &mut [T], field: &str, pattern: &Regexp, rest: &[String]) -> Result<usize> {
        let mut count = 0;
        for item in items {
            if field.is_empty() {
                if pattern.is_match(item.yaml_text().as_bytes()) {
                    // An item that is itself the value ends the path; the remaining steps are ignored.
                    count += self.end(item)?;
                }
            } else if item.child(field).is_some_and(|v| pattern.is_match(v.yaml_text().as_bytes())) {
                count += self.go(item, rest)?;
            }
        }
        Ok(count)
    }
}

fn list<T: Tree>(node: &mut T) -> Result<&mut Vec<T>> {
    if node.kind() != Some(NodeKind::Seq) {
        return Err(wrong_kind("a list", node));
    }
    node.items().ok_or_else(|| Error::new("expected a list"))
}

/// Parses the text of a scalar as YAML. Changes to the result are lost; `structured` changes documents inside a
/// text.
fn inside<T: Tree>(scalar: &T, limits: &Limits) -> Result<EditNode> {
    let text = scalar.text().unwrap_or("");
    if text.is_empty() {
        return Err(Error::new("expected a mapping but got an empty text").at_location(scalar.location()));
    }
    if scalar.is_null() {
        return Ok(EditNode::from(&Node::null()));
    }
    let document = EditDocument::read(text.as_bytes(), limits).map_err(|e| {
        Error::new(format!("the text of the field is not YAML: {}", e.message()))
            .at_location(scalar.location())
    })?;
    // kustomize's parser fails for text without a document: a comment alone, or blanks.
    document.map(|document| document.root).ok_or_else(|| {
        Error::new("expected a mapping but got a text that holds no value").at_location(scalar.location())
    })
}

/// The error about a list or mapping where a part of a text is to be replaced.
pub fn not_a_scalar(location: Location) -> Error {
    Error::new("delimiter option can only be used with scalar nodes").at_location(location)
}

/// The error about a node that is not of the expected kind.
fn wrong_kind<T: Tree>(expected: &str, node: &T) -> Error {
    let got = match node.kind() {
        Some(NodeKind::Scalar) => "a scalar",
        Some(NodeKind::Seq) => "a list",
        Some(NodeKind::Map) => "a mapping",
        None => "an alias",
    };
    Error::new(format!("expected {expected} but got {got}")).at_location(node.location())
}
