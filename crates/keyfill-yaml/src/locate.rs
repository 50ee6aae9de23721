//! The places of nodes in a text. The text is parsed again to find one, so that trees need not store them.

use crate::input::Input;
use crate::load::key_text;
use crate::parse::{Builder, Parser, ScalarEvent};
use crate::scan::{self, Dialect};
use crate::{Error, Limits, Location, Node, Style, Text};
use std::collections::HashMap;

/// One step of a path into a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// The value of a key.
    Key(&'a str),
    /// An item of a sequence, counted from 0.
    Index(usize),
}

/// A position in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Line, counted from 1.
    pub line: u32,
    /// Column in characters, counted from 1.
    pub column: u32,
    /// Byte offset from the start of the text.
    pub offset: usize,
}

/// The position of the node at `path` in the first document of `text`; `None` if there is no such node or the
/// text cannot be parsed. A node from an alias or a merge key has the position of its definition.
///
/// ```
/// use keyfill_yaml::{Step, locate};
///
/// let mark = locate(b"spec:\n  ports:\n  - 80\n  - 443\n", &[Step::Key("spec"), Step::Key("ports"), Step::Index(1)]);
/// assert_eq!(mark.map(|mark| (mark.line, mark.column)), Some((4, 5)));
/// ```
pub fn locate(text: &[u8], path: &[Step]) -> Option<Mark> {
    PlaceTree::read(text, &Limits::default())?.find(path.iter().copied()).map(|found| found.value)
}

/// The positions of all nodes of a document.
#[derive(Debug)]
pub struct PlaceTree {
    root: Place,
    /// Length in bytes of the byte order mark before the text.
    skipped: usize,
}

/// The position of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Position of the key, if the node is the value of one.
    pub key: Option<Mark>,
    /// Position of the node: that of its tag or anchor, if it has one; that of the first key or item of a block
    /// collection.
    pub value: Mark,
    /// Style of the node, if it is a scalar.
    pub style: Option<Style>,
}

impl Found {
    /// The position to show to people: that of the node, or of its key if the node is empty or begins on another
    /// line.
    pub fn start(&self) -> Mark {
        match self.key {
            Some(key) if key.line != self.value.line => key,
            _ => self.value,
        }
    }
}

impl PlaceTree {
    /// Parses the first document of a text for positions; `None` if it cannot be parsed.
    pub fn read(text: &[u8], limits: &Limits) -> Option<Self> {
        let input = Input::new(text).ok()?;
        let root = Parser::new(&input, Dialect::V3, limits, Places).document().ok()??;
        Some(Self { root, skipped: text.len() - input.text.len() })
    }

    /// The position of the node at a path.
    pub fn find<'a>(&self, path: impl IntoIterator<Item = Step<'a>>) -> Option<Found> {
        let mut at = (None, &self.root);
        for step in path {
            at = at.1.step(step)?;
        }
        Some(self.found(at))
    }

    /// The position of the deepest existing node on a path.
    pub fn nearest<'a>(&self, path: impl IntoIterator<Item = Step<'a>>) -> Found {
        let mut at = (None, &self.root);
        for step in path {
            let Some(next) = at.1.step(step) else { break };
            at = next;
        }
        self.found(at)
    }

    /// Sets the locations of a node at a path, and of all nodes below it.
    pub fn locate_node(&self, path: &[Step], node: &mut Node, location: &impl Fn(Mark) -> Location) {
        let found = path.iter().try_fold(&self.root, |at, step| at.step(*step).map(|(_, place)| place));
        if let Some(place) = found {
            self.spread(place, node, location);
        }
    }

    fn spread(&self, place: &Place, node: &mut Node, location: &impl Fn(Mark) -> Location) {
        let own = location(self.mark(place.mark));
        match node {
            Node::Scalar(scalar) => scalar.location = own,
            Node::Seq(seq) => {
                seq.location = own;
                for (n, item) in seq.items.iter_mut().enumerate() {
                    if let Some((_, below)) = place.step(Step::Index(n)) {
                        self.spread(below, item, location);
                    }
                }
            }
            Node::Map(map) => {
                map.location = own;
                let index = place.index();
                for entry in &mut map.entries {
                    let name = entry.key.text.as_str();
                    let below = match &index {
                        Some(index) => index.get(name).copied(),
                        None => place.step(Step::Key(name)),
                    };
                    let Some((key, below)) = below else { continue };
                    if let Some(key) = key {
                        entry.key.location = location(self.mark(key));
                    }
                    self.spread(below, &mut entry.value, location);
                }
            }
        }
    }

    fn found(&self, (key, place): (Option<scan::Mark>, &Place)) -> Found {
        let style = if let Inside::Scalar(_, style) = place.inside { Some(style) } else { None };
        Found { key: key.map(|mark| self.mark(mark)), value: self.mark(place.mark), style }
    }

    fn mark(&self, mark: scan::Mark) -> Mark {
        Mark { line: mark.line + 1, column: mark.column + 1, offset: mark.offset as usize + self.skipped }
    }
}

/// A node with its position.
#[derive(Clone, Debug)]
struct Place {
    mark: scan::Mark,
    inside: Inside,
}

#[derive(Clone, Debug)]
enum Inside {
    /// The text, which is needed if the scalar is a key, and the style.
    Scalar(Text, Style),
    Items(Vec<Place>),
    Entries(Vec<(Key, Place)>),
}

/// A key as it is written, and as it is resolved if that differs: `y` is `true`.
#[derive(Clone, Debug)]
struct Key {
    mark: scan::Mark,
    written: Text,
    read: Option<Text>,
}

