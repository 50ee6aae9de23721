//! Loading by the rules of yaml.v3: a [`Node`] keeps its scalars as they are written; [`resolve`] resolves them.

use crate::directives::CORE;
use crate::input::is_read_from_json;
use crate::parse::{Builder, ScalarEvent};
use crate::resolve::{CoreTag, Resolved, resolve_plain, resolve_tagged};
use crate::scan::{Dialect, Mark};
use crate::{
    Entry, Error, FileId, Location, Map, Node, Scalar, Seq, Style, Tag, Text, Typing, Value, binary, folded,
};
use std::borrow::Cow;
use std::collections::HashMap;

/// The merge key.
const MERGE: &str = "<<";

/// Builds [`Node`]s. `line` is the number of lines before the text in its file.
pub(super) struct NodeBuilder {
    file: FileId,
    line: u32,
    /// Whether the last node that was built is a list from an alias.
    is_aliased_list: bool,
}

/// A mapping that is being built.
pub(super) struct OpenMap {
    map: Map,
    merge: Option<Node>,
    /// Whether a key `<<` was removed already.
    is_cleared: bool,
}

impl NodeBuilder {
    pub(super) fn new(file: FileId, line: u32) -> Self {
        Self { file, line, is_aliased_list: false }
    }

    fn location(&self, mark: Mark) -> Location {
        Location::new(self.file, self.line + mark.line + 1)
    }

    /// The line in the text, without the lines before the text in its file.
    fn own_line(&self, location: Location) -> u32 {
        location.line() - self.line
    }

    fn make(&self, event: ScalarEvent<'_>) -> Scalar {
        let tag = event.tag.map_or(Tag::None, |tag| short_tag(&tag));
        // With such a tag, quotes as in `!!null ''` and `!!int "5"` have no effect; without the tag they would.
        let typed = matches!(tag, Tag::Null | Tag::Int | Tag::Float | Tag::Bool | Tag::Timestamp);
        let style = if typed { Style::Plain } else { event.style };
        let location = self.location(event.mark);
        Scalar { text: Text::new(&event.text), style, tag, typing: Typing::Read, twin: None, location }
    }
}

/// Marks a scalar of a flow collection that changes its type in kustomize's round trip: kustomize writes a
/// resource with yaml.v3 and parses it again. In a flow collection the writer quotes empty text and plain text
/// with a colon, so that an unwritten null and a timestamp become strings. The transformers before the round trip
/// still see the original type.
fn mark_quoted_on_the_way(scalar: &mut Scalar) {
    if scalar.style == Style::Folded {
        // The writer uses double quotes there, so that the text is not folded.
        scalar.style = Style::Literal;
        return;
    }
    if scalar.style != Style::Plain || scalar.tag != Tag::None {
        return;
    }
    if scalar.text.is_empty() {
        scalar.tag = Tag::Null;
        scalar.style = Style::Single;
    } else if scalar.text.contains(':')
        && matches!(resolve_plain(Dialect::V3, &scalar.text), Resolved::Timestamp(_))
    {
        (scalar.tag, scalar.style) = (Tag::Timestamp, Style::Single);
    }
}

/// Removes the mark from a scalar that is moved out of its flow collection.
fn unmark_quoted_on_the_way(scalar: &mut Scalar) {
    if scalar.style == Style::Single && matches!(scalar.tag, Tag::Null | Tag::Timestamp) {
        (scalar.tag, scalar.style) = (Tag::None, Style::Plain);
    }
}

/// Adjusts a node that is moved into a flow collection, or out of one. A collection keeps its own style.
pub fn move_into(node: &mut Node, flow: bool) {
    match node {
        Node::Scalar(scalar) if flow => mark_quoted_on_the_way(scalar),
        Node::Scalar(scalar) => unmark_quoted_on_the_way(scalar),
        Node::Seq(seq) if flow => seq.items.iter_mut().for_each(|item| move_into(item, flow)),
        Node::Map(map) if flow => map.entries.iter_mut().for_each(|e| move_into(&mut e.value, flow)),
        Node::Seq(_) | Node::Map(_) => {}
    }
}

/// Adjusts a node that replaces a collection: it gets the style of that collection.
pub fn write_as(node: &mut Node, flow: bool) {
    let place = |child: &mut Node| move_into(child, flow);
    match node {
        Node::Scalar(_) => {}
        Node::Seq(seq) => {
            seq.flow = flow;
            seq.items.iter_mut().for_each(place);
        }
        Node::Map(map) => {
            map.flow = flow;
            map.entries.iter_mut().map(|e| &mut e.value).for_each(place);
        }
    }
}

