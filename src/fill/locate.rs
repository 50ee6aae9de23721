//! Finds the position of a problem: file, line, column and the text of the line. Positions are not kept during a
//! run: once there is a problem, the document is parsed again.

use super::options::Sources;
use super::problems::Precision;
use keyfill_diag::Place;
use keyfill_yaml::{Body, Document, Location, Node, Scalar, Step, Style, Text, locate};
use memchr::{memchr, memmem, memrchr};
use std::fmt::Write;

/// One step of a path into a document; an owned [`Step`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// The value of the key with this name.
    Name(Text),
    /// The item of a list with this index, counted from 0.
    Index(usize),
}

impl From<Step<'_>> for Key {
    fn from(step: Step<'_>) -> Self {
        match step {
            Step::Key(name) => Self::Name(name.into()),
            Step::Index(index) => Self::Index(index),
        }
    }
}

/// A piece of a scalar's text that a problem is about.
#[derive(Clone, Copy, Debug)]
pub struct Token<'t> {
    /// The text of the piece.
    pub text: &'t [u8],
    /// How many times the same text occurs before it in the scalar.
    pub nth: usize,
}

/// The longest line that an error shows, in bytes.
const LONGEST_LINE: usize = 64 << 10;

/// How many bytes of documents may be parsed again to find the positions of problems.
const MOST_READ: usize = 16 << 20;

/// The position of a value in a document: of a piece of it, if `token` is given, or of the value's key, if
/// `is_key` is set. It has a line and a column only if `precision` is exact.
pub fn place(
    document: &Document,
    path: &[Key],
    is_key: bool,
    token: Option<Token<'_>>,
    precision: Precision<'_>,
) -> Place {
    let mut place = of_document(document);
    place.path = Some(path_text(path)).filter(|path| !path.is_empty());
    // Each problem costs parsing its document again, which takes too long for many problems in a large document.
    let size = if let Body::Raw(text) = &document.body { text.len() } else { 0 };
    if !precision.exact || size.saturating_mul(precision.number) > MOST_READ {
        return place;
    }
    // The lines of a document that was rendered from a file are not the lines of the file.
    let rendered = document.origin.line == 0 && document.origin.file.is_some();
    match &document.body {
        Body::Raw(text) => {
            let steps: Vec<Step> = path.iter().map(Key::as_step).collect();
            if let Some(mark) = locate(text, &steps) {
                let offset = match (is_key, path.last()) {
                    // The key stands before its value.
                    (true, Some(Key::Name(name))) => {
                        memmem::rfind(&text[..mark.offset.min(text.len())], name.as_bytes())
                    }
                    _ => None,
                };
                point(&mut place, text, offset.unwrap_or(mark.offset), token, document.origin.line);
            }
            if rendered {
                place.line = None;
                in_source(&mut place, token, precision.sources);
            }
        }
        Body::Tree(root) => {
            let (location, node) = location_of(root, path);
            let file = location.file().index().map(|index| document.origin.files.get(index));
            // A line in a file whose name is unknown must not be shown as a line of the document's file.
            if location.is_known() && file != Some(None) {
                let below = node.as_scalar().and_then(|s| Some(lines_below(s, token?))).unwrap_or(0);
                place.line = Some(location.line() + below);
                // The nodes of a tree may come from several files, for example from a patch or a generator's file.
                place.file = file.flatten().map(ToString::to_string).or(place.file);
            }
            in_source(&mut place, token, precision.sources);
        }
    }
    place
}

/// Adds the line of the file from which a document was rendered. The file may not contain the piece, since a value
/// may come from a patch or from a chart's values. Then no line is shown.
fn in_source(place: &mut Place, token: Option<Token<'_>>, sources: Option<&dyn Sources>) {
    let (Some(file), Some(sources)) = (place.file.clone(), sources) else { return };
    let piece = token.and_then(|token| token.text.split(|b| *b == b'\n').next()).filter(|p| !p.is_empty());
    let Some(piece) = piece else {
        return show_line(place, sources.text(&file).as_deref());
    };
    let values = file.rsplit_once("/templates/").map(|(chart, _)| format!("{chart}/values.yaml"));
    for name in [Some(file), values].into_iter().flatten() {
        let Some(text) = sources.text(&name) else { continue };
        let there = place.line.and_then(|line| {
            let start = line_start(&text, line)?;
            let end = memchr(b'\n', &text[start..]).map_or(text.len(), |end| start + end);
            memmem::find(&text[start..end], piece).map(|at| start + at)
        });
        if let Some(at) = there.or_else(|| memmem::find(&text, piece)) {
            place.file = Some(name);
            return point(place, &text, at, Some(Token { text: piece, nth: 0 }), 1);
        }
    }
    place.line = None;
}

