//! Places in an object that patches and replacements can refer to.

use crate::random::Random;
use crate::writer::Y;
use keyfill_yaml::{Node, ScalarKind};

/// A step of the path to a place.
#[derive(Clone, Debug)]
pub enum Step {
    /// The key of a mapping.
    Key(String),
    /// The index of an item, and `field=value` if a field distinguishes the item from the others.
    Item(usize, Option<(String, String)>),
}

/// A place in an object.
#[derive(Clone, Debug)]
pub struct Place {
    /// The path to the place.
    pub steps: Vec<Step>,
    /// The node at the place.
    pub node: Node,
}

/// All places below the root of an object, except for those that identify the object.
pub fn all(object: &Node) -> Vec<Place> {
    let mut places = Vec::new();
    walk(object, &mut Vec::new(), &mut places);
    let is_identity = |place: &Place| {
        let at = place.dotted(&mut Random::new(1));
        matches!(
            at.as_str(),
            "apiVersion"
                | "kind"
                | "metadata"
                | "metadata.name"
                | "metadata.namespace"
                | "metadata.annotations"
        )
    };
    places.retain(|place| !is_identity(place));
    places
}

fn walk(node: &Node, steps: &mut Vec<Step>, places: &mut Vec<Place>) {
    if !steps.is_empty() {
        places.push(Place { steps: steps.clone(), node: node.clone() });
    }
    match node {
        Node::Map(map) => {
            // Annotations of tools are left out: the engine removes them when it reads an object.
            for (key, value) in map.iter().filter(|(key, _)| !key.contains("config.kubernetes.io/")) {
                steps.push(Step::Key(key.to_owned()));
                walk(value, steps, places);
                steps.pop();
            }
        }
        Node::Seq(seq) => {
            for (n, item) in seq.items.iter().enumerate() {
                let named = ["name", "key", "host", "kind"]
                    .iter()
                    .find_map(|f| Some(((*f).to_owned(), item.get(f)?.text()?.to_owned())));
                steps.push(Step::Item(n, named));
                walk(item, steps, places);
                steps.pop();
            }
        }
        Node::Scalar(_) => {}
    }
}

impl Place {
    /// The path as a JSON pointer.
    pub fn pointer(&self) -> String {
        let mut text = String::new();
        for step in &self.steps {
            text.push('/');
            match step {
                Step::Key(key) => text.push_str(&key.replace('~', "~0").replace('/', "~1")),
                Step::Item(n, _) => text.push_str(&n.to_string()),
            }
        }
        text
    }

    /// The path as a field path of a replacement.
    pub fn dotted(&self, random: &mut Random) -> String {
        let parts: Vec<String> = self.steps.iter().map(|step| dotted_step(step, random)).collect();
        parts.join(".")
    }

    /// Whether the node is a scalar with a text, and not null.
    pub fn is_value(&self) -> bool {
        self.node.as_scalar().is_some_and(|s| s.kind() != ScalarKind::Null && !s.text.is_empty())
    }
}

fn dotted_step(step: &Step, random: &mut Random) -> String {
    match step {
        Step::Key(key) if key.contains('/') && random.percent(50) => format!("[{key}]"),
        Step::Key(key) => key.replace('.', "\\."),
        Step::Item(n, named) => match named {
            Some((field, value)) if is_word(value) && random.percent(60) => format!("[{field}={value}]"),
            _ if random.percent(8) => "*".to_owned(),
            _ => n.to_string(),
        },
    }
}

/// Whether a value has no special characters of regular expressions.
fn is_word(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'/'))
}

/// A key, quoted if YAML requires it.
pub fn key(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'))
        && !matches!(text, "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n");
    if is_plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// A node to be written again, with random styles.
pub fn written(node: &Node, random: &mut Random) -> Y {
    match node {
        Node::Map(map) => Y::Map(map.iter().map(|(k, v)| (key(k), written(v, random))).collect()),
        Node::Seq(seq) => Y::List(seq.items.iter().map(|item| written(item, random)).collect()),
        Node::Scalar(scalar) => Y::Raw(match scalar.kind() {
            ScalarKind::Str if random.percent(30) && !scalar.text.contains('\n') => {
                format!("'{}'", scalar.text.replace('\'', "''"))
            }
            ScalarKind::Str => serde_json::Value::from(scalar.text.as_str()).to_string(),
            _ if scalar.text.is_empty() => "null".to_owned(),
            _ => scalar.text.to_string(),
        }),
    }
}
