//! The language of `--set` and its relatives: `name=value,outer.inner=value,list[0].name=value,list={a,b}`.

use keyfill_go::strconv::parse_int;
use keyfill_yaml::{Text, Value};

/// The largest index that a list may be given.
const MOST_INDEX: usize = 65_536;
/// How many dots a name may have.
const MOST_DOTS: u32 = 30;

/// What the text behind `=` means.
#[derive(Clone, Copy)]
pub(crate) enum Reading<'a> {
    /// `--set`: booleans, null and integers are recognised.
    Typed,
    /// `--set-string`: always text.
    Text,
    /// `--set-json`: JSON values, one after another.
    Json,
    /// `--set-literal`: the rest of the line, as it is.
    Literal,
    /// `--set-file`: the text is a path; the function gives the file's content.
    File(&'a dyn Fn(&str) -> Result<String, String>),
}

/// Parses a line and puts its values into `into`, which must be a mapping.
pub(crate) fn parse_into(line: &str, reading: Reading<'_>, into: &mut Value) -> Result<(), String> {
    let mut parser = Parser { text: line, at: 0, reading };
    loop {
        match parser.key(into, 0) {
            Ok(()) => {}
            Err(Stop::End) => return Ok(()),
            Err(Stop::Wrong(message)) => return Err(message),
        }
    }
}

/// Why parsing went no further. The end of the line is a good end in most places, even in the middle of
/// what looks unfinished: helm takes `a[0]` for an empty list.
enum Stop {
    End,
    Wrong(String),
}

impl From<String> for Stop {
    fn from(message: String) -> Self {
        Self::Wrong(message)
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    reading: Reading<'a>,
}

impl Parser<'_> {
    /// One `key=value`; keys in front of a dot and lists call this and [`Self::item`] again.
    fn key(&mut self, data: &mut Value, dots: u32) -> Result<(), Stop> {
        let stops: &[char] = if self.is_literal() { &['=', '[', '.'] } else { &['=', '[', ',', '.'] };
        let (key, end) = self.until(stops);
        match end {
            None if key.is_empty() => Err(Stop::End),
            None => Err(format!("key {key:?} has no value").into()),
            Some('[') => {
                let index = self.index()?;
                let mut list = match entry(data, &key)? {
                    None => Vec::new(),
                    Some(Value::Seq(items)) => std::mem::take(items),
                    Some(other) => return Err(not_what(&key, "a list", other).into()),
                };
                let outcome = self.item(&mut list, index, dots);
                set(data, &key, Value::Seq(list))?;
                outcome
            }
            Some('=') => {
                let (value, outcome) = self.value()?;
                set(data, &key, value)?;
                outcome
            }
            Some('.') => self.nested(data, &key, dots + 1),
            Some(_) => Err(format!("key {key:?} has no value (cannot end with ,)").into()),
        }
    }

    /// What comes behind `key.`: a mapping, which is there or is made.
    fn nested(&mut self, data: &mut Value, key: &str, dots: u32) -> Result<(), Stop> {
        if dots > MOST_DOTS {
            return Err(format!(
                "value name nested level is greater than maximum supported nested level of {MOST_DOTS}"
            )
            .into());
        }
        let mut made = Value::Map(Vec::new());
        let inner = match entry(data, key)? {
            Some(inner @ Value::Map(_)) => inner,
            Some(other) => return Err(not_what(key, "a map", other).into()),
            None => &mut made,
        };
        let outcome = self.key(inner, dots);
        let is_empty = inner.as_map().is_none_or(<[_]>::is_empty);
        if is_empty && outcome.is_ok() {
            return Err(format!("key map {key:?} has no value").into());
        }
        if made.as_map().is_some_and(|entries| !entries.is_empty()) {
            set(data, key, made)?;
        }
        outcome
    }

    /// What comes behind `[index]`.
    fn item(&mut self, list: &mut Vec<Value>, index: i64, dots: u32) -> Result<(), Stop> {
        let index = usize::try_from(index).map_err(|_| format!("negative {index} index not allowed"))?;
        let (extra, end) = self.until(&['[', '.', '=']);
        if !extra.is_empty() {
            return Err(format!("unexpected data at end of array index: {extra:?}").into());
        }
        match end {
            None => Err(Stop::End),
            Some('=') => {
                let (value, outcome) = self.value()?;
                set_index(list, index, value)?;
                // A list item ends its line softly: the end is found again by the next key.
                outcome.or_else(|stop| if matches!(stop, Stop::End) { Ok(()) } else { Err(stop) })
            }
            Some('[') => {
                let next = self.index()?;
                let mut inner = match list.get(index) {
                    None | Some(Value::Null) => Vec::new(),
                    Some(Value::Seq(items)) => items.clone(),
                    Some(other) => return Err(not_what(&format!("[{index}]"), "a list", other).into()),
                };
                self.item(&mut inner, next, dots)?;
                Ok(set_index(list, index, Value::Seq(inner))?)
            }
            Some(_) => {
                let mut made = Value::Map(Vec::new());
                let there = index < list.len();
                let inner = match list.get_mut(index) {
                    Some(inner) => {
                        if !matches!(inner, Value::Map(_)) {
                            *inner = Value::Map(Vec::new());
                        }
                        inner
                    }
                    None => &mut made,
                };
                self.key(inner, dots)?;
                if !there {
                    set_index(list, index, made)?;
                }
                Ok(())
            }
        }
    }

