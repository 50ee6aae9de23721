//! The place of a decoded field: its document and its path in it. The line is only looked up for an error.

use super::objects::take_locations;
use keyfill_diag::Place;
use keyfill_yaml::{FileId, Found, Limits, Location, Node, PlaceTree, Step, Style, Text, TextPlace};
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// A document that fields are decoded from.
#[derive(Debug)]
pub struct Source {
    /// Path of the file in the tree.
    pub file: Arc<str>,
    /// The number of the file, which nodes refer to.
    pub id: FileId,
    /// The content of the document, from which places are found.
    pub content: Content,
    /// Whether unknown fields are an error.
    pub strict: bool,
    /// Whether a number or boolean is accepted as a string, with the text that is written. `sigs.k8s.io/yaml`
    /// does so, except for the kustomization file itself.
    pub lenient: bool,
}

/// Where the places of a document's fields are looked up.
#[derive(Debug)]
pub enum Content {
    /// The document's text. It is parsed for places once, when the first place is needed.
    Text(bytes::Bytes, Limits, OnceLock<Option<PlaceTree>>),
    /// An object of a stream. Its nodes have locations.
    Node(Node),
}

impl Content {
    /// A document's text, and the limits for parsing it.
    pub fn text(text: bytes::Bytes, limits: Limits) -> Self {
        Self::Text(text, limits, OnceLock::new())
    }
}

impl Source {
    /// Location and column of the node at a path. If it is absent, those of the nearest node above it.
    fn start(&self, path: &FieldPath) -> Option<(Location, Option<u32>)> {
        match &self.content {
            Content::Text(..) => {
                let start = self.places()?.nearest(path.steps()).start();
                Some((Location::new(self.id, start.line), Some(start.column)))
            }
            Content::Node(root) => {
                let location = nearest(root, path);
                location.is_known().then_some((location, None))
            }
        }
    }

    fn found(&self, path: &FieldPath) -> Option<Found> {
        self.places()?.find(path.steps())
    }

    fn places(&self) -> Option<&PlaceTree> {
        let Content::Text(text, limits, places) = &self.content else { return None };
        places.get_or_init(|| PlaceTree::read(text, limits)).as_ref()
    }
}

fn nearest(root: &Node, path: &FieldPath) -> Location {
    let mut node = root;
    let mut location = root.location();
    for step in path.steps() {
        let (next, key) = match (node, step) {
            (Node::Map(map), Step::Key(name)) => {
                let Some(entry) = map.entries.iter().find(|e| e.key.text == name) else { break };
                (&entry.value, entry.key.location)
            }
            (Node::Seq(seq), Step::Index(at)) => {
                let Some(item) = seq.items.get(at) else { break };
                (item, item.location())
            }
            _ => break,
        };
        node = next;
        location = [key, node.location(), location].into_iter().find(|l| l.is_known()).unwrap_or_default();
    }
    location
}

/// One step of a [`FieldPath`].
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Name(Text),
    Index(usize),
}

/// A path into a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldPath(Vec<Key>);

impl FieldPath {
    fn steps(&self) -> impl Iterator<Item = Step<'_>> {
        self.0.iter().map(|key| match key {
            Key::Name(name) => Step::Key(name),
            Key::Index(at) => Step::Index(*at),
        })
    }

    /// This path with one more step.
    pub fn with(&self, step: Step<'_>) -> Self {
        let mut keys = Vec::with_capacity(self.0.len() + 1);
        keys.extend_from_slice(&self.0);
        keys.push(match step {
            Step::Key(name) => Key::Name(name.into()),
            Step::Index(at) => Key::Index(at),
        });
        Self(keys)
    }

    /// Whether the path is empty and means the whole document.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for FieldPath {
    /// The path as text: `patches[0].target.kind`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, key) in self.0.iter().enumerate() {
            match key {
                Key::Index(at) => write!(f, "[{at}]")?,
                Key::Name(name) if n == 0 => f.write_str(name)?,
                Key::Name(name) => write!(f, ".{name}")?,
            }
        }
        Ok(())
    }
}

/// The place of a decoded field. A value that the build made has an empty spot.
#[derive(Clone, Debug, Default)]
pub struct Spot(Option<(Arc<Source>, FieldPath)>);

impl Spot {
    /// The place of the field at a path of a document.
    pub fn new(source: &Arc<Source>, path: FieldPath) -> Self {
        Self(Some((source.clone(), path)))
    }

