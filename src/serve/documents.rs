//! Packs documents into bytes that a worker sends to the supervisor and gets back later. The supervisor caches the
//! bytes and does not decode them.
//!
//! A scalar carries a flag if its value is a string equal to its own text, as for most. With it [`unpack_values`]
//! reads the values of documents without building their trees first. Trees are needed only if a message has to name
//! a line.

use bytes::Bytes;
use keyfill_yaml::{
    Body, Document, FileId, Location, Map, Node, Origin, Scalar, Seq, Style, Tag, Text, Typing, Value,
    resolve,
};
use std::sync::Arc;

/// How deep a packed tree may nest. The limit of the engines is far lower.
const DEPTH: u32 = 2_000;

/// The most items for which a collection reserves memory before they are read.
const ROOM: u32 = 1 << 8;

/// Packs documents with their numbers; `None` if that takes more than `most` bytes.
pub fn pack(documents: &[(u32, Document)], most: u64) -> Option<Bytes> {
    let mut out = Vec::new();
    for (number, document) in documents {
        let raw = if let Body::Raw(text) = &document.body { text.len() } else { 0 };
        if (out.len() + raw) as u64 > most {
            return None;
        }
        put_number(&mut out, *number);
        put_bytes(&mut out, &document.before);
        put_bytes(&mut out, document.origin.file.as_deref().unwrap_or_default().as_bytes());
        put_number(&mut out, document.origin.line);
        put_number(&mut out, u32::try_from(document.origin.index).unwrap_or(u32::MAX));
        match &document.body {
            Body::Raw(text) => {
                out.push(RAW);
                put_bytes(&mut out, text);
            }
            Body::Tree(node) => put_node(&mut out, node),
        }
    }
    (out.len() as u64 <= most).then(|| out.into())
}

const RAW: u8 = 0;
const SCALAR: u8 = 1;
const SEQ: u8 = 2;
const MAP: u8 = 3;
/// Flag of [`SEQ`] and [`MAP`] in flow style: `[..]`, `{..}`.
const FLOW: u8 = 4;
/// Flag of [`SCALAR`] if its value is a string equal to its text.
const TEXT: u8 = 8;

fn put_number(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    out.extend_from_slice(bytes);
}

fn put_node(out: &mut Vec<u8>, node: &Node) {
    match node {
        Node::Scalar(scalar) => {
            out.push(SCALAR | if scalar.means_its_text() { TEXT } else { 0 });
            put_scalar(out, scalar);
        }
        Node::Seq(seq) => {
            out.push(SEQ | if seq.flow { FLOW } else { 0 });
            put_location(out, seq.location);
            put_number(out, u32::try_from(seq.items.len()).unwrap_or(u32::MAX));
            seq.items.iter().for_each(|item| put_node(out, item));
        }
        Node::Map(map) => {
            out.push(MAP | if map.flow { FLOW } else { 0 });
            put_location(out, map.location);
            put_number(out, u32::try_from(map.entries.len()).unwrap_or(u32::MAX));
            for entry in &map.entries {
                out.push(SCALAR | if entry.key.is_a_text_key() { TEXT } else { 0 });
                put_scalar(out, &entry.key);
                put_node(out, &entry.value);
            }
        }
    }
}

const TAGS: [Tag; 8] =
    [Tag::None, Tag::Str, Tag::Int, Tag::Float, Tag::Bool, Tag::Null, Tag::Binary, Tag::Timestamp];
const STYLES: [Style; 5] = [Style::Plain, Style::Single, Style::Double, Style::Literal, Style::Folded];

/// Flag in the byte of a scalar's style and tag: the type of the scalar was resolved from its text when it was
/// parsed ([`Typing::Read`]).
const READ: u8 = 1 << 7;

/// A location names its file by number. The names of files are not packed, so messages show only lines of the
/// document's own file.
fn put_location(out: &mut Vec<u8>, location: Location) {
    put_number(out, location.line());
    put_number(out, location.file().index().map_or(0, |index| index as u32 + 1));
}

fn put_scalar(out: &mut Vec<u8>, scalar: &Scalar) {
    let style = STYLES.iter().position(|style| *style == scalar.style).unwrap_or(0);
    let tag = TAGS.iter().position(|tag| *tag == scalar.tag);
    let read = if scalar.typing == Typing::Read { READ } else { 0 };
    out.push((style << 4 | tag.unwrap_or(TAGS.len())) as u8 | read);
    if let Tag::Other(tag) = &scalar.tag {
        put_bytes(out, tag.as_bytes());
    }
    put_location(out, scalar.location);
    put_bytes(out, scalar.text.as_str().as_bytes());
}

