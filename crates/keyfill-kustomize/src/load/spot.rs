//! Where a decoded field stands: in which document, and on which path. The line is looked up when it is asked
//! for, which is when something is wrong.

use super::objects::take_locations;
use keyfill_diag::Place;
use keyfill_yaml::{FileId, Found, Limits, Location, Node, PlaceTree, Step, Style, Text, TextPlace};
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// A document that fields are decoded from.
#[derive(Debug)]
pub struct Source {
    /// Its file relative to the tree's root.
    pub file: Arc<str>,
    /// The number of the file.
    pub id: FileId,
    /// What it says, for places.
    pub content: Content,
    /// Whether fields that are not known are refused.
    pub strict: bool,
    /// Whether a number or boolean where a string is expected is taken as the string it is written as:
    /// `sigs.k8s.io/yaml` does so, except for the kustomization file itself.
    pub lenient: bool,
}

/// Where the places of a document come from.
#[derive(Debug)]
pub enum Content {
    /// Its text; the places are read from it once.
    Text(bytes::Bytes, Limits, OnceLock<Option<PlaceTree>>),
    /// An object that is a part of a stream.
    Node(Node),
}

impl Content {
    /// A text, and the limits of the run that reads it.
    pub fn text(text: bytes::Bytes, limits: Limits) -> Self {
        Self::Text(text, limits, OnceLock::new())
    }
}

impl Source {
    /// Where people look for the node on a path, or for the nearest one above it that is there.
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

    /// With one step more.
    pub fn with(&self, step: Step<'_>) -> Self {
        let mut keys = Vec::with_capacity(self.0.len() + 1);
        keys.extend_from_slice(&self.0);
        keys.push(match step {
            Step::Key(name) => Key::Name(name.into()),
            Step::Index(at) => Key::Index(at),
        });
        Self(keys)
    }

    /// Whether it is the document itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for FieldPath {
    /// `patches[0].target.kind`
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

/// Where a field stands. What was not decoded, but made, has no such place.
#[derive(Clone, Debug, Default)]
pub struct Spot(Option<(Arc<Source>, FieldPath)>);

impl Spot {
    /// A node of a document.
    pub fn new(source: &Arc<Source>, path: FieldPath) -> Self {
        Self(Some((source.clone(), path)))
    }

    /// A field below.
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        self.with(Step::Key(name))
    }

    /// An item below.
    #[must_use]
    pub fn item(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    fn with(&self, step: Step<'_>) -> Self {
        Self(self.0.as_ref().map(|(source, path)| (source.clone(), path.with(step))))
    }

    /// File, line and path, for an error.
    pub fn place(&self) -> Option<Place> {
        let (source, path) = self.0.as_ref()?;
        self.place_at(source.start(path))
    }

    /// As [`Spot::place`], for an error about the name of the field.
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

    /// The number of its file.
    pub fn file(&self) -> FileId {
        self.0.as_ref().map_or(FileId::UNKNOWN, |(source, _)| source.id)
    }

    /// Whether it is the file as a whole.
    pub fn is_whole_file(&self) -> bool {
        self.0.as_ref().is_none_or(|(_, path)| path.is_root())
    }

    /// Whether its file has a name.
    pub fn is_in(&self, file: Option<&str>) -> bool {
        self.0.as_ref().is_some_and(|(source, _)| file == Some(&*source.file))
    }

    /// File and line, for what is made because of it.
    pub fn location(&self) -> Location {
        let start = self.0.as_ref().and_then(|(source, path)| source.start(path));
        start.map_or(Location::NONE, |(location, _)| location)
    }

    /// Gives a node that was decoded from this field, and all below it, their locations.
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

    /// As a step of the way to an error: `images[0] in app/kustomization.yaml:4`.
    pub fn step(&self) -> Option<String> {
        let (source, path) = self.0.as_ref()?;
        let line = source.start(path).map(|(location, _)| format!(":{}", location.line()));
        let line = line.unwrap_or_default();
        Some(match path.is_root() {
            true => format!("{}{line}", source.file),
            false => format!("{path} in {}{line}", source.file),
        })
    }

    /// Where the lines of a text stand that is the value of this field.
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

/// Whether the node on a path is a literal block.
fn is_literal(root: &Node, path: &FieldPath) -> bool {
    at_path(root, path).and_then(Node::as_scalar).is_some_and(|s| s.style == Style::Literal)
}

/// A value with the place of the field that holds it.
#[derive(Clone, Debug, Default)]
pub struct Spotted<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub spot: Spot,
}

impl<T> Deref for Spotted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
