//! `toYamlPretty`: the layout of yaml.v3 with an indentation of two, which differs from that of `toYaml`.
//!
//! Sequences are indented below their keys, nothing is folded, texts of several lines are written as blocks.

use super::cast::print;
use crate::function::{FuncError, Function, any};
use crate::run::Run;
use crate::value::{Encoded, Type, Value};
use keyfill_go::strconv::{Bits, Layout, format_float};
use keyfill_go::{base, regexp::Regexp};
use keyfill_yaml::{Scalar, ScalarKind, key_order};
use std::cmp::Ordering;
use std::sync::LazyLock;

/// The function of this family.
pub const FUNCTIONS: &[Function] = &[Function::fixed("toYamlPretty", &[Type::Any], pretty)];

/// Bytes that a key may have before it is written behind a `?`.
const SIMPLE_KEY: usize = 128;

fn pretty(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let value = any(args, 0);
    value.check_written(&run.cx().limits)?;
    let mut writer = Writer { out: Vec::new() };
    match writer.value(value, 0, Place::Root) {
        Ok(()) => {}
        Err(error) if error.is_limit() => return Err(error),
        // As helm has it: what cannot be written gives nothing.
        Err(_) => return Ok("".into()),
    }
    run.spend(writer.out.len() as u64)?;
    let text = writer.out;
    Ok(Value::str(text.strip_suffix(b"\n").unwrap_or(&text)))
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    /// Behind a key and its colon.
    Key,
    /// Behind the dash of an item.
    Item,
}

/// How a scalar is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Single,
    Double,
    Block,
}

struct Writer {
    out: Vec<u8>,
}

impl Writer {
    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn pad(&mut self, columns: usize) {
        self.out.resize(self.out.len() + columns, b' ');
    }

    /// A value whose entries or items begin at column `indent`, or the rest of a line.
    fn value(&mut self, value: &Value, indent: usize, place: Place) -> Result<(), FuncError> {
        match value {
            Value::Map(map) if map.is_empty() => self.line(place, "{}"),
            Value::Map(map) => {
                let entries = map.snapshot().into_iter().map(|(k, v)| (k.as_bytes().to_vec(), v));
                return self.mapping(entries.collect(), indent, place, true);
            }
            Value::List(list) if list.is_empty() => self.line(place, "[]"),
            Value::List(list) => return self.sequence(list.items(), indent, place),
            Value::Bytes(bytes) if bytes.is_empty() => self.line(place, "[]"),
            Value::Bytes(bytes) => {
                let items: Vec<Value> = bytes.as_bytes().iter().map(|&b| Value::Uint8(b)).collect();
                return self.sequence(&items, indent, place);
            }
            Value::Object(object) => match object.encode() {
                Encoded::Value(Value::Str(text)) if super::dates::is_time(value) => {
                    self.line(place, &text.to_text());
                }
                Encoded::Value(inner) => {
                    let text = object.text();
                    let shown = text.filter(|_| object.as_int().is_some()).map_or(inner, Value::Str);
                    return self.value(&shown, indent, place);
                }
                Encoded::Struct(_) => {
                    let fields = object.fields().into_iter();
                    let fields = fields.map(|(name, v)| (name.to_lowercase().into_bytes(), v)).collect();
                    return self.mapping(fields, indent, place, false);
                }
            },
            Value::Str(text) => self.string(text.as_bytes(), indent, place),
            Value::Nil | Value::NilInterface => self.line(place, "null"),
            Value::Float(f) => self.line(place, &float(*f)),
            Value::Func(_) | Value::Complex(..) => {
                return Err(format!("cannot marshal type: {}", value.type_name()).into());
            }
            other => {
                let text = print(other)?;
                self.line(place, &String::from_utf8_lossy(&text));
            }
        }
        Ok(())
    }

    /// The rest of a line, behind a blank where something stands before it.
    fn line(&mut self, place: Place, text: &str) {
        if place != Place::Root {
            self.text(" ");
        }
        self.text(text);
        self.text("\n");
    }

    /// Goes to where the first entry or item begins: behind a dash on the same line, else on a line of its own.
    fn begin(&mut self, indent: usize, place: Place) {
        match place {
            Place::Root => {}
            Place::Item => self.text(" "),
            Place::Key => {
                self.text("\n");
                self.pad(indent);
            }
        }
    }

