//! Changes YAML text without changing any other byte.
//!
//! A change is applied both to the text and to its tree. If the new text does not parse to the new tree, the
//! change is refused, and nothing is written.

use crate::report::Problem;
use anyhow::Result;
use keyfill_yaml::{Found, Limits, Node, PlaceTree, Step, Style};
use std::ops::Range;

/// One step of a path; an owned [`Step`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// The value of the key with this name.
    Name(String),
    /// An item of a list, counted from 0.
    Index(usize),
}

impl From<&str> for Key {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<usize> for Key {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// A value that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A string, which is quoted if necessary.
    Text(String),
    /// A number.
    Number(u64),
}

/// One change of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Sets the value at an existing path.
    Put(Vec<Key>, Value),
    /// Sets a key of the mapping at a path; the key is added if it does not exist.
    Set(Vec<Key>, String, Value),
    /// Removes a key from the mapping at a path.
    Remove(Vec<Key>, String),
    /// Adds a mapping to the list at a top-level key; the list is created if it does not exist.
    Push(String, Vec<(String, Value)>),
    /// Adds a key, whose value is a mapping with one entry, to the mapping at a path.
    Open(Vec<Key>, String, (String, Value)),
}

/// One document as text and tree.
struct Piece {
    text: Vec<u8>,
    node: Node,
    places: PlaceTree,
    limits: Limits,
}

/// Applies changes to the text of a document.
pub fn apply(text: &[u8], changes: &[Change], limits: &Limits) -> Result<Vec<u8>> {
    let mut text = text.to_vec();
    for change in changes {
        let piece = Piece::read(text, limits)?;
        text = piece.changed(change)?;
    }
    Ok(text)
}

/// The tree of a document; an empty mapping if the text is empty.
pub fn read(text: &[u8], limits: &Limits) -> Result<Node> {
    let mut nodes = keyfill_yaml::load_nodes(text, limits)
        .map_err(|error| Problem::input(format!("it is not YAML: {error}")))?;
    Ok(if nodes.is_empty() { Node::map() } else { nodes.swap_remove(0) })
}

fn step(key: &Key) -> Step<'_> {
    match key {
        Key::Name(name) => Step::Key(name),
        Key::Index(index) => Step::Index(*index),
    }
}

fn below<'n>(node: &'n Node, path: &[Key]) -> Option<&'n Node> {
    path.iter().try_fold(node, |node, key| match key {
        Key::Name(name) => node.get(name),
        Key::Index(index) => node.as_seq()?.items.get(*index),
    })
}

fn below_mut<'n>(node: &'n mut Node, path: &[Key]) -> Option<&'n mut Node> {
    path.iter().try_fold(node, |node, key| match key {
        Key::Name(name) => node.get_mut(name),
        Key::Index(index) => node.as_seq_mut()?.items.get_mut(*index),
    })
}

impl Value {
    fn node(&self) -> Node {
        match self {
            Self::Text(text) => Node::string(text.as_str()),
            Self::Number(number) => Node::plain(number.to_string()),
        }
    }

    /// The YAML text of the value, in the style of the scalar that it replaces.
    fn written(&self, style: Style) -> String {
        match (self, style) {
            (Self::Text(text), Style::Single) if !text.contains('\n') => {
                format!("'{}'", text.replace('\'', "''"))
            }
            (Self::Text(text), Style::Double) => quoted(text),
            (Self::Text(text), _) => {
                let plain = String::from_utf8_lossy(&keyfill_yaml::to_yaml(&Node::string(text.as_str())))
                    .trim_end()
                    .to_owned();
                let is_risky = plain.contains(['\n', ',', '[', ']', '{', '}']) && !plain.starts_with('"');
                if is_risky { quoted(text) } else { plain }
            }
            (Self::Number(number), _) => number.to_string(),
        }
    }
}

