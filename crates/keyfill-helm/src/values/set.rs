//! The language of `--set` and its relatives: `name=value,outer.inner=value,list[0].name=value,list={a,b}`.

use super::tree::Node;
use keyfill_diag::{Cx, Stopped};
use keyfill_go::json_decode;
use keyfill_go::strconv::parse_int;
use keyfill_template::value::{Str, Value};

/// The largest index of a list.
const MOST_INDEX: usize = 65_536;
/// The most dots in a name.
const MOST_DOTS: u32 = 30;
/// The deepest nesting of lists. helm has no such limit, but the stack has.
const MOST_NESTED: u32 = 500;
/// The most items that are added to lists because an index is beyond their end, in all lists together. helm adds
/// items until memory is exhausted.
pub(super) const MOST_FILLED: usize = 4_000_000;
/// The most items that are added to a list without checking the memory limit.
const MOST_UNASKED: usize = 1 << 10;
/// The most characters of the user's text that an error shows.
const MOST_SHOWN: usize = 100;
/// The number of values that are set between two checks of the deadline.
const VALUES_PER_CHECK: u32 = 1 << 10;

/// What the text after `=` means.
#[derive(Clone, Copy)]
pub(super) enum Reading<'a> {
    /// `--set`: booleans, null and integers are recognised.
    Typed,
    /// `--set-string`: always text.
    Text,
    /// `--set-json`: JSON values, one after another.
    Json,
    /// `--set-literal`: the rest of the line, as it is.
    Literal,
    /// `--set-file`: this text, whatever follows `=`.
    File(&'a str),
}

/// The limits of a line.
pub(super) struct Bounds<'a> {
    pub(super) cx: &'a Cx,
    /// How many items may still be added to lists because an index is beyond their end.
    pub(super) left: &'a mut usize,
}

/// Why a line could not be applied.
#[derive(Debug)]
pub(super) enum Failure {
    /// The line is malformed, or exceeds a limit.
    Wrong(String),
    /// The run was stopped.
    Stopped(Stopped),
}

/// Parses a line and puts its values into `into`, which must be a mapping.
pub(super) fn parse_into(
    line: &str,
    reading: Reading<'_>,
    bounds: Bounds<'_>,
    into: &mut Node,
) -> Result<(), Failure> {
    let Bounds { cx, left } = bounds;
    let mut parser = Parser { text: line, at: 0, reading, left, cx };
    let mut count = 0_u32;
    loop {
        match parser.key(into, Depth::default()) {
            Ok(()) => {}
            Err(Stop::End) => return Ok(()),
            Err(Stop::Wrong(message)) => return Err(Failure::Wrong(message)),
            Err(Stop::Stopped(why)) => return Err(Failure::Stopped(why)),
        }
        count = count.wrapping_add(1);
        if count.is_multiple_of(VALUES_PER_CHECK) {
            cx.check().map_err(Failure::Stopped)?;
        }
    }
}

/// The beginning of a text that an author may have made arbitrarily long.
pub(super) fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(MOST_SHOWN).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown
}

/// Why parsing stopped. The end of the line is accepted in most places, even where the text looks incomplete: helm
/// parses `a[0]` as an empty list.
enum Stop {
    End,
    Wrong(String),
    Stopped(Stopped),
}

impl From<String> for Stop {
    fn from(message: String) -> Self {
        Self::Wrong(message)
    }
}

/// How deeply nested the current name is, by dots and by list indexes.
#[derive(Clone, Copy, Default)]
struct Depth {
    dots: u32,
    lists: u32,
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    reading: Reading<'a>,
    left: &'a mut usize,
    cx: &'a Cx,
}