/// Decodes what [`pack`] wrote; `None` if the bytes are something else.
pub fn unpack(packed: &Bytes) -> Option<Vec<(u32, Document)>> {
    let mut reader = Reader { all: packed, at: 0 };
    let mut documents = Vec::new();
    while reader.at < packed.len() {
        let Head { number, before, origin } = reader.head()?;
        let body = match reader.byte()? {
            RAW => Body::Raw(reader.bytes()?),
            kind => Body::Tree(Arc::new(reader.node(kind, DEPTH)?)),
        };
        documents.push((number, Document { before, body, origin }));
    }
    Some(documents)
}

/// The values of the documents that [`pack`] wrote, each with its number. `None` if one of the documents is text that
/// has not been parsed, or has a key or a scalar that needs the rules of `keyfill_yaml::resolve` for errors and keys.
pub fn unpack_values(packed: &Bytes) -> Option<Vec<(u32, Value)>> {
    let mut reader = Reader { all: packed, at: 0 };
    let mut values = Vec::new();
    while reader.at < packed.len() {
        let number = reader.head()?.number;
        let kind = reader.byte()?;
        values.push((number, reader.value(kind, DEPTH)?));
    }
    Some(values)
}

/// The packed fields before a document's body.
struct Head {
    number: u32,
    before: Bytes,
    origin: Origin,
}

