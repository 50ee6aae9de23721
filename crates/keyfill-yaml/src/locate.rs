//! Where a node stands in a text: found by reading the text again, so that trees need not carry it.

use crate::input::Input;
use crate::load::key_text;
use crate::parse::{Builder, Parser, ScalarEvent};
use crate::scan::{self, Dialect};
use crate::{Error, Limits, Text};

/// One step of a path into a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// The value of a key.
    Key(&'a str),
    /// An item of a sequence, counted from 0.
    Index(usize),
}

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Line, counted from 1.
    pub line: u32,
    /// Column in characters, counted from 1.
    pub column: u32,
    /// Byte offset from the start of the text.
    pub offset: usize,
}

/// Where the node at `path` stands in the first document of `text`; `None` when there is no such node or
/// the text cannot be read. What an alias or a merge key brings stands where it is defined.
pub fn locate(text: &[u8], path: &[Step]) -> Option<Mark> {
    let input = Input::new(text).ok()?;
    let skipped = text.len() - input.text.len();
    let document = Parser::new(&input, Dialect::V3, &Limits::default(), Places).document().ok()??;
    let node = path.iter().try_fold(&document, |node, step| node.step(*step))?;
    let mark = node.mark;
    Some(Mark { line: mark.line + 1, column: mark.column + 1, offset: mark.offset as usize + skipped })
}

/// A node as a place.
#[derive(Clone)]
struct Place {
    mark: scan::Mark,
    inside: Inside,
}

#[derive(Clone)]
enum Inside {
    /// The text, should the scalar become a key.
    Scalar(String),
    Items(Vec<Place>),
    Entries(Vec<(Key, Place)>),
}

/// A key as it is written, and as it is read where that differs: `y` is read as `true`.
#[derive(Clone)]
struct Key {
    written: String,
    read: Option<Text>,
}

impl Place {
    fn step(&self, step: Step) -> Option<&Self> {
        match (&self.inside, step) {
            (Inside::Items(items), Step::Index(n)) => items.get(n),
            (Inside::Entries(entries), Step::Key(key)) => {
                let find =
                    |is: &dyn Fn(&Key) -> bool| entries.iter().find(|(k, _)| is(k)).map(|(_, place)| place);
                find(&|k| k.written == key)
                    .or_else(|| find(&|k| k.read.as_deref() == Some(key)))
                    .or_else(|| self.merged(key))
            }
            _ => None,
        }
    }

    fn merged(&self, key: &str) -> Option<&Self> {
        let Inside::Entries(entries) = &self.inside else { return None };
        let (_, sources) = entries.iter().find(|(k, _)| k.written == "<<")?;
        match &sources.inside {
            Inside::Items(items) => items.iter().find_map(|source| source.step(Step::Key(key))),
            _ => sources.step(Step::Key(key)),
        }
    }
}

/// Builds a tree of places.
struct Places;

impl Builder for Places {
    type Node = Place;
    type Key = Key;
    type Map = Place;

    fn scalar(&mut self, scalar: ScalarEvent<'_>) -> Result<Place, Error> {
        Ok(Place { mark: scalar.mark, inside: Inside::Scalar(scalar.text.into_owned()) })
    }

    fn seq(&mut self, items: Vec<Place>, mark: scan::Mark, _flow: bool) -> Result<Place, Error> {
        Ok(Place { mark, inside: Inside::Items(items) })
    }

    fn key(&mut self, scalar: ScalarEvent<'_>) -> Result<Key, Error> {
        let read = key_text(&scalar).ok().filter(|read| *read != *scalar.text);
        Ok(Key { written: scalar.text.into_owned(), read })
    }

    fn node_key(&mut self, node: Place, _mark: scan::Mark) -> Result<Key, Error> {
        let written = if let Inside::Scalar(text) = node.inside { text } else { String::new() };
        Ok(Key { written, read: None })
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
    use super::{Step, locate};

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
}