    /// The place of a field of this mapping.
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        self.with(Step::Key(name))
    }

    /// The place of an item of this list.
    #[must_use]
    pub fn item(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    fn with(&self, step: Step<'_>) -> Self {
        Self(self.0.as_ref().map(|(source, path)| (source.clone(), path.with(step))))
    }

    /// File, line and path of the field, for an error.
    pub fn place(&self) -> Option<Place> {
        let (source, path) = self.0.as_ref()?;
        self.place_at(source.start(path))
    }

    /// As [`Spot::place`], for an error about the field's name.
    pub fn place_of_key(&self) -> Option<Place> {
        let (source, path) = self.0.as_ref()?;
        let key = source.found(path).and_then(|found| found.key);
        let key = key.map(|mark| (Location::new(source.id, mark.line), Some(mark.column)));
        self.place_at(key.or_else(|| source.start(path)))
    }

    fn place_at(&self, start: Option<(Location, Option<u32>)>) -> Option<Place> {
        let (source, path) = self.0.as_ref()?;
        let line = start.map(|(location, _)| location.line());
        let column = start.and_then(|(_, column)| column);
        let text = (!path.is_root()).then(|| path.to_string());
        Some(Place { column, path: text, ..Place::file(&*source.file, line) })
    }

    /// The number of the field's file.
    pub fn file(&self) -> FileId {
        self.0.as_ref().map_or(FileId::UNKNOWN, |(source, _)| source.id)
    }

    /// Whether this is the whole file, or empty.
    pub fn is_whole_file(&self) -> bool {
        self.0.as_ref().is_none_or(|(_, path)| path.is_root())
    }

    /// Whether the field is in the file of the given name.
    pub fn is_in(&self, file: Option<&str>) -> bool {
        self.0.as_ref().is_some_and(|(source, _)| file == Some(&*source.file))
    }

    /// File and line of the field, for nodes that are made from it.
    pub fn location(&self) -> Location {
        let start = self.0.as_ref().and_then(|(source, path)| source.start(path));
        start.map_or(Location::NONE, |(location, _)| location)
    }

    /// Sets the locations of a node, and of all nodes below it, that was decoded from this field.
    pub fn locate(&self, node: &mut Node) {
        let Some((source, path)) = &self.0 else { return };
        let steps: Vec<Step<'_>> = path.steps().collect();
        match &source.content {
            Content::Text(..) => {
                if let Some(places) = source.places() {
                    places.locate_node(&steps, node, &|mark| Location::new(source.id, mark.line));
                }
            }
            Content::Node(root) => {
                if let Some(from) = at_path(root, path) {
                    take_locations(node, from);
                }
            }
        }
    }

    /// The field as a step of an error's trail: `images[0] in app/kustomization.yaml:4`.
    pub fn step(&self) -> Option<String> {
        let (source, path) = self.0.as_ref()?;
        let line = source.start(path).map(|(location, _)| format!(":{}", location.line()));
        let line = line.unwrap_or_default();
        Some(match path.is_root() {
            true => format!("{}{line}", source.file),
            false => format!("{path} in {}{line}", source.file),
        })
    }

    /// The place for the locations of nodes that are parsed from this field's text.
    pub fn text_place(&self) -> TextPlace {
        let Some((source, path)) = &self.0 else { return TextPlace::default() };
        if let Some(found) = source.found(path) {
            let start = Location::new(source.id, found.value.line);
            return match found.style {
                Some(Style::Literal) => TextPlace::block(start),
                _ => TextPlace::line(start),
            };
        }
        let is_block = matches!(&source.content, Content::Node(root) if is_literal(root, path));
        let start = source.start(path).map_or(Location::NONE, |(location, _)| location);
        if is_block { TextPlace::block(start) } else { TextPlace::line(start) }
    }
}

fn at_path<'n>(root: &'n Node, path: &FieldPath) -> Option<&'n Node> {
    path.steps().try_fold(root, |node, step| match step {
        Step::Key(name) => node.get(name),
        Step::Index(at) => node.as_seq()?.items.get(at),
    })
}

/// Whether the node at a path is a literal block scalar (`|`).
fn is_literal(root: &Node, path: &FieldPath) -> bool {
    at_path(root, path).and_then(Node::as_scalar).is_some_and(|s| s.style == Style::Literal)
}

/// A value with the place of the field it was decoded from.
#[derive(Clone, Debug, Default)]
pub struct Spotted<T> {
    /// The value.
    pub value: T,
    /// The place of the field.
    pub spot: Spot,
}

impl<T> Deref for Spotted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