/// The node without the marks for the round trip through yaml.v3's writer and parser, so that each scalar has its
/// original type.
pub fn unwritten(mut node: Node) -> Node {
    fn unmark(node: &mut Node) {
        match node {
            Node::Scalar(scalar) => {
                unmark_quoted_on_the_way(scalar);
                if scalar.style == Style::Folded {
                    scalar.style = Style::Literal;
                }
            }
            Node::Seq(seq) => seq.items.iter_mut().for_each(unmark),
            Node::Map(map) => map.entries.iter_mut().for_each(|e| unmark(&mut e.value)),
        }
    }
    unmark(&mut node);
    node
}

/// Whether a scalar is an empty null in a flow collection, which is printed as an empty string.
fn is_quoted_null(scalar: &Scalar) -> bool {
    scalar.tag == Tag::Null && scalar.style == Style::Single && scalar.text.is_empty()
}

fn short_tag(tag: &str) -> Tag {
    match tag.strip_prefix(CORE) {
        Some("str") => Tag::Str,
        Some("int") => Tag::Int,
        Some("float") => Tag::Float,
        Some("bool") => Tag::Bool,
        Some("null") => Tag::Null,
        Some("binary") => Tag::Binary,
        Some("timestamp") => Tag::Timestamp,
        _ => Tag::Other(tag.into()),
    }
}

fn is_merge(key: &Scalar) -> bool {
    match &key.tag {
        Tag::None => key.style == Style::Plain && key.text == MERGE,
        Tag::Other(tag) => tag.strip_prefix(CORE) == Some("merge"),
        _ => false,
    }
}

impl Builder for NodeBuilder {
    type Node = Node;
    type Key = Scalar;
    type Map = OpenMap;

    fn scalar(&mut self, event: ScalarEvent<'_>) -> Result<Node, Error> {
        self.is_aliased_list = false;
        let flow = event.flow;
        let mut scalar = self.make(event);
        if flow {
            mark_quoted_on_the_way(&mut scalar);
        }
        Ok(Node::Scalar(scalar))
    }

    fn seq(&mut self, items: Vec<Node>, mark: Mark, flow: bool) -> Result<Node, Error> {
        self.is_aliased_list = false;
        Ok(Node::Seq(Seq { items, flow, location: self.location(mark) }))
    }

    fn alias(&mut self, node: &mut Node, flow: bool) {
        move_into(node, flow);
        self.is_aliased_list = matches!(node, Node::Seq(_));
    }

    fn key(&mut self, event: ScalarEvent<'_>) -> Result<Scalar, Error> {
        Ok(self.make(event))
    }

    fn node_key(&mut self, node: Node, mark: Mark) -> Result<Scalar, Error> {
        match node {
            Node::Scalar(scalar) => Ok(scalar),
            _ => Err(Error::at(mark.line + 1, mark.column + 1, "a key of a mapping must be a scalar")),
        }
    }

    fn map(&mut self, mark: Mark, flow: bool) -> OpenMap {
        OpenMap {
            map: Map { entries: Vec::new(), flow, location: self.location(mark) },
            merge: None,
            is_cleared: false,
        }
    }

    fn entry(&mut self, open: &mut OpenMap, key: Scalar, value: Node) -> Result<(), Error> {
        let is_named = key.text == MERGE;
        // kustomize merges the value of a key with the merge tag, and removes the first key `<<`, even a quoted
        // one.
        let is_taken_out = is_named && !open.is_cleared;
        open.is_cleared |= is_named;
        if !is_merge(&key) {
            if !is_taken_out {
                open.map.entries.push(Entry { key, value });
            }
            return Ok(());
        }
        if open.merge.is_some() {
            return Err(Error::at(self.own_line(key.location), 0, "duplicate merge key <<")
                .hint("merge several mappings with one key: <<: [*a, *b]"));
        }
        if self.is_aliased_list {
            return Err(Error::at(
                self.own_line(key.location),
                0,
                "invalid map merge: received alias for a non-map value",
            )
            .hint("write the list of mappings itself: <<: [*a, *b]"));
        }
        if !is_named {
            let key = Scalar { tag: Tag::Str, ..key };
            open.map.entries.push(Entry { key, value: value.clone() });
        }
        open.merge = Some(value);
        Ok(())
    }