/// Adds the text of the line whose number is known, if the file has so many lines.
fn show_line(place: &mut Place, text: Option<&[u8]>) {
    let (Some(text), Some(line)) = (text, place.line) else { return };
    match line_start(text, line) {
        Some(start) => {
            let indent = text[start..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
            point(place, text, start + indent, None, 1);
        }
        None => place.line = None,
    }
}

/// The offset at which a line begins; lines are counted from 1.
fn line_start(text: &[u8], line: u32) -> Option<usize> {
    match usize::try_from(line).ok()? {
        0 => None,
        1 => Some(0),
        line => memchr::memchr_iter(b'\n', text).nth(line - 2).map(|newline| newline + 1),
    }
    .filter(|start| *start < text.len())
}

/// The position of a whole document.
pub fn of_document(document: &Document) -> Place {
    let origin = &document.origin;
    Place {
        file: origin.file.as_deref().map(str::to_owned),
        document: (origin.index > 0).then_some(origin.index),
        line: (origin.line > 0).then_some(origin.line),
        ..Place::default()
    }
}

/// The position of a line in a document's text; lines are counted from 1.
pub fn of_line(document: &Document, line: u32, column: u32) -> Place {
    let mut place = of_document(document);
    if line > 0 {
        place.line = Some(line + document.origin.line.max(1) - 1);
        place.column = (column > 0).then_some(column);
        if let Body::Raw(text) = &document.body {
            let index = usize::try_from(line - 1).unwrap_or(usize::MAX);
            let found = text.split(|b| *b == b'\n').nth(index);
            let found = found.filter(|line| line.len() <= LONGEST_LINE);
            place.source_line = found.map(|line| String::from_utf8_lossy(line).trim_end().to_owned());
        }
    }
    place
}

/// Sets the position to a piece of the text after an offset, or to the offset itself if the piece does not occur
/// literally: it may be written with escapes, or in base64.
fn point(place: &mut Place, text: &[u8], offset: usize, token: Option<Token<'_>>, first_line: u32) {
    let piece = token.and_then(|token| {
        let line = token.text.split(|b| *b == b'\n').next().filter(|line| !line.is_empty())?;
        let at = memmem::find_iter(&text[offset..], line).nth(token.nth)?;
        Some((offset + at, line.len()))
    });
    let (at, length) = piece.unwrap_or((offset, 0));
    let start = memrchr(b'\n', &text[..at]).map_or(0, |newline| newline + 1);
    let end = memchr(b'\n', &text[at..]).map_or(text.len(), |newline| at + newline);
    let lines_before = memchr::memchr_iter(b'\n', &text[..at]).count();
    let line = u32::try_from(lines_before).unwrap_or(u32::MAX).saturating_add(first_line.max(1));
    let chars =
        |bytes: &[u8]| u32::try_from(String::from_utf8_lossy(bytes).chars().count()).unwrap_or(u32::MAX);
    place.line = Some(line);
    place.column = Some(chars(&text[start..at]) + 1);
    let width = if length > 0 { &text[at..(at + length).min(end)] } else { text[at..end].trim_ascii_end() };
    place.width = chars(width).max(1);
    // Each problem keeps a copy of its line, so that long lines are left out.
    let line = text.get(start..end).filter(|line| line.len() <= LONGEST_LINE);
    place.source_line = line.map(|line| String::from_utf8_lossy(line).trim_end().to_owned());
}

/// How many lines a piece of a literal block scalar is below the line of the scalar's `|`.
fn lines_below(scalar: &Scalar, token: Token<'_>) -> u32 {
    let text = scalar.text.as_bytes();
    let piece = token.text.split(|b| *b == b'\n').next().filter(|line| !line.is_empty());
    let at = piece.and_then(|piece| memmem::find_iter(text, piece).nth(token.nth));
    match at {
        Some(at) if scalar.style == Style::Literal => {
            u32::try_from(memchr::memchr_iter(b'\n', &text[..at]).count() + 1).unwrap_or(0)
        }
        _ => 0,
    }
}

/// The location of the node at a path, or of its nearest ancestor with a known location; and the last node that
/// exists on the path.
fn location_of<'n>(root: &'n Node, path: &[Key]) -> (Location, &'n Node) {
    let mut node = root;
    let mut location = node.location();
    for key in path {
        let next = match key {
            Key::Name(name) => node.get(name),
            Key::Index(index) => node.as_seq().and_then(|seq| seq.items.get(*index)),
        };
        let Some(next) = next else { break };
        node = next;
        location = if node.location().is_known() { node.location() } else { location };
    }
    (location, node)
}