/// A text in double quotes, as YAML and JSON have it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Piece {
    fn read(text: Vec<u8>, limits: &Limits) -> Result<Self> {
        let node = read(&text, limits)?;
        let places = PlaceTree::read(&text, limits).ok_or_else(|| Problem::input("it cannot be read"))?;
        Ok(Self { text, node, places, limits: limits.clone() })
    }

    fn changed(mut self, change: &Change) -> Result<Vec<u8>> {
        let (range, new) = match change {
            Change::Put(path, value) => self.put(path, value)?,
            Change::Set(path, key, value) => self.set(path, key, value)?,
            Change::Remove(path, key) => self.remove(path, key)?,
            Change::Push(key, fields) => self.push(key, fields)?,
            Change::Open(path, key, entry) => self.open(path, key, entry)?,
        };
        let text = [&self.text[..range.start], new.as_bytes(), &self.text[range.end..]].concat();
        expect(&mut self.node, change);
        let got = read(&text, &self.limits)?;
        if keyfill_yaml::to_yaml(&got) != keyfill_yaml::to_yaml(&self.node) {
            return Err(refused("the way it is written does not allow it").into());
        }
        Ok(text)
    }

    fn find(&self, path: &[Key]) -> Result<Found> {
        let found = self.places.find(path.iter().map(step));
        found.ok_or_else(|| refused("an anchor or a merge key brings the value").into())
    }

    /// The range of a scalar in the text, and its style.
    fn scalar(&self, path: &[Key]) -> Result<(Range<usize>, Style)> {
        let found = self.find(path)?;
        let style = found.style.unwrap_or_default();
        let node = below(&self.node, path).and_then(Node::as_scalar);
        let at = found.value.offset;
        let end = node.and_then(|scalar| end_of_scalar(&self.text, at, style, scalar.text.as_bytes()));
        let end = end.ok_or_else(|| refused("it has a tag or an anchor, or goes over several lines"))?;
        Ok((at..end, style))
    }

    /// The end of a node: of its last scalar, and of brackets after that.
    fn end(&self, path: &[Key]) -> Result<usize> {
        let node = below(&self.node, path).ok_or_else(|| refused("it is not there"))?;
        let (last, close) = match node {
            Node::Scalar(_) => return Ok(self.scalar(path)?.0.end),
            Node::Map(map) => (map.entries.last().map(|e| Key::Name(e.key.text.to_string())), b'}'),
            Node::Seq(seq) => (seq.items.len().checked_sub(1).map(Key::Index), b']'),
        };
        let start = self.find(path)?.value.offset;
        let is_flow = matches!(self.text.get(start), Some(b'{' | b'['));
        let end = match last {
            Some(last) => self.end(&[path, &[last]].concat())?,
            None => start + 1,
        };
        if !is_flow {
            return Ok(end);
        }
        let rest = &self.text[end..];
        let blank = rest.iter().take_while(|b| b.is_ascii_whitespace() || **b == b',').count();
        match rest.get(blank) {
            Some(b) if *b == close => Ok(end + blank + 1),
            _ => Err(refused("a comment stands between brackets").into()),
        }
    }

    fn put(&self, path: &[Key], value: &Value) -> Result<(Range<usize>, String)> {
        let (range, style) = self.scalar(path)?;
        if range.is_empty() {
            return Err(refused("it has no value so far: write one first").into());
        }
        Ok((range, value.written(style)))
    }

    fn set(&self, path: &[Key], key: &str, value: &Value) -> Result<(Range<usize>, String)> {
        let full = [path, &[Key::from(key)]].concat();
        if below(&self.node, &full).is_some() {
            return self.put(&full, value);
        }
        self.insert(path, key, &value.written(Style::Plain))
    }

    /// Inserts an entry after the last one of a mapping.
    fn insert(&self, path: &[Key], key: &str, written: &str) -> Result<(Range<usize>, String)> {
        let key = Value::Text(key.to_owned()).written(Style::Plain);
        let map = below(&self.node, path).and_then(Node::as_map);
        let map = map.ok_or_else(|| refused("it is not a mapping"))?;
        let Some(last) = map.entries.last() else {
            if path.is_empty() {
                return Ok(self.at_end(&format!("{key}: {written}")));
            }
            return Err(refused("it is an empty mapping: write an entry first").into());
        };
        let last = [path, &[Key::Name(last.key.text.to_string())]].concat();
        let end = self.end(&last)?;
        let start = self.find(path)?.value.offset;
        if self.text.get(start) == Some(&b'{') {
            return Ok((end..end, format!(", {key}: {written}")));
        }
        let first = map.entries.first().map(|e| Key::Name(e.key.text.to_string()));
        let first = [path, &first.into_iter().collect::<Vec<_>>()].concat();
        let first = self.find(&first)?.key.ok_or_else(|| refused("a merge key brings it"))?;
        let indent = self.column(first.offset);
        Ok(self.line_after(end, &format!("{}{key}: {written}", " ".repeat(indent))))
    }

    /// The number of bytes in the line before an offset.
    fn column(&self, offset: usize) -> usize {
        offset - self.line_start(offset)
    }

    fn line_start(&self, offset: usize) -> usize {
        memchr::memrchr(b'\n', &self.text[..offset]).map_or(0, |at| at + 1)
    }

    fn line_break(&self) -> &'static str {
        if memchr::memmem::find(&self.text, b"\r\n").is_some() { "\r\n" } else { "\n" }
    }

    /// Inserts lines below the line of an offset, so that a comment at its end stays there.
    fn line_after(&self, offset: usize, lines: &str) -> (Range<usize>, String) {
        let lines = lines.replace('\n', self.line_break());
        match memchr::memchr(b'\n', &self.text[offset..]) {
            Some(at) => {
                let at = offset + at + 1;
                (at..at, format!("{lines}{}", self.line_break()))
            }
            None => (self.text.len()..self.text.len(), format!("{}{lines}", self.line_break())),
        }
    }

    fn at_end(&self, lines: &str) -> (Range<usize>, String) {
        let lines = lines.replace('\n', self.line_break());
        let at = self.text.len();
        let before = if at == 0 || self.text.ends_with(b"\n") { "" } else { self.line_break() };
        (at..at, format!("{before}{lines}{}", self.line_break()))
    }

    fn remove(&self, path: &[Key], key: &str) -> Result<(Range<usize>, String)> {
        let map =
            below(&self.node, path).and_then(Node::as_map).ok_or_else(|| refused("it is not a mapping"))?;
        let full = |name: &str| [path, &[Key::from(name)]].concat();
        let at = map.keys().position(|name| name == key).ok_or_else(|| refused("it is not there"))?;
        let start = self.find(&full(key))?.key.ok_or_else(|| refused("a merge key brings it"))?.offset;
        let end = self.end(&full(key))?;
        let line = self.line_start(start);
        if self.text[line..start].iter().all(|b| *b == b' ') && self.text.get(start) != Some(&b'{') {
            let next = memchr::memchr(b'\n', &self.text[end..]).map_or(self.text.len(), |at| end + at + 1);
            return Ok((line..next, String::new()));
        }
        if let Some(next) = map.entries.get(at + 1) {
            let next =
                self.find(&full(&next.key.text))?.key.ok_or_else(|| refused("a merge key brings it"))?;
            return Ok((start..next.offset, String::new()));
        }
        let before = at.checked_sub(1).and_then(|at| map.entries.get(at));
        let before = before.ok_or_else(|| refused("it is the only entry of its mapping"))?;
        Ok((self.end(&full(&before.key.text))?..end, String::new()))
    }

    fn push(&self, key: &str, fields: &[(String, Value)]) -> Result<(Range<usize>, String)> {
        let entries: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}: {}", value.written(Style::Plain))).collect();
        let block = |indent: usize| {
            let margin = " ".repeat(indent);
            format!("{margin}- {}", entries.join(&format!("\n{margin}  ")))
        };
        let list = [Key::from(key)];
        let Some(node) = below(&self.node, &list) else {
            return Ok(self.at_end(&format!("{key}:\n{}", block(0))));
        };
        let items = node.as_seq().ok_or_else(|| refused("it is not a list"))?;
        let start = self.find(&list)?.value.offset;
        let is_flow = self.text.get(start) == Some(&b'[');
        let flow = format!("{{{}}}", entries.join(", "));
        let Some(last) = items.items.len().checked_sub(1) else {
            return if is_flow {
                Ok((start + 1..start + 1, flow))
            } else {
                Err(refused("the list is empty: write an entry first").into())
            };
        };
        let end = self.end(&[Key::from(key), Key::Index(last)])?;
        if is_flow {
            return Ok((end..end, format!(", {flow}")));
        }
        let first = self.find(&[Key::from(key), Key::Index(0)])?.value.offset;
        let line = self.line_start(first);
        let dash =
            memchr::memchr(b'-', &self.text[line..first]).ok_or_else(|| refused("it is no plain list"))?;
        Ok(self.line_after(end, &block(dash)))
    }

    fn open(&self, path: &[Key], key: &str, entry: &(String, Value)) -> Result<(Range<usize>, String)> {
        let name = Value::Text(entry.0.clone()).written(Style::Plain);
        let value = entry.1.written(Style::Double);
        self.insert(path, key, &format!("{{{name}: {value}}}"))
    }
}

