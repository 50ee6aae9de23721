//! The layout of libyaml's emitter.

use super::analysis::has_break;
use super::form::Form;
use super::{Sink, order};
use crate::binary;
use crate::resolve::{Resolved, resolve_plain};
use crate::scan::Dialect;
use keyfill_go::strconv::{Bits, Layout, format_float};
use std::cmp::Ordering;
use std::io::Write as _;
use std::marker::PhantomData;

/// Columns of a line above which it is folded at the next space.
pub(super) const WIDTH: usize = 80;
/// Columns per level of indentation.
pub(super) const INDENT: usize = 2;
/// The longest key, in bytes, that is written without a `?`.
const SIMPLE_KEY: usize = 128;

/// A collection that is open.
#[derive(Clone, Copy)]
struct Level {
    kind: Collection,
    /// The indentation outside of the collection; `None` at the root.
    outside: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Collection {
    Seq,
    Map,
}

/// A collection that was begun and has no items yet.
#[derive(Clone, Copy)]
struct Begun {
    kind: Collection,
    /// Whether it is a sequence that is a value and is not indented below its key.
    indentless: bool,
}

pub(super) struct Writer<F> {
    pub out: Vec<u8>,
    /// Number of characters on the current line.
    pub column: usize,
    pub indent: Option<usize>,
    levels: Vec<Level>,
    begun: Option<Begun>,
    /// Whether the last character was white space, or nothing was written.
    pub whitespace: bool,
    /// Whether there are only indentation and indicators on the line.
    pub indention: bool,
    /// Whether the last key was written with a `?`, so that its value needs a `:` on a line of its own.
    complex_key: bool,
    form: PhantomData<F>,
}

impl<F: Form> Writer<F> {
    /// A writer that appends to `out`.
    pub fn new(out: Vec<u8>) -> Self {
        Self {
            out,
            column: 0,
            indent: None,
            levels: Vec::new(),
            begun: None,
            whitespace: true,
            indention: true,
            complex_key: false,
            form: PhantomData,
        }
    }

    /// Ends the document and returns the text.
    pub fn finish(mut self) -> Vec<u8> {
        self.write_indent();
        self.out
    }

    #[inline]
    pub fn put(&mut self, byte: u8) {
        self.out.push(byte);
        self.column += 1;
    }

    pub fn put_break(&mut self) {
        self.out.push(b'\n');
        self.column = 0;
    }

    /// Moves to the current indentation, on a new line unless the current one is still blank.
    #[inline]
    pub fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || self.column == indent && !self.whitespace {
            self.put_break();
        }
        self.pad(indent);
        self.whitespace = true;
        self.indention = true;
    }

    #[inline]
    pub fn pad(&mut self, column: usize) {
        if self.column < column {
            self.out.resize(self.out.len() + column - self.column, b' ');
            self.column = column;
        }
    }

    /// Writes an indicator. If `spaced` is set, white space must precede it.
    #[inline]
    pub fn write_indicator(&mut self, indicator: u8, spaced: bool, whitespace: bool, indention: bool) {
        if spaced && !self.whitespace {
            self.put(b' ');
        }
        self.put(indicator);
        self.whitespace = whitespace;
        self.indention = self.indention && indention;
    }

    fn increase_indent(&mut self, kind: Collection, indentless: bool) {
        self.levels.push(Level { kind, outside: self.indent });
        self.indent = Some(match self.indent {
            None => 0,
            Some(indent) if indentless => indent,
            Some(indent) => indent + INDENT,
        });
    }

    /// Writes what precedes a node: the `-` of an item, or the `:` of a value whose key has a `?`. Returns
    /// whether the node is a value.
    #[inline]
    fn start_node(&mut self) -> bool {
        if let Some(begun) = self.begun.take() {
            self.increase_indent(begun.kind, begun.indentless);
        }
        match self.levels.last() {
            Some(Level { kind: Collection::Seq, .. }) => {
                self.write_indent();
                self.write_indicator(b'-', true, false, true);
                false
            }
            Some(Level { kind: Collection::Map, .. }) => {
                if std::mem::take(&mut self.complex_key) {
                    self.write_indent();
                    self.write_indicator(b':', true, false, true);
                }
                true
            }
            None => false,
        }
    }

    fn begin(&mut self, kind: Collection) {
        let value = self.start_node();
        let indentless = F::COMPACT && kind == Collection::Seq && value && !self.indention;
        self.begun = Some(Begun { kind, indentless });
    }