impl Parser<'_> {
    /// Parses one `key=value`. A dot or an index after the key leads to another call of this or of [`Self::item`].
    fn key(&mut self, data: &mut Node, depth: Depth) -> Result<(), Stop> {
        let stops: &[char] = if self.is_literal() { &['=', '[', '.'] } else { &['=', '[', ',', '.'] };
        let (key, end) = self.until(stops);
        match end {
            None if key.is_empty() => Err(Stop::End),
            None => Err(format!("key {:?} has no value", shortened(&key)).into()),
            Some('[') => {
                let index = self.index()?;
                let mut list = match entry(data, &key)? {
                    None => Vec::new(),
                    Some(Node::List(items)) => std::mem::take(items),
                    Some(other) => return Err(not_what(&key, "a list", other).into()),
                };
                let outcome = self.item(&mut list, index, depth);
                set(data, &key, Node::List(list))?;
                outcome
            }
            Some('=') => {
                let (value, outcome) = self.value()?;
                set(data, &key, value)?;
                outcome
            }
            Some('.') => self.nested(data, &key, Depth { dots: depth.dots + 1, ..depth }),
            Some(_) => Err(format!("key {:?} has no value (cannot end with ,)", shortened(&key)).into()),
        }
    }

    /// Parses what follows `key.` into the mapping of that key, which is created if it is missing.
    fn nested(&mut self, data: &mut Node, key: &str, depth: Depth) -> Result<(), Stop> {
        if depth.dots > MOST_DOTS {
            return Err(format!(
                "value name nested level is greater than maximum supported nested level of {MOST_DOTS}"
            )
            .into());
        }
        let mut made = Node::map();
        let inner = match entry(data, key)? {
            Some(inner @ Node::Map(_)) => inner,
            Some(other) => return Err(not_what(key, "a map", other).into()),
            None => &mut made,
        };
        let outcome = self.key(inner, depth);
        if is_empty(inner) && outcome.is_ok() {
            return Err(format!("key map {:?} has no value", shortened(key)).into());
        }
        if !is_empty(&made) {
            set(data, key, made)?;
        }
        outcome
    }

    /// Parses what follows `[index]`.
    fn item(&mut self, list: &mut Vec<Node>, index: i64, depth: Depth) -> Result<(), Stop> {
        let depth = Depth { lists: depth.lists + 1, ..depth };
        if depth.lists > MOST_NESTED {
            return Err(format!("lists are nested more than {MOST_NESTED} deep").into());
        }
        let index = usize::try_from(index).map_err(|_| format!("negative {index} index not allowed"))?;
        let (extra, end) = self.until(&['[', '.', '=']);
        if !extra.is_empty() {
            return Err(format!("unexpected data at end of array index: {:?}", shortened(&extra)).into());
        }
        match end {
            None => Err(Stop::End),
            Some('=') => {
                let (value, outcome) = self.value()?;
                self.set_index(list, index, value)?;
                // The end of the line after a list item is not reported here: parsing the next key finds it again.
                outcome.or_else(|stop| if matches!(stop, Stop::End) { Ok(()) } else { Err(stop) })
            }
            Some('[') => {
                let next = self.index()?;
                let mut inner = match list.get_mut(index) {
                    None | Some(Node::Scalar(Value::Nil)) => Vec::new(),
                    Some(Node::List(items)) => std::mem::take(items),
                    Some(other) => return Err(not_what(&format!("[{index}]"), "a list", other).into()),
                };
                let outcome = self.item(&mut inner, next, depth);
                if outcome.is_ok() || matches!(list.get(index), Some(Node::List(_))) {
                    self.set_index(list, index, Node::List(inner))?;
                }
                outcome
            }
            Some(_) => {
                let mut made = Node::map();
                let there = index < list.len();
                let inner = match list.get_mut(index) {
                    Some(inner) => {
                        if !matches!(inner, Node::Map(_)) {
                            *inner = Node::map();
                        }
                        inner
                    }
                    None => &mut made,
                };
                self.key(inner, depth)?;
                if !there {
                    self.set_index(list, index, made)?;
                }
                Ok(())
            }
        }
    }

    fn set_index(&mut self, list: &mut Vec<Node>, index: usize, value: Node) -> Result<(), Stop> {
        if index > MOST_INDEX {
            let message = format!("index of {index} is greater than maximum supported index of {MOST_INDEX}");
            return Err(message.into());
        }
        if list.len() <= index {
            let missing = index + 1 - list.len();
            *self.left = self
                .left
                .checked_sub(missing)
                .ok_or_else(|| format!("lists would be filled with more than {MOST_FILLED} items in all"))?;
            if missing > MOST_UNASKED {
                self.cx.room((missing * size_of::<Node>()) as u64).map_err(Stop::Stopped)?;
            }
            list.resize_with(index + 1, Node::default);
        }
        list[index] = value;
        Ok(())
    }

    /// Parses what follows `=`: the value, and whether parsing continues after it.
    fn value(&mut self) -> Result<(Node, Result<(), Stop>), Stop> {
        match self.reading {
            Reading::Json => Ok((self.json()?, Ok(()))),
            Reading::Literal => {
                let rest = &self.text[self.at..];
                self.at = self.text.len();
                Ok((text_node(rest), Ok(())))
            }
            _ if self.at == self.text.len() => Ok((text_node(""), Err(Stop::End))),
            _ if self.text[self.at..].starts_with('{') => {
                self.at += 1;
                Ok((self.braces()?, Ok(())))
            }
            _ => {
                let (text, _) = self.until(&[',']);
                Ok((self.read(&text), Ok(())))
            }
        }
    }

    /// Parses a list in braces, after the opening brace.
    fn braces(&mut self) -> Result<Node, Stop> {
        let mut items = Vec::new();
        loop {
            let (text, end) = self.until(&[',', '}']);
            if end.is_none() {
                return Err("list must terminate with '}'".to_owned().into());
            }
            items.push(self.read(&text));
            if end == Some('}') {
                if self.text[self.at..].starts_with(',') {
                    self.at += 1;
                }
                return Ok(Node::List(items));
            }
        }
    }

    fn json(&mut self) -> Result<Node, Stop> {
        if self.skip_blanks() {
            return Ok(Node::default());
        }
        let read = json_decode::decode_first(&self.text.as_bytes()[self.at..], self.cx.limits.depth);
        let (decoded, length) = read.map_err(|e| format!("it is not JSON: {e}"))?;
        let value = decoded.into_result().map_err(|e| format!("it is not JSON: {e}"))?;
        self.at += length;
        self.skip_blanks();
        Ok(value.into())
    }

    /// Skips white space, and a comma after it. Returns whether a comma or the end of the line was found.
    fn skip_blanks(&mut self) -> bool {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        if rest.starts_with(',') {
            self.at += 1;
            return true;
        }
        rest.is_empty()
    }

    fn read(&self, text: &str) -> Node {
        match self.reading {
            Reading::File(content) => text_node(content),
            Reading::Typed => Node::Scalar(typed(text)),
            Reading::Text | Reading::Json | Reading::Literal => text_node(text),
        }
    }

    fn index(&mut self) -> Result<i64, Stop> {
        let (text, end) = self.until(&[']']);
        if end.is_none() {
            return Err("error parsing index: `]` is missing".to_owned().into());
        }
        parse_int(&text, 10).map_err(|e| format!("error parsing index {:?}: {e}", shortened(&text)).into())
    }

    /// The text up to one of the `stops`, which is consumed too. `\` escapes the next character, except in
    /// literals.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut taken = String::new();
        let mut chars = self.text[self.at..].chars();
        let mut end = None;
        while let Some(c) = chars.next() {
            if stops.contains(&c) {
                end = Some(c);
                break;
            }
            if c == '\\' && !self.is_literal() {
                taken.extend(chars.next());
            } else {
                taken.push(c);
            }
        }
        self.at = self.text.len() - chars.as_str().len();
        (taken, end)
    }

    fn is_literal(&self) -> bool {
        matches!(self.reading, Reading::Literal)
    }
}