    fn end_map(&mut self, open: OpenMap) -> Result<Node, Error> {
        self.is_aliased_list = false;
        let OpenMap { mut map, merge, .. } = open;
        if let Some((first, second)) = find_duplicate(&map.entries) {
            let key = &map.entries[second].key;
            let message = format!(
                "mapping key {:?} already defined at line {}",
                key.text.as_str(),
                map.entries[first].key.location.line()
            );
            return Err(Error::at(self.own_line(key.location), 0, message).hint("remove one of the two"));
        }
        if let Some(merge) = merge {
            merge_into(&mut map, merge).map_err(|m| Error::at(self.own_line(map.location), 0, m))?;
        }
        Ok(Node::Map(map))
    }
}

/// Mappings up to this size are searched key by key, which is faster than hashing.
const SMALL: usize = 12;

/// The positions of two entries with the same key.
fn find_duplicate(entries: &[Entry]) -> Option<(usize, usize)> {
    if entries.len() <= SMALL {
        return (1..entries.len()).find_map(|i| {
            let first = entries[..i].iter().position(|e| e.key.text == entries[i].key.text)?;
            Some((first, i))
        });
    }
    let mut seen = HashMap::with_capacity(entries.len());
    entries.iter().enumerate().find_map(|(i, e)| seen.insert(e.key.text.as_str(), i).map(|first| (first, i)))
}

/// Appends the entries of merged mappings. A mapping's own entries override them, and of several mappings the
/// first overrides the others. Their keys are in the order of kustomize: those of the last mapping first.
fn merge_into(map: &mut Map, merge: Node) -> Result<(), &'static str> {
    let sources = match merge {
        Node::Map(source) => vec![source],
        Node::Seq(seq) => {
            let maps = seq.items.into_iter().rev().map(|item| match item {
                Node::Map(source) => Ok(source),
                Node::Seq(_) => Err("invalid map merge: received a nested sequence"),
                Node::Scalar(_) => Err("map merge requires map or sequence of maps as the value"),
            });
            maps.collect::<Result<Vec<_>, _>>()?
        }
        Node::Scalar(_) => return Err("map merge requires map or sequence of maps as the value"),
    };
    let own = map.entries.len();
    let mut places: HashMap<Text, usize> =
        map.entries.iter().enumerate().map(|(i, e)| (e.key.text.clone(), i)).collect();
    for mut entry in sources.into_iter().flat_map(|source| source.entries) {
        move_into(&mut entry.value, map.flow);
        match places.get(&entry.key.text) {
            Some(place) if *place < own => {}
            Some(place) => map.entries[*place].value = entry.value,
            None => {
                places.insert(entry.key.text.clone(), map.entries.len());
                map.entries.push(entry);
            }
        }
    }
    Ok(())
}

/// Resolves a scalar by the rules of yaml.v3. A scalar with an unknown tag is [`Resolved::Str`].
pub(crate) fn resolve_scalar(scalar: &Scalar) -> Result<Resolved, Error> {
    let core = match &scalar.tag {
        Tag::None if scalar.style == Style::Plain => return Ok(resolve_plain(Dialect::V3, &scalar.text)),
        Tag::None | Tag::Str | Tag::Binary | Tag::Other(_) => return Ok(Resolved::Str),
        Tag::Int => CoreTag::Int,
        Tag::Float => CoreTag::Float,
        Tag::Bool => CoreTag::Bool,
        Tag::Null => CoreTag::Null,
        Tag::Timestamp => CoreTag::Timestamp,
    };
    // A number that replaced a quoted string is written in the quotes and parsed again as a string.
    if scalar.style != Style::Plain && core.is_kind_of(&resolve_plain(Dialect::V3, &scalar.text)) {
        return Ok(Resolved::Str);
    }
    resolve_tagged(Dialect::V3, core, &scalar.text).map_err(|m| Error::at(scalar.location.line(), 0, m))
}

/// The value of a scalar in JSON.
pub(crate) fn scalar_value(scalar: &Scalar) -> Result<Value, Error> {
    let refuse = |message: &str| Error::at(scalar.location.line(), 0, message);
    Ok(match resolve_scalar(scalar)? {
        Resolved::Null if is_quoted_null(scalar) => Value::Str(Text::default()),
        Resolved::Null => Value::Null,
        Resolved::Bool(b) => Value::Bool(b),
        Resolved::Int(n) => Value::Int(n),
        Resolved::Uint(n) => Value::Uint(n),
        Resolved::Float(n) if n.is_finite() => Value::Float(n),
        Resolved::Float(_) => return Err(refuse("JSON has no number for infinity and NaN")),
        Resolved::Timestamp(stamp) => {
            let text = stamp.to_json_text();
            Value::Str(text.ok_or_else(|| refuse("the timestamp's offset is a day or more"))?.into())
        }
        Resolved::Merge | Resolved::Str if scalar.tag == Tag::Binary => {
            let text = binary::decode(&scalar.text);
            Value::Str(text.ok_or_else(|| refuse("!!binary value contains invalid base64 data"))?)
        }
        Resolved::Merge | Resolved::Str if folded::is_lost(scalar) => {
            return Err(refuse("kustomize cannot keep a block scalar whose text begins with a tab"));
        }
        Resolved::Merge | Resolved::Str => {
            Value::Str(folded::after_reading_again(scalar).unwrap_or_else(|| scalar.text.clone()))
        }
    })
}