    fn end(&mut self, open: u8, close: u8) {
        if self.begun.take().is_some() {
            self.write_indicator(open, true, true, false);
            self.write_indicator(close, false, false, false);
        } else if let Some(level) = self.levels.pop() {
            self.indent = level.outside;
        }
    }

    /// Writes text that needs no quotes and is not folded.
    fn plain(&mut self, text: &str) {
        self.start_node();
        self.plain_text(text);
    }

    #[inline]
    fn plain_text(&mut self, text: &str) {
        if !self.whitespace {
            self.put(b' ');
        }
        self.out.extend_from_slice(text.as_bytes());
        self.column += text.len();
        self.whitespace = false;
        self.indention = false;
    }

    /// Writes base64 text with its tag; several lines become a block.
    fn binary(&mut self, lines: &str, simple_key: bool) {
        self.plain_text("!!binary");
        self.write_binary(lines, simple_key);
    }

    fn start_key(&mut self) {
        if let Some(begun) = self.begun.take() {
            self.increase_indent(begun.kind, begun.indentless);
        }
        self.write_indent();
    }
}

impl<F: Form> Sink for Writer<F> {
    fn null(&mut self) {
        self.plain("null");
    }

    fn bool(&mut self, value: bool) {
        self.plain(if value { "true" } else { "false" });
    }

    fn int(&mut self, value: i64) {
        let mut buffer = [0u8; 20];
        let mut rest = &mut buffer[..];
        let _ = write!(rest, "{value}");
        let left = rest.len();
        self.plain(std::str::from_utf8(&buffer[..buffer.len() - left]).unwrap_or_default());
    }

    fn uint(&mut self, value: u64) {
        self.plain(&value.to_string());
    }

    fn float(&mut self, value: f64) {
        if !F::IS_READ_FROM_JSON {
            return self.plain(&match format_float(value, Layout::General, None, Bits::B64).as_str() {
                "+Inf" => ".inf".to_owned(),
                "-Inf" => "-.inf".to_owned(),
                "NaN" => ".nan".to_owned(),
                text => text.to_owned(),
            });
        }
        // JSON writes whole numbers below 1e21 as integers, so they are written as such if they are exact in 64
        // bits.
        const EXACT: f64 = 1e15;
        if value.fract() == 0.0 && value.abs() < EXACT {
            return self.int(value as i64);
        }
        match keyfill_go::json::float(value) {
            Some(text) => self.number(&text),
            None if value.is_nan() => self.plain(".nan"),
            None => self.plain(if value > 0.0 { ".inf" } else { "-.inf" }),
        }
    }

    fn number(&mut self, text: &str) {
        match resolve_plain(Dialect::V2, text) {
            Resolved::Int(n) => self.int(n),
            Resolved::Uint(n) => self.uint(n),
            Resolved::Float(n) if n.is_finite() => {
                self.plain(&format_float(n, Layout::General, None, Bits::B64));
            }
            _ => self.str(text),
        }
    }

    fn str(&mut self, text: &str) {
        self.start_node();
        self.write_string(text, false);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if F::IS_READ_FROM_JSON {
            return self.str(&binary::encode(bytes));
        }
        self.start_node();
        self.binary(&binary::encode_lines(bytes), false);
    }

    fn time(&mut self, text: &str) {
        if F::IS_READ_FROM_JSON { self.str(text) } else { self.plain(text) }
    }

    fn begin_seq(&mut self) {
        self.begin(Collection::Seq);
    }

    fn end_seq(&mut self) {
        self.end(b'[', b']');
    }

    fn begin_map(&mut self) {
        self.begin(Collection::Map);
    }

    fn key(&mut self, key: &str) {
        self.start_key();
        if key.len() <= SIMPLE_KEY && !has_break(key) {
            self.write_string(key, true);
            self.write_indicator(b':', false, false, false);
        } else {
            self.write_indicator(b'?', true, false, true);
            self.write_string(key, false);
            self.complex_key = true;
        }
    }

    fn key_bytes(&mut self, key: &[u8]) {
        if F::IS_READ_FROM_JSON {
            return self.key(&binary::encode(key));
        }
        self.start_key();
        let lines = binary::encode_lines(key);
        if lines.contains('\n') {
            self.write_indicator(b'?', true, false, true);
            self.binary(&lines, false);
            self.complex_key = true;
        } else {
            self.binary(&lines, true);
            self.write_indicator(b':', false, false, false);
        }
    }

    fn end_map(&mut self) {
        self.end(b'{', b'}');
    }

    fn key_order(a: &str, b: &str) -> Ordering {
        order::natural(a, b)
    }
}