    fn mapping(
        &mut self,
        mut entries: Vec<(Vec<u8>, Value)>,
        indent: usize,
        place: Place,
        sorted: bool,
    ) -> Result<(), FuncError> {
        let shown = |key: &[u8]| String::from_utf8_lossy(key).into_owned();
        if sorted {
            sort(&mut entries, |a, b| key_order(&shown(&a.0), &shown(&b.0)));
        }
        self.begin(indent, place);
        for (index, (key, value)) in entries.iter().enumerate() {
            if index > 0 {
                self.pad(indent);
            }
            let (style, tag) = self.style(key, true);
            let many_lines = std::str::from_utf8(key).is_ok_and(|key| key.contains(is_break));
            if key.len() > SIMPLE_KEY || many_lines {
                self.text("?");
                self.string(key, indent + 2, Place::Item);
                self.pad(indent);
                self.text(":");
                self.value(value, indent + 2, Place::Item)?;
                continue;
            }
            self.tagged(tag, key, style, indent);
            self.text(":");
            self.value(value, indent + 2, Place::Key)?;
        }
        Ok(())
    }

    fn sequence(&mut self, items: &[Value], indent: usize, place: Place) -> Result<(), FuncError> {
        self.begin(indent, place);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.pad(indent);
            }
            self.text("-");
            self.value(item, indent + 2, Place::Item)?;
        }
        Ok(())
    }

    fn string(&mut self, text: &[u8], indent: usize, place: Place) {
        if place != Place::Root {
            self.text(" ");
        }
        let (style, tag) = self.style(text, false);
        self.tagged(tag, text, style, indent);
        if style != Style::Block {
            self.text("\n");
        }
    }

    fn tagged(&mut self, tag: &str, text: &[u8], style: Style, indent: usize) {
        self.text(tag);
        if tag.is_empty() {
            self.scalar(text, style, indent);
        } else {
            self.out.extend_from_slice(&base::encode64(text));
        }
    }

    /// The style of a text, and the tag that bytes that are not UTF-8 get.
    fn style(&self, text: &[u8], key: bool) -> (Style, &'static str) {
        let Ok(text) = std::str::from_utf8(text) else { return (Style::Plain, "!!binary ") };
        let allowed = Allowed::of(text);
        let wanted = match () {
            () if text.contains('\n') => Style::Block,
            () if is_plain_string(text) => Style::Plain,
            () => Style::Double,
        };
        let style = match wanted {
            Style::Plain if !allowed.plain && allowed.single => Style::Single,
            Style::Plain if !allowed.plain => Style::Double,
            Style::Block if !allowed.block || key => Style::Double,
            style => style,
        };
        (style, "")
    }

    fn scalar(&mut self, text: &[u8], style: Style, indent: usize) {
        let text = String::from_utf8_lossy(text);
        match style {
            Style::Plain => self.text(&text),
            Style::Single => {
                self.text("'");
                self.broken(&text.replace('\'', "''"), indent);
                self.text("'");
            }
            Style::Double => self.double(&text),
            Style::Block => self.block(&text, indent),
        }
    }

    fn double(&mut self, text: &str) {
        self.text("\"");
        for c in text.chars() {
            let escape = match c {
                '"' => "\\\"".to_owned(),
                '\\' => "\\\\".to_owned(),
                c if is_printable(c) && !is_break(c) => c.to_string(),
                '\0' => "\\0".to_owned(),
                '\x07' => "\\a".to_owned(),
                '\x08' => "\\b".to_owned(),
                '\t' => "\\t".to_owned(),
                '\n' => "\\n".to_owned(),
                '\x0b' => "\\v".to_owned(),
                '\x0c' => "\\f".to_owned(),
                '\r' => "\\r".to_owned(),
                '\x1b' => "\\e".to_owned(),
                '\u{85}' => "\\N".to_owned(),
                '\u{2028}' => "\\L".to_owned(),
                '\u{2029}' => "\\P".to_owned(),
                c if u32::from(c) <= 0xFF => format!("\\x{:02X}", u32::from(c)),
                c if u32::from(c) <= 0xFFFF => format!("\\u{:04X}", u32::from(c)),
                c => format!("\\U{:08X}", u32::from(c)),
            };
            self.text(&escape);
        }
        self.text("\"");
    }

    /// A block of lines as they are, with what says how it begins and ends.
    fn block(&mut self, text: &str, indent: usize) {
        self.text("|");
        if text.starts_with([' ', '\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
            self.text("2");
        }
        let body = text.strip_suffix('\n');
        match body {
            None => self.text("-"),
            Some(body) if body.is_empty() || body.ends_with('\n') => self.text("+"),
            Some(_) => {}
        }
        self.text("\n");
        for line in body.unwrap_or(text).split('\n') {
            if !line.is_empty() {
                self.pad(indent.max(2));
            }
            self.broken(line, indent.max(2));
            self.text("\n");
        }
    }

    /// A line, indented again behind each break in it that is no newline.
    fn broken(&mut self, line: &str, indent: usize) {
        let mut rest = line;
        while let Some(at) = rest.find(['\u{2028}', '\u{2029}']) {
            let after = rest[at..].trim_start_matches(['\u{2028}', '\u{2029}']);
            self.text(&rest[..rest.len() - after.len()]);
            if !after.is_empty() {
                self.pad(indent);
            }
            rest = after;
        }
        self.text(rest);
    }
}