    /// What comes behind `=`: the value, and how parsing goes on after it.
    fn value(&mut self) -> Result<(Value, Result<(), Stop>), Stop> {
        match self.reading {
            Reading::Json => Ok((self.json()?, Ok(()))),
            Reading::Literal => {
                let rest = &self.text[self.at..];
                self.at = self.text.len();
                Ok((Value::Str(rest.into()), Ok(())))
            }
            _ if self.at == self.text.len() => Ok((Value::Str(Text::default()), Err(Stop::End))),
            _ if self.text[self.at..].starts_with('{') => {
                self.at += 1;
                Ok((self.braces()?, Ok(())))
            }
            _ => {
                let (text, _) = self.until(&[',']);
                Ok((self.read(&text)?, Ok(())))
            }
        }
    }

    /// A list in braces, from behind the opening one.
    fn braces(&mut self) -> Result<Value, Stop> {
        let mut items = Vec::new();
        loop {
            let (text, end) = self.until(&[',', '}']);
            if end.is_none() {
                return Err("list must terminate with '}'".to_owned().into());
            }
            items.push(self.read(&text)?);
            if end == Some('}') {
                if self.text[self.at..].starts_with(',') {
                    self.at += 1;
                }
                return Ok(Value::Seq(items));
            }
        }
    }

    fn json(&mut self) -> Result<Value, Stop> {
        if self.skip_blanks() {
            return Ok(Value::Null);
        }
        let mut stream = serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter();
        let value: serde_json::Value = match stream.next() {
            Some(Ok(value)) => value,
            Some(Err(e)) => return Err(format!("it is not JSON: {e}").into()),
            None => return Ok(Value::Null),
        };
        self.at += stream.byte_offset();
        self.skip_blanks();
        Ok(from_json(value))
    }

    /// Skips blanks up to and with a comma, or to the end; says whether either was met.
    fn skip_blanks(&mut self) -> bool {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        if rest.starts_with(',') {
            self.at += 1;
            return true;
        }
        rest.is_empty()
    }

    fn read(&self, text: &str) -> Result<Value, String> {
        match self.reading {
            Reading::File(read) => Ok(Value::Str(read(text)?.into())),
            Reading::Typed => Ok(typed(text)),
            Reading::Text | Reading::Json | Reading::Literal => Ok(Value::Str(text.into())),
        }
    }

    fn index(&mut self) -> Result<i64, Stop> {
        let (text, end) = self.until(&[']']);
        if end.is_none() {
            return Err("error parsing index: `]` is missing".to_owned().into());
        }
        parse_int(&text, 10).map_err(|e| format!("error parsing index {text:?}: {e}").into())
    }

    /// The text up to one of the stops, which is taken as well. Except in literals, `\` takes the next
    /// character as it is.
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

/// The value of a key. `data` is a mapping wherever the parser goes.
fn entry<'v>(data: &'v mut Value, key: &str) -> Result<Option<&'v mut Value>, String> {
    match data {
        Value::Map(entries) => Ok(entries.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v)),
        other => Err(not_what(key, "in a map", other)),
    }
}

/// Sets a key; an empty one is not set, as helm has it.
fn set(data: &mut Value, key: &str, value: Value) -> Result<(), String> {
    if key.is_empty() {
        return Ok(());
    }
    if let Some(there) = entry(data, key)? {
        *there = value;
    } else if let Value::Map(entries) = data {
        entries.push((key.into(), value));
    }
    Ok(())
}

fn set_index(list: &mut Vec<Value>, index: usize, value: Value) -> Result<(), String> {
    if index > MOST_INDEX {
        return Err(format!("index of {index} is greater than maximum supported index of {MOST_INDEX}"));
    }
    if list.len() <= index {
        list.resize(index + 1, Value::Null);
    }
    list[index] = value;
    Ok(())
}