fn text_node(text: &str) -> Node {
    Node::Scalar(Value::Str(text.into()))
}

fn is_empty(node: &Node) -> bool {
    !matches!(node, Node::Map(entries) if !entries.is_empty())
}

/// The value of a key. `data` is a mapping wherever the parser calls this.
fn entry<'v>(data: &'v mut Node, key: &str) -> Result<Option<&'v mut Node>, String> {
    match data {
        Node::Map(entries) => Ok(entries.get_mut(key.as_bytes())),
        other => Err(not_what(key, "in a map", other)),
    }
}

/// Sets a key. An empty key is ignored, as in helm.
fn set(data: &mut Node, key: &str, value: Node) -> Result<(), String> {
    if key.is_empty() {
        return Ok(());
    }
    match data {
        Node::Map(entries) => drop(entries.insert(Str::from(key), value)),
        other => return Err(not_what(key, "in a map", other)),
    }
    Ok(())
}

fn not_what(key: &str, wanted: &str, value: &Node) -> String {
    format!("unable to parse key: {:?} is not {wanted} but a {}", shortened(key), value.type_name())
}

/// The value of a text with `--set`: a boolean, null, an integer, or the text.
fn typed(text: &str) -> Value {
    if text.eq_ignore_ascii_case("true") {
        Value::Bool(true)
    } else if text.eq_ignore_ascii_case("false") {
        Value::Bool(false)
    } else if text.eq_ignore_ascii_case("null") {
        Value::Nil
    } else if text == "0" {
        Value::Int64(0)
    } else if text.starts_with('0') {
        Value::Str(text.into())
    } else {
        parse_int(text, 10).map_or_else(|_| Value::Str(text.into()), Value::Int64)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Failure, MOST_FILLED, Reading, parse_into};
    use crate::values::tree::Node;
    use keyfill_diag::Cx;
    use keyfill_template::value::Value;

    fn parsed(line: &str, reading: Reading<'_>) -> Result<String, String> {
        let mut value = Node::map();
        let bounds = Bounds { cx: &Cx::default(), left: &mut MOST_FILLED.clone() };
        match parse_into(line, reading, bounds, &mut value) {
            Ok(()) => Ok(show(&value)),
            Err(Failure::Wrong(why)) => Err(why),
            Err(Failure::Stopped(why)) => Err(why.to_string()),
        }
    }

    fn show(value: &Node) -> String {
        match value {
            Node::Scalar(Value::Nil) => "null".into(),
            Node::Scalar(Value::Bool(b)) => b.to_string(),
            Node::Scalar(Value::Int64(n)) => n.to_string(),
            Node::Scalar(Value::Float(f)) => format!("{f:?}"),
            Node::Scalar(Value::Str(s)) => format!("'{}'", s.to_text()),
            Node::Scalar(_) => "?".into(),
            Node::List(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
            Node::Map(m) => {
                let entries: Vec<String> =
                    m.iter().map(|(k, v)| format!("{}:{}", k.to_text(), show(v))).collect();
                format!("{{{}}}", entries.join(" "))
            }
        }
    }

    #[test]
    fn lines_are_parsed_as_by_helm() {
        for (line, want) in [
            ("a=b", "{a:'b'}"),
            ("a=1,b=true,c=null,d=0,e=012,f=1.5,g=", "{a:1 b:true c:null d:0 e:'012' f:'1.5' g:''}"),
            ("a.b.c=x,a.b.d=y", "{a:{b:{c:'x' d:'y'}}}"),
            ("a={1,x,true}", "{a:[1 'x' true]}"),
            ("a={}", "{a:['']}"),
            ("a[0]=x,a[2]=z", "{a:['x' null 'z']}"),
            ("a[0].b=1,a[0].c=2", "{a:[{b:1 c:2}]}"),
            ("a[0][1]=x", "{a:[[null 'x']]}"),
            ("a[0][1]=x,a[0][0]=y", "{a:[['y' 'x']]}"),
            (r"a\.b=x\,y", "{a.b:'x,y'}"),
            ("a[0]", "{a:[]}"),
            ("a[0][0]=x,a[0][1]", "{a:[['x']]}"),
            ("=x,b=1", "{b:1}"),
            ("a=b=c", "{a:'b=c'}"),
            ("a=+5,b=-0", "{a:5 b:0}"),
        ] {
            assert_eq!(parsed(line, Reading::Typed).as_deref(), Ok(want), "{line}");
        }
        for bad in ["a", "a,b=1", "a.=1", "a[x]=1", "a[-1]=1", "a[0]x=1", "a={1,2", "a[99999]=1", "a=1,a.b=2"]
        {
            assert!(parsed(bad, Reading::Typed).is_err(), "{bad}");
        }
        let deep = format!("{}x=1", "a.".repeat(31));
        assert!(parsed(&deep, Reading::Typed).is_err());
    }

    #[test]
    fn other_readings() {
        assert_eq!(parsed("a=1,b=null", Reading::Text).as_deref(), Ok("{a:'1' b:'null'}"));
        assert_eq!(
            parsed(r#"a={"x":[1,null]}, b="\ud800",c="#, Reading::Json).as_deref(),
            Ok("{ b:'\u{fffd}' a:{x:[1.0 null]} c:null}")
        );
        assert_eq!(parsed(r"a.b=x\,{y},c=1", Reading::Literal).as_deref(), Ok(r"{a:{b:'x\,{y},c=1'}}"));
        assert_eq!(parsed("a=f", Reading::File("content\n")).as_deref(), Ok("{a:'content\n'}"));
    }

    #[test]
    fn indexes_and_nesting_are_limited() {
        let lists: Vec<String> = (0..100).map(|n| format!("a[{n}][65535]=1")).collect();
        assert!(parsed(&lists.join(","), Reading::Typed).is_err_and(|why| why.contains("4000000")));
        for deep in ["[0]".repeat(100_000), "[0].a".repeat(100_000)] {
            let line = format!("a{deep}=1");
            assert!(parsed(&line, Reading::Typed).is_err_and(|why| why.contains("nested")));
        }
        let json = format!("a={}", "[".repeat(100_000));
        assert!(parsed(&json, Reading::Json).is_err_and(|why| why.contains("depth")));
    }

    #[test]
    fn names_of_any_length_make_short_errors() {
        let error = parsed(&"x".repeat(1 << 20), Reading::Typed).unwrap_err();
        assert!(error.len() < 200, "{} bytes", error.len());
    }
}
