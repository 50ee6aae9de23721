//! Documents packed for the way from worker to supervisor and back. The supervisor keeps them and does not read them.

use bytes::Bytes;
use keyfill_yaml::{Body, Document, FileId, Location, Map, Node, Origin, Scalar, Seq, Style, Tag, Typing};
use std::sync::Arc;

/// How deep a packed tree may nest; engines bound theirs far below.
const DEPTH: u32 = 2_000;

/// Packs documents with their numbers; nothing when that takes more than so many bytes.
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
/// Set beside [`SEQ`] and [`MAP`] for `[..]` and `{..}`.
const FLOW: u8 = 4;

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
            out.push(SCALAR);
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
                put_scalar(out, &entry.key);
                put_node(out, &entry.value);
            }
        }
    }
}

const TAGS: [Tag; 8] =
    [Tag::None, Tag::Str, Tag::Int, Tag::Float, Tag::Bool, Tag::Null, Tag::Binary, Tag::Timestamp];
const STYLES: [Style; 5] = [Style::Plain, Style::Single, Style::Double, Style::Literal, Style::Folded];

/// Beside a scalar's style and tag: its type is the one that its text had when it was read.
const READ: u8 = 1 << 7;

/// The file by its number: names of files stay behind, so only lines of the document's own file are shown.
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

/// Reads what [`pack`] wrote; `None` where it was not [`pack`].
pub fn unpack(packed: &Bytes) -> Option<Vec<(u32, Document)>> {
    let mut reader = Reader { all: packed, at: 0 };
    let mut documents = Vec::new();
    while reader.at < packed.len() {
        let number = reader.number()?;
        let before = reader.bytes()?;
        let file = reader.text()?;
        let (line, index) = (reader.number()?, reader.number()? as usize);
        let body = match reader.byte()? {
            RAW => Body::Raw(reader.bytes()?),
            kind => Body::Tree(Arc::new(reader.node(kind, DEPTH)?)),
        };
        let file = if file.is_empty() { None } else { Some(Arc::from(file)) };
        documents.push((
            number,
            Document { before, body, origin: Origin { file, line, index, ..Origin::default() } },
        ));
    }
    Some(documents)
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

    /// A part of the whole, not copied.
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

    fn node(&mut self, kind: u8, depth: u32) -> Option<Node> {
        let depth = depth.checked_sub(1)?;
        let flow = kind & FLOW != 0;
        match kind & !FLOW {
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
    use super::{pack, unpack};
    use bytes::Bytes;
    use keyfill_yaml::{Body, Document, Limits, Origin, load_nodes};
    use std::sync::Arc;

    fn documents() -> Vec<(u32, Document)> {
        let text =
            "a: 'x'\nb: [1, \"2\", {c: !!binary aGk=}]\nd: |\n  e\nf: !local g\nh: >\n  i\n? j\n: !!str 1\n";
        let node = load_nodes(text.as_bytes(), &Limits::default()).unwrap().remove(0);
        let origin = Origin { file: Some("app/x.yaml".into()), line: 7, index: 2, ..Origin::default() };
        let tree = Document { before: Bytes::new(), body: Body::Tree(Arc::new(node)), origin };
        let raw = Document {
            before: Bytes::from_static(b"---\n"),
            body: Body::Raw(Bytes::from_static(b"a: <path:x#y>\n")),
            origin: Origin::default(),
        };
        vec![(3, tree), (9, raw)]
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        let documents = documents();
        assert_eq!(
            format!("{:?}", unpack(&pack(&documents, 1 << 20).unwrap()).unwrap()),
            format!("{documents:?}")
        );
    }

    #[test]
    fn what_is_cut_short_is_nothing() {
        let packed = pack(&documents(), 1 << 20).unwrap();
        assert!(pack(&documents(), 20).is_none());
        for end in 1..packed.len() {
            // Some cuts fall between two documents.
            if let Some(some) = unpack(&packed.slice(..end)) {
                assert!(some.len() < 2);
            }
        }
    }
}