impl Scalar {
    /// Fails for a value that Go cannot print as JSON, as [`resolve`] does. Scalars that are clearly strings are
    /// not resolved.
    pub fn check_value(&self) -> Result<(), Error> {
        self.check_characters(false)?;
        let is_text = match (&self.tag, self.style) {
            (Tag::None | Tag::Str, Style::Single | Style::Double) | (Tag::Str, Style::Plain) => true,
            (Tag::None, Style::Plain) => {
                !self.text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))
            }
            _ => false,
        };
        if is_text { Ok(()) } else { scalar_value(self).map(|_| ()) }
    }

    /// Fails for a key that Go cannot print as JSON. Below the top of a document it must be a string.
    pub fn check_key(&self) -> Result<(), Error> {
        self.check_characters(true)?;
        key_text(self, false).map(|_| ())
    }

    /// Whether [`resolve`] returns the scalar's own text as its value.
    pub fn means_its_text(&self) -> bool {
        matches!(scalar_value(self), Ok(Value::Str(text)) if text == self.text)
    }

    /// Whether [`resolve`] returns the scalar's own text if it is a key, at any depth.
    pub fn is_a_text_key(&self) -> bool {
        matches!(key_text(self, false), Ok(Some(text)) if text == self.text.as_str())
    }

    fn check_characters(&self, is_key: bool) -> Result<(), Error> {
        if is_read_from_json(self.text.as_bytes(), is_key) {
            return Ok(());
        }
        Err(Error::at(self.location.line(), 0, "control characters are not allowed")
            .hint("remove the character, or keep the text base64-encoded"))
    }
}

/// Resolves a tree by the rules of yaml.v3. What Go cannot print as JSON is refused: keys below the top that are
/// not strings, infinity and NaN, text that does not fit its tag.
pub fn resolve(node: &Node) -> Result<Value, Error> {
    resolve_at(node, true)
}

fn resolve_at(node: &Node, top: bool) -> Result<Value, Error> {
    match node {
        Node::Scalar(scalar) => scalar_value(scalar),
        Node::Seq(seq) => {
            Ok(Value::Seq(seq.items.iter().map(|item| resolve_at(item, false)).collect::<Result<_, _>>()?))
        }
        Node::Map(map) => {
            let mut entries = Vec::with_capacity(map.entries.len());
            for entry in &map.entries {
                if let Some(key) = key_text(&entry.key, top)? {
                    entries.push((Text::new(&key), resolve_at(&entry.value, false)?));
                }
            }
            Ok(Value::Map(entries))
        }
    }
}

/// The text of a key. At the top of a document, which Go decodes into a map of strings, every scalar is allowed
/// and a null key is dropped. Deeper keys must be strings. A key that is not written is the empty string.
fn key_text(key: &Scalar, top: bool) -> Result<Option<Cow<'_, str>>, Error> {
    let resolved = resolve_scalar(key)?;
    let text = key.text.as_str();
    let string =
        matches!(key.tag, Tag::None | Tag::Str) && matches!(resolved, Resolved::Merge | Resolved::Str);
    let missing = text.is_empty() && key.style == Style::Plain && key.tag == Tag::None;
    if string || missing || is_quoted_null(key) {
        return Ok(Some(Cow::Borrowed(text)));
    }
    if !top {
        let message = format!("key {text:?} is not a string");
        return Err(Error::at(key.location.line(), 0, message).hint("put the key into quotes"));
    }
    Ok(match resolved {
        Resolved::Null => None,
        _ if key.tag == Tag::Binary => {
            let refuse = || Error::at(key.location.line(), 0, "!!binary value contains invalid base64 data");
            Some(Cow::Owned(binary::decode(text).ok_or_else(refuse)?.to_string()))
        }
        _ => Some(Cow::Borrowed(text)),
    })
}