/// Keys in natural order, which is none in the strict sense: the library's sort must not be used with it.
fn sort<T>(entries: &mut [T], order: impl Fn(&T, &T) -> Ordering) {
    for i in 1..entries.len() {
        let place = entries[..i].iter().rposition(|e| order(e, &entries[i]).is_le()).map_or(0, |at| at + 1);
        entries[place..=i].rotate_right(1);
    }
}

fn float(f: f64) -> String {
    match () {
        () if f.is_nan() => ".nan".into(),
        () if f == f64::INFINITY => ".inf".into(),
        () if f == f64::NEG_INFINITY => "-.inf".into(),
        () => format_float(f, Layout::General, None, Bits::B64),
    }
}

/// Whether a text without quotes would be read as this string again, by old readers too.
fn is_plain_string(text: &str) -> bool {
    static BASE_60: LazyLock<Option<Regexp>> =
        LazyLock::new(|| Regexp::compile(br"^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$").ok());
    const OLD: [&str; 16] =
        ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"];
    Scalar::plain(text).kind() == ScalarKind::Str
        && !OLD.contains(&text)
        && !BASE_60.as_ref().is_some_and(|pattern| pattern.is_match(text.as_bytes()))
}

/// The styles that a text may have.
struct Allowed {
    plain: bool,
    single: bool,
    block: bool,
}

impl Allowed {
    fn of(text: &str) -> Self {
        let mut indicator = text.starts_with("---") || text.starts_with("...");
        let (mut special, mut tab, mut space_break, mut break_space) = (false, false, false, false);
        let mut before = None;
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            let is_blank = |c: Option<&char>| c.is_none_or(|&c| matches!(c, ' ' | '\t') || is_break(c));
            let followed = is_blank(rest.peek());
            indicator |= match (before, c) {
                (None, '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|') => true,
                (None, '>' | '\'' | '"' | '%' | '@' | '`') => true,
                (None, '?' | ':' | '-') | (Some(_), ':') => followed,
                (Some(before), '#') => is_blank(Some(&before)),
                _ => false,
            };
            if c == '\t' {
                tab = true;
            } else if !is_printable(c) {
                special = true;
            }
            space_break |= before == Some(' ') && is_break(c);
            break_space |= before.is_some_and(is_break) && c == ' ';
            before = Some(c);
        }
        let edge = |c: Option<char>| c.is_some_and(|c| c == ' ' || is_break(c));
        let edges = edge(text.chars().next()) || edge(before);
        let quotable = !(space_break || break_space || tab || special);
        Self {
            plain: quotable && !edges && !indicator && !text.chars().any(is_break),
            single: quotable,
            block: !(space_break || special || before == Some(' ') || text.is_empty()),
        }
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What the emitter leaves unescaped: nothing beyond the first plane.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{A0}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}') && c != '\u{FEFF}'
}