/// The end of a scalar that begins at an offset; `None` if it spans several lines.
fn end_of_scalar(text: &[u8], at: usize, style: Style, content: &[u8]) -> Option<usize> {
    let rest = text.get(at..)?;
    let length = match style {
        Style::Plain => rest.starts_with(content).then_some(content.len())?,
        Style::Single => {
            let inside = rest.strip_prefix(b"'")?;
            let mut end = 0;
            loop {
                end += memchr::memchr(b'\'', &inside[end..])?;
                if inside.get(end + 1) != Some(&b'\'') {
                    break end + 2;
                }
                end += 2;
            }
        }
        Style::Double => {
            let inside = rest.strip_prefix(b"\"")?;
            let mut end = 0;
            loop {
                end += memchr::memchr2(b'"', b'\\', &inside[end..])?;
                if inside[end] == b'"' {
                    break end + 2;
                }
                end += 2;
                if end > inside.len() {
                    return None;
                }
            }
        }
        Style::Literal | Style::Folded => return None,
    };
    (!rest[..length].contains(&b'\n')).then_some(at + length)
}

/// Applies a change to a tree.
fn expect(node: &mut Node, change: &Change) {
    match change {
        Change::Put(path, value) => {
            if let Some(there) = below_mut(node, path) {
                *there = value.node();
            }
        }
        Change::Set(path, key, value) => {
            if let Some(map) = below_mut(node, path).and_then(Node::as_map_mut) {
                map.set(key.as_str(), value.node());
            }
        }
        Change::Remove(path, key) => {
            if let Some(map) = below_mut(node, path).and_then(Node::as_map_mut) {
                map.remove(key);
            }
        }
        Change::Push(key, fields) => {
            if let Some(map) = node.as_map_mut() {
                let list = map.get_or_insert_with(key, Node::seq);
                let mut entry = Node::map();
                if let Some(entry) = entry.as_map_mut() {
                    fields.iter().for_each(|(name, value)| entry.set(name.as_str(), value.node()));
                }
                if let Some(list) = list.as_seq_mut() {
                    list.items.push(entry);
                }
            }
        }
        Change::Open(path, key, (name, value)) => {
            if let Some(map) = below_mut(node, path).and_then(Node::as_map_mut) {
                let mut entry = Node::map();
                if let Some(entry) = entry.as_map_mut() {
                    entry.set(name.as_str(), value.node());
                }
                map.set(key.as_str(), entry);
            }
        }
    }
}