struct Reader<'a> {
    all: &'a Bytes,
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.all.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn number(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    /// A slice of the packed bytes, not copied.
    fn bytes(&mut self) -> Option<Bytes> {
        let length = self.number()? as usize;
        let start = self.at;
        self.take(length)?;
        Some(self.all.slice(start..self.at))
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.number()? as usize;
        std::str::from_utf8(self.take(length)?).ok()
    }

    fn head(&mut self) -> Option<Head> {
        let number = self.number()?;
        let before = self.bytes()?;
        let file = self.text()?;
        let file = if file.is_empty() { None } else { Some(Arc::from(file)) };
        let (line, index) = (self.number()?, self.number()? as usize);
        Some(Head { number, before, origin: Origin { file, line, index, ..Origin::default() } })
    }

    /// The value of a node.
    fn value(&mut self, kind: u8, depth: u32) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        match kind & !FLOW & !TEXT {
            SCALAR if kind & TEXT != 0 => self.scalar_text().map(Value::Str),
            SCALAR => resolve(&Node::Scalar(self.scalar()?)).ok(),
            SEQ => {
                let _ = self.location()?;
                let count = self.number()?;
                let mut items = Vec::with_capacity(count.min(ROOM) as usize);
                for _ in 0..count {
                    let kind = self.byte()?;
                    items.push(self.value(kind, depth)?);
                }
                Some(Value::Seq(items))
            }
            MAP => {
                let _ = self.location()?;
                let count = self.number()?;
                let mut entries = Vec::with_capacity(count.min(ROOM) as usize);
                for _ in 0..count {
                    // The rules for keys that are not strings differ between the top of a document and below it.
                    if self.byte()? != SCALAR | TEXT {
                        return None;
                    }
                    let key = self.scalar_text()?;
                    let kind = self.byte()?;
                    entries.push((key, self.value(kind, depth)?));
                }
                Some(Value::Map(entries))
            }
            _ => None,
        }
    }

    /// The text of a scalar. Its other properties are skipped.
    fn scalar_text(&mut self) -> Option<Text> {
        if usize::from(self.byte()? & 15) == TAGS.len() {
            self.text()?;
        }
        let _ = self.location()?;
        self.text().map(Text::new)
    }

    fn node(&mut self, kind: u8, depth: u32) -> Option<Node> {
        let depth = depth.checked_sub(1)?;
        let flow = kind & FLOW != 0;
        match kind & !FLOW & !TEXT {
            SCALAR => self.scalar().map(Node::Scalar),
            SEQ => {
                let (location, count) = (self.location()?, self.number()?);
                let mut seq = Seq { items: Vec::new(), flow, location };
                for _ in 0..count {
                    let kind = self.byte()?;
                    seq.items.push(self.node(kind, depth)?);
                }
                Some(Node::Seq(seq))
            }
            MAP => {
                let (location, count) = (self.location()?, self.number()?);
                let mut map = Map { entries: Vec::new(), flow, location };
                for _ in 0..count {
                    let _ = self.byte()?;
                    let key = self.scalar()?;
                    let kind = self.byte()?;
                    let value = self.node(kind, depth)?;
                    map.entries.push(keyfill_yaml::Entry { key, value });
                }
                Some(Node::Map(map))
            }
            _ => None,
        }
    }

    fn location(&mut self) -> Option<Location> {
        let (line, file) = (self.number()?, self.number()?);
        let file = file.checked_sub(1).map_or(FileId::UNKNOWN, |index| FileId::of_index(index as usize));
        Some(Location::new(file, line))
    }

    fn scalar(&mut self) -> Option<Scalar> {
        let kinds = self.byte()?;
        let typing = if kinds & READ == 0 { Typing::Open } else { Typing::Read };
        let style = *STYLES.get(usize::from((kinds & !READ) >> 4))?;
        let tag = match TAGS.get(usize::from(kinds & 15)) {
            Some(tag) => tag.clone(),
            None => Tag::Other(self.text()?.into()),
        };
        let location = self.location()?;
        Some(Scalar { text: self.text()?.into(), style, tag, typing, location, ..Scalar::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::{pack, unpack, unpack_values};
    use bytes::Bytes;
    use keyfill_yaml::{Body, Document, Limits, Node, Origin, load_nodes};
    use std::sync::Arc;

    fn tree(node: Node) -> Document {
        let origin = Origin { file: Some("app/x.yaml".into()), line: 7, index: 2, ..Origin::default() };
        Document { before: Bytes::new(), body: Body::Tree(Arc::new(node)), origin }
    }

    fn documents() -> Vec<(u32, Document)> {
        let text =
            "a: 'x'\nb: [1, \"2\", {c: !!binary aGk=}]\nd: |\n  e\nf: !local g\nh: >\n  i\n? j\n: !!str 1\n";
        let tree = tree(load_nodes(text.as_bytes(), &Limits::default()).unwrap().remove(0));
        let raw = Document {
            before: Bytes::from_static(b"---\n"),
            body: Body::Raw(Bytes::from_static(b"a: <path:x#y>\n")),
            origin: Origin::default(),
        };
        vec![(3, tree), (9, raw)]
    }

    #[test]
    fn unpacking_gives_the_documents_that_were_packed() {
        let documents = documents();
        assert_eq!(
            format!("{:?}", unpack(&pack(&documents, 1 << 20).unwrap()).unwrap()),
            format!("{documents:?}")
        );
    }

    #[test]
    fn unpacked_values_equal_the_resolved_trees() {
        let texts = [
            "a: 'x'\nb: [1, \"2\", 0x1F, ~, 1.50, on, {c: !!binary aGk=}]\nd: |\n  e\nf: !local g\nt: 2020-01-01\n",
            "'null': 0o17\n? !!str 1\n: {<: 1, '': ''}\nu: 18446744073709551615\n",
            "- a\n- [b]\n",
            "text",
        ];
        for text in texts {
            let node = load_nodes(text.as_bytes(), &Limits::default()).unwrap().remove(0);
            let meant = keyfill_yaml::resolve(&node).unwrap();
            let packed = pack(&[(5, tree(node))], 1 << 20).unwrap();
            assert_eq!(unpack_values(&packed), Some(vec![(5, meant)]), "{text}");
            for end in 1..packed.len() {
                assert_eq!(unpack_values(&packed.slice(..end)), None, "{text} {end}");
            }
        }
    }

    #[test]
    fn values_are_not_unpacked_where_the_tree_is_needed() {
        // Keys that are not strings, and infinity. Documents that have not been parsed follow below.
        for text in ["1: a\n", "a: {true: b}\n", "a: .inf\n"] {
            let node = load_nodes(text.as_bytes(), &Limits::default()).unwrap().remove(0);
            let packed = pack(&[(5, tree(node))], 1 << 20).unwrap();
            assert_eq!(unpack_values(&packed), None, "{text}");
            assert!(unpack(&packed).is_some(), "{text}");
        }
        assert_eq!(unpack_values(&pack(&documents(), 1 << 20).unwrap()), None);
    }

    #[test]
    fn bytes_that_are_cut_short_are_not_unpacked() {
        let packed = pack(&documents(), 1 << 20).unwrap();
        assert!(pack(&documents(), 20).is_none());
        for end in 1..packed.len() {
            // Some of these ends are between two documents, so the first one is complete.
            if let Some(some) = unpack(&packed.slice(..end)) {
                assert!(some.len() < 2);
            }
        }
    }
}