/// A node, with the position of its key.
type Below<'a> = (Option<scan::Mark>, &'a Place);

impl Place {
    fn step(&self, step: Step) -> Option<Below<'_>> {
        match (&self.inside, step) {
            (Inside::Items(items), Step::Index(n)) => items.get(n).map(|item| (None, item)),
            (Inside::Entries(entries), Step::Key(key)) => {
                let find = |is: &dyn Fn(&Key) -> bool| {
                    // If a key occurs twice, the last one counts.
                    entries.iter().rev().find(|(k, _)| is(k)).map(|(k, place)| (Some(k.mark), place))
                };
                find(&|k| k.written == key)
                    .or_else(|| find(&|k| k.read.as_deref() == Some(key)))
                    .or_else(|| self.merged(key))
            }
            _ => None,
        }
    }

    /// The entries of a large mapping by their keys, without those that merge keys add.
    fn index(&self) -> Option<HashMap<Text, Below<'_>>> {
        const LARGE: usize = 16;
        let Inside::Entries(entries) = &self.inside else { return None };
        (entries.len() > LARGE).then(|| {
            let read = |key: &Key| key.read.as_ref().unwrap_or(&key.written).clone();
            entries.iter().map(|(key, place)| (read(key), (Some(key.mark), place))).collect()
        })
    }

    fn merged(&self, key: &str) -> Option<Below<'_>> {
        let Inside::Entries(entries) = &self.inside else { return None };
        let (_, sources) = entries.iter().find(|(k, _)| k.written == "<<")?;
        match &sources.inside {
            Inside::Items(items) => items.iter().find_map(|source| source.step(Step::Key(key))),
            _ => sources.step(Step::Key(key)),
        }
    }
}

/// Builds the tree of positions.
struct Places;

impl Builder for Places {
    type Node = Place;
    type Key = Key;
    type Map = Place;

    fn scalar(&mut self, scalar: ScalarEvent<'_>) -> Result<Place, Error> {
        Ok(Place { mark: scalar.mark, inside: Inside::Scalar(Text::new(&scalar.text), scalar.style) })
    }

    fn seq(&mut self, items: Vec<Place>, mark: scan::Mark, _flow: bool) -> Result<Place, Error> {
        Ok(Place { mark, inside: Inside::Items(items) })
    }

    fn key(&mut self, scalar: ScalarEvent<'_>) -> Result<Key, Error> {
        let read = key_text(&scalar).ok().filter(|read| *read != *scalar.text);
        Ok(Key { mark: scalar.mark, written: Text::new(&scalar.text), read })
    }

    fn node_key(&mut self, node: Place, mark: scan::Mark) -> Result<Key, Error> {
        let written = if let Inside::Scalar(text, _) = node.inside { text } else { Text::default() };
        Ok(Key { mark, written, read: None })
    }

    fn map(&mut self, mark: scan::Mark, _flow: bool) -> Place {
        Place { mark, inside: Inside::Entries(Vec::new()) }
    }

    fn entry(&mut self, map: &mut Place, key: Key, value: Place) -> Result<(), Error> {
        if let Inside::Entries(entries) = &mut map.inside {
            entries.push((key, value));
        }
        Ok(())
    }

    fn end_map(&mut self, map: Place) -> Result<Place, Error> {
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::{PlaceTree, Step, locate};
    use crate::Limits;

    #[test]
    fn nodes_are_found_by_their_path() {
        let text = "# c\na:\n- b: é\n  c: 1\n- &x {d: [1, 22]}\ne:\n  <<: *x\n".as_bytes();
        let at = |path: &[Step]| locate(text, path).map(|m| (m.line, m.column, text[m.offset]));
        assert_eq!(at(&[]), Some((2, 1, b'a')));
        assert_eq!(at(&[Step::Key("a"), Step::Index(0), Step::Key("c")]), Some((4, 6, b'1')));
        assert_eq!(
            at(&[Step::Key("a"), Step::Index(1), Step::Key("d"), Step::Index(1)]),
            Some((5, 14, b'2'))
        );
        assert_eq!(at(&[Step::Key("e"), Step::Key("d")]), Some((5, 10, b'[')));
        let read = locate(b"y: 1\ntrue: 2\n0x10: 3\n", &[Step::Key("16")]).map(|m| m.line);
        assert_eq!(read, Some(3));
        assert_eq!(locate(b"y: 1\n", &[Step::Key("true")]).map(|m| m.column), Some(4));
        assert_eq!(at(&[Step::Key("z")]), None);
        assert_eq!(at(&[Step::Key("a"), Step::Key("b")]), None);
        assert_eq!(locate(b"a: [", &[]), None);
    }

    #[test]
    fn a_collection_on_another_line_starts_at_its_key() {
        let text = b"a:\n  b:\n  - c\nd: {e: 1}\nf:\n";
        let tree = PlaceTree::read(text, &Limits::default()).expect("it is YAML");
        let at = |path: &[Step]| {
            let start = tree.nearest(path.iter().copied()).start();
            (start.line, start.column)
        };
        assert_eq!(at(&[Step::Key("a")]), (1, 1));
        assert_eq!(at(&[Step::Key("a"), Step::Key("b")]), (2, 3));
        assert_eq!(at(&[Step::Key("a"), Step::Key("b"), Step::Index(0)]), (3, 5));
        assert_eq!(at(&[Step::Key("a"), Step::Key("b"), Step::Index(7)]), (2, 3), "what is not there");
        assert_eq!(at(&[Step::Key("d")]), (4, 4));
        assert_eq!(at(&[Step::Key("f")]), (5, 1));
    }
}