fn refused(why: &str) -> Problem {
    Problem::input(format!("this cannot be edited in place: {why}"))
        .hint("change the file by hand, or write the field in the usual form")
}

#[cfg(test)]
mod tests {
    use super::{Change, Key, Value, apply};
    use keyfill_yaml::Limits;

    fn edited(text: &str, changes: &[Change]) -> String {
        let text = apply(text.as_bytes(), changes, &Limits::default()).expect("it can be edited");
        String::from_utf8(text).expect("it is text")
    }

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    fn images(index: usize) -> Vec<Key> {
        vec![Key::from("images"), Key::from(index)]
    }

    #[test]
    fn a_value_keeps_its_quotes_and_its_comment() {
        for (before, after) in [
            ("images:\n- name: a\n  newTag: \"1\" # x\n", "images:\n- name: a\n  newTag: \"2\" # x\n"),
            ("images:\n- {name: a, newTag: '1'}\n", "images:\n- {name: a, newTag: '2'}\n"),
            ("images:\n  - newTag: v1\n    name: a", "images:\n  - newTag: \"2\"\n    name: a"),
        ] {
            assert_eq!(edited(before, &[Change::Set(images(0), "newTag".into(), text("2"))]), after);
        }
    }

    #[test]
    fn an_entry_is_added_and_taken_out_with_nothing_else_changed() {
        let before = "# top\nimages:\n- name: a # one\n\nresources: [x]\n";
        let added = edited(before, &[Change::Set(images(0), "newTag".into(), text("v2"))]);
        assert_eq!(added, "# top\nimages:\n- name: a # one\n  newTag: v2\n\nresources: [x]\n");
        assert_eq!(edited(&added, &[Change::Remove(images(0), "newTag".into())]), before);
        let first = "images:\n- newTag: v1\n  name: a\n";
        assert_eq!(edited(first, &[Change::Remove(images(0), "newTag".into())]), "images:\n- name: a\n");
        let flow = "images: [{name: a, newTag: v1}]\n";
        assert_eq!(edited(flow, &[Change::Remove(images(0), "newTag".into())]), "images: [{name: a}]\n");
    }

    #[test]
    fn a_list_grows_in_its_own_form() {
        let push = [Change::Push(
            "images".into(),
            vec![("name".into(), text("b")), ("newTag".into(), text("1.10"))],
        )];
        for (before, after) in [
            ("a: 1\r\n", "a: 1\r\nimages:\r\n- name: b\r\n  newTag: \"1.10\"\r\n"),
            (
                "images:\n  - name: a\n# end\n",
                "images:\n  - name: a\n  - name: b\n    newTag: \"1.10\"\n# end\n",
            ),
            ("images: []\n", "images: [{name: b, newTag: \"1.10\"}]\n"),
            ("images: [{name: a}]\n", "images: [{name: a}, {name: b, newTag: \"1.10\"}]\n"),
        ] {
            assert_eq!(edited(before, &push), after);
        }
    }

    #[test]
    fn what_cannot_be_edited_is_refused() {
        for before in
            ["images:\n- &a {name: a, newTag: &t v1}\n", "images:\n- name: a\n  newTag: |\n    v1\n"]
        {
            let changed = apply(
                before.as_bytes(),
                &[Change::Set(images(0), "newTag".into(), text("2"))],
                &Limits::default(),
            );
            assert!(changed.is_err(), "{before}");
        }
    }
}