fn not_what(key: &str, wanted: &str, value: &Value) -> String {
    format!("unable to parse key: {key:?} is not {wanted} but a {}", value.type_name())
}

/// Text as `--set` understands it.
fn typed(text: &str) -> Value {
    if text.eq_ignore_ascii_case("true") {
        Value::Bool(true)
    } else if text.eq_ignore_ascii_case("false") {
        Value::Bool(false)
    } else if text.eq_ignore_ascii_case("null") {
        Value::Null
    } else if text == "0" {
        Value::Int(0)
    } else if text.starts_with('0') {
        Value::Str(text.into())
    } else {
        parse_int(text, 10).map_or_else(|_| Value::Str(text.into()), Value::Int)
    }
}

/// JSON as Go reads it into an `interface{}`: all numbers are floats.
fn from_json(value: serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match value {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(b),
        Json::Number(n) => Value::Float(n.as_f64().unwrap_or_default()),
        Json::String(s) => Value::Str(s.into()),
        Json::Array(items) => Value::Seq(items.into_iter().map(from_json).collect()),
        Json::Object(entries) => {
            Value::Map(entries.into_iter().map(|(k, v)| (k.into(), from_json(v))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Reading, parse_into};
    use keyfill_yaml::Value;

    fn parsed(line: &str, reading: Reading<'_>, start: Value) -> Result<String, String> {
        let mut value = start;
        parse_into(line, reading, &mut value)?;
        Ok(show(&value))
    }

    fn show(value: &Value) -> String {
        match value {
            Value::Null => "null".into(),
            Value::Bool(b) => b.to_string(),
            Value::Int(n) => n.to_string(),
            Value::Float(f) => format!("{f:?}"),
            Value::Str(s) => format!("'{s}'"),
            Value::Seq(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
            Value::Map(m) => {
                let entries: Vec<String> = m.iter().map(|(k, v)| format!("{k}:{}", show(v))).collect();
                format!("{{{}}}", entries.join(" "))
            }
            Value::Uint(_) | Value::Number(_) => "?".into(),
        }
    }

    #[test]
    fn set_lines() {
        let empty = || Value::Map(Vec::new());
        for (line, want) in [
            ("a=b", "{a:'b'}"),
            ("a=1,b=true,c=null,d=0,e=012,f=1.5,g=", "{a:1 b:true c:null d:0 e:'012' f:'1.5' g:''}"),
            ("a.b.c=x,a.b.d=y", "{a:{b:{c:'x' d:'y'}}}"),
            ("a={1,x,true}", "{a:[1 'x' true]}"),
            ("a={}", "{a:['']}"),
            ("a[0]=x,a[2]=z", "{a:['x' null 'z']}"),
            ("a[0].b=1,a[0].c=2", "{a:[{b:1 c:2}]}"),
            ("a[0][1]=x", "{a:[[null 'x']]}"),
            (r"a\.b=x\,y", "{a.b:'x,y'}"),
            ("a[0]", "{a:[]}"),
            ("=x,b=1", "{b:1}"),
            ("a=b=c", "{a:'b=c'}"),
            ("a=+5,b=-0", "{a:5 b:0}"),
        ] {
            assert_eq!(parsed(line, Reading::Typed, empty()).as_deref(), Ok(want), "{line}");
        }
        for bad in ["a", "a,b=1", "a.=1", "a[x]=1", "a[-1]=1", "a[0]x=1", "a={1,2", "a[99999]=1", "a=1,a.b=2"]
        {
            assert!(parsed(bad, Reading::Typed, empty()).is_err(), "{bad}");
        }
        let deep = format!("{}x=1", "a.".repeat(31));
        assert!(parsed(&deep, Reading::Typed, empty()).is_err());
    }

    #[test]
    fn other_readings() {
        let empty = || Value::Map(Vec::new());
        assert_eq!(parsed("a=1,b=null", Reading::Text, empty()).as_deref(), Ok("{a:'1' b:'null'}"));
        assert_eq!(
            parsed(r#"a={"x":[1,null]}, b="s",c="#, Reading::Json, empty()).as_deref(),
            Ok("{a:{x:[1.0 null]}  b:'s' c:null}")
        );
        assert_eq!(
            parsed(r"a.b=x\,{y},c=1", Reading::Literal, empty()).as_deref(),
            Ok(r"{a:{b:'x\,{y},c=1'}}")
        );
        let read = |path: &str| if path == "f" { Ok("content\n".into()) } else { Err("no".to_owned()) };
        assert_eq!(parsed("a=f", Reading::File(&read), empty()).as_deref(), Ok("{a:'content\n'}"));
        assert!(parsed("a=g", Reading::File(&read), empty()).is_err());
    }
}