impl Key {
    fn as_step(&self) -> Step<'_> {
        match self {
            Self::Name(name) => Step::Key(name),
            Self::Index(index) => Step::Index(*index),
        }
    }
}

/// `spec.containers[0].image`; a key with other characters stands in brackets and quotes.
pub(super) fn path_text(path: &[Key]) -> String {
    let mut text = String::new();
    for key in path {
        let written = match key {
            Key::Index(index) => write!(text, "[{index}]"),
            Key::Name(name) => {
                let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_".contains(c));
                match (plain, text.is_empty()) {
                    (true, true) => write!(text, "{name}"),
                    (true, false) => write!(text, ".{name}"),
                    (false, _) => write!(text, "[{name:?}]"),
                }
            }
        };
        written.expect("writing to a String cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Key, Sources, Token, in_source, path_text, point};
    use keyfill_diag::Place;

    #[test]
    fn a_path_reads_as_people_write_it() {
        let name = |text: &str| Key::Name(text.into());
        let path = [name("spec"), name("containers"), Key::Index(0), name("image")];
        assert_eq!(path_text(&path), "spec.containers[0].image");
        let path = [name("metadata"), name("annotations"), name("avp.kubernetes.io/path")];
        assert_eq!(path_text(&path), r#"metadata.annotations["avp.kubernetes.io/path"]"#);
    }

    #[derive(Debug)]
    struct Texts(&'static [(&'static str, &'static str)]);

    impl Sources for Texts {
        fn text(&self, file: &str) -> Option<bytes::Bytes> {
            self.0
                .iter()
                .find(|(name, _)| *name == file)
                .map(|(_, text)| bytes::Bytes::from_static(text.as_bytes()))
        }
    }

    #[test]
    fn a_rendered_documents_piece_is_looked_for_in_its_file() {
        let texts = Texts(&[
            ("base.yaml", "a: <k>\nb: x<k>\n"),
            ("chart/templates/a.yaml", "a: {{ .Values.a }}\n"),
            ("chart/values.yaml", "# x\na: <k>\n"),
        ]);
        let look = |file: &str, line: Option<u32>, piece: &'static str| {
            let mut place = Place::file(file, line);
            let token = (!piece.is_empty()).then_some(Token { text: piece.as_bytes(), nth: 0 });
            in_source(&mut place, token, Some(&texts));
            (place.file.unwrap_or_default(), place.line, place.column, place.source_line)
        };
        let found = |file: &str, line, column, text: &str| {
            (file.to_owned(), Some(line), Some(column), Some(text.to_owned()))
        };
        assert_eq!(look("base.yaml", Some(2), "<k>"), found("base.yaml", 2, 5, "b: x<k>"));
        assert_eq!(look("base.yaml", Some(9), "<k>"), found("base.yaml", 1, 4, "a: <k>"), "a patch's line");
        assert_eq!(look("base.yaml", Some(2), "<other>"), ("base.yaml".into(), None, None, None));
        assert_eq!(look("base.yaml", Some(2), ""), found("base.yaml", 2, 1, "b: x<k>"));
        assert_eq!(look("base.yaml", Some(9), ""), ("base.yaml".into(), None, None, None));
        assert_eq!(look("chart/templates/a.yaml", None, "<k>"), found("chart/values.yaml", 2, 4, "a: <k>"));
        assert_eq!(look("gone.yaml", Some(3), "<k>"), ("gone.yaml".into(), None, None, None));
    }

    #[test]
    fn the_caret_stands_under_the_piece() {
        let text = "a: x\nb: é<k>, <k>\n".as_bytes();
        let mut place = Place::default();
        point(&mut place, text, 8, Some(Token { text: b"<k>", nth: 1 }), 10);
        assert_eq!((place.line, place.column, place.width), (Some(11), Some(10), 3));
        assert_eq!(place.source_line.as_deref(), Some("b: é<k>, <k>"));
        point(&mut place, text, 3, Some(Token { text: b"<absent>", nth: 0 }), 0);
        assert_eq!((place.line, place.column, place.width), (Some(1), Some(4), 1));
    }
}
