//! Sections of `name = value`, as the INI library of SOPS reads and writes them.

use super::as_text;
use crate::{Branch, Comment, Error, Hidden, Item, Value};

/// The name of the section for keys before the first section.
const DEFAULT: &str = "DEFAULT";

pub(super) fn read(text: &[u8]) -> Result<Branch, Error> {
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let text = std::str::from_utf8(text).map_err(|_| Error::file("the INI file is not UTF-8"))?;
    let mut reader = Reader { rest: text, line: 0, comment: String::new() };
    let mut sections = vec![Section::new(DEFAULT, "")];
    while let Some(line) = reader.next() {
        let line = line.trim_start();
        if line.is_empty() {
            continue;
        }
        if line.starts_with(['#', ';']) {
            reader.comment.push_str(line);
        } else if let Some(rest) = line.strip_prefix('[') {
            let (name, behind) =
                rest.rsplit_once(']').ok_or_else(|| reader.wrong("a section is not closed"))?;
            if name.is_empty() {
                return Err(reader.wrong("a section has no name"));
            }
            if let Some(at) = behind.find(['#', ';']) {
                reader.comment.push_str(&behind[at..]);
            }
            let comment = reader.take_comment();
            sections.push(Section::new(name, &comment));
        } else {
            let (key, value) = reader.key(line)?;
            let value = reader.value(value)?;
            let comment = reader.take_comment();
            if let Some(section) = sections.last_mut() {
                section.set(key, value, comment);
            }
        }
    }
    Ok(Branch(sections.into_iter().map(Section::into_item).collect()))
}

struct Section {
    name: String,
    comment: String,
    /// Keys, values and their comments.
    keys: Vec<(String, String, String)>,
}

impl Section {
    fn new(name: &str, comment: &str) -> Self {
        Self { name: name.to_owned(), comment: comment.to_owned(), keys: Vec::new() }
    }

    /// Sets a key. A key that occurs again keeps its first position and gets the last value.
    fn set(&mut self, key: String, value: String, comment: String) {
        match self.keys.iter_mut().find(|(name, _, _)| *name == key) {
            Some(entry) => (entry.1, entry.2) = (value, comment),
            None => self.keys.push((key, value, comment)),
        }
    }

    fn into_item(self) -> Item {
        let mut items = Vec::new();
        let comment = |text: &str| {
            let text = text.trim_start_matches([text.chars().next().unwrap_or('#'), ' ']);
            Item::Comment(Comment { text: Hidden::new(text), inline: false })
        };
        if !self.comment.is_empty() {
            items.push(comment(&self.comment));
        }
        for (key, value, text) in self.keys {
            items.push(Item::Entry(key, Value::text(value)));
            if !text.is_empty() {
                items.push(comment(&text));
            }
        }
        Item::Entry(self.name, Value::Map(Branch(items)))
    }
}

struct Reader<'a> {
    rest: &'a str,
    line: u32,
    comment: String,
}

impl<'a> Reader<'a> {
    /// The next line, including its line end.
    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.find('\n').map_or(self.rest.len(), |at| at + 1);
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.line += 1;
        Some(line)
    }

    fn wrong(&self, what: &str) -> Error {
        Error::file(format!("the INI file cannot be read: {what}")).at_line(self.line)
    }

    fn take_comment(&mut self) -> String {
        std::mem::take(&mut self.comment).trim().to_owned()
    }

    /// The key of a line, and the text after `=` or `:`.
    fn key(&self, line: &'a str) -> Result<(String, &'a str), Error> {
        let quote = match line {
            _ if line.starts_with("\"\"\"") && line.len() > 6 => "\"\"\"",
            _ if line.starts_with('"') => "\"",
            _ if line.starts_with('`') => "`",
            _ => "",
        };
        let no_sign = || self.wrong("a line is neither a section nor of the form name = value");
        let (name, rest) = if quote.is_empty() {
            line.split_at(line.find(['=', ':']).ok_or_else(no_sign)?)
        } else {
            let (name, rest) = line[quote.len()..]
                .split_once(quote)
                .ok_or_else(|| self.wrong("the quote around a name is not closed"))?;
            (name, &rest[rest.find(['=', ':']).ok_or_else(no_sign)?..])
        };
        if name.is_empty() {
            return Err(self.wrong("a name is empty"));
        }
        Ok((name.trim().to_owned(), &rest[1..]))
    }

    fn value(&mut self, text: &'a str) -> Result<String, Error> {
        let text = text.trim_start();
        if text.is_empty() {
            return Ok(String::new());
        }
        for quote in ["\"\"\"", "`"] {
            if let Some(inside) = text.strip_prefix(quote)
                && (quote == "`" || text.len() > 3)
            {
                return match inside.rfind(quote) {
                    Some(end) => Ok(inside[..end].to_owned()),
                    None => self.lines_up_to(inside, quote),
                };
            }
        }
        let text = text.trim();
        if let Some(start) = text.strip_suffix('\\') {
            return Ok(self.continued(start));
        }
        let (text, comment) = text.split_at(text.find(['#', ';']).unwrap_or(text.len()));
        self.comment.push_str(comment);
        Ok(unquoted(text.trim()).to_owned())
    }

    /// Reads the rest of a quoted value that ends on a later line.
    fn lines_up_to(&mut self, first: &str, quote: &str) -> Result<String, Error> {
        let mut value = first.to_owned();
        while let Some(line) = self.next() {
            let end = line.rfind(quote).filter(|end| {
                !line[end + quote.len()..].trim_end_matches(['\r', '\n']).trim().ends_with('\\')
            });
            let Some(end) = end else {
                value.push_str(line);
                continue;
            };
            value.push_str(&line[..end]);
            if let Some(at) = line[end..].find(['#', ';']) {
                self.comment.push_str(line[end + at..].trim());
            }
            return Ok(value);
        }
        Err(self.wrong("the quote around a value is not closed"))
    }

    /// Reads the rest of a value whose lines end with a backslash.
    fn continued(&mut self, first: &str) -> String {
        let mut value = first.to_owned();
        while let Some(line) = self.next().map(str::trim).filter(|line| !line.is_empty()) {
            value.push_str(line);
            match value.strip_suffix('\\') {
                Some(start) => value.truncate(start.len()),
                None => break,
            }
        }
        value
    }
}

/// Removes the quotes around a text, unless there are quotes inside.
fn unquoted(text: &str) -> &str {
    for quote in ['\'', '"'] {
        if let Some(inside) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote))
            && !inside.contains(quote)
        {
            return inside;
        }
    }
    text
}

pub(super) fn write(document: &Branch) -> Result<Hidden, Error> {
    let mut out = Vec::new();
    let sections: Vec<(&str, &Value)> = document.entries().collect();
    for (number, (name, section)) in sections.iter().enumerate() {
        let Value::Map(section) = section else {
            return Err(Error::file("an INI file holds sections only").at_key(*name));
        };
        let (comment, items) = match section.0.split_first() {
            Some((Item::Comment(comment), rest)) => (Some(comment), rest),
            _ => (None, &section.0[..]),
        };
        if let Some(comment) = comment {
            write_comment(&mut out, comment.text.bytes(), false);
        }
        let keys = keys(items)?;
        if number > 0 || !name.eq_ignore_ascii_case(DEFAULT) {
            out.extend_from_slice(format!("[{name}]\n").as_bytes());
        } else if keys.is_empty() {
            continue;
        }
        write_keys(&mut out, &keys);
        if number + 1 < sections.len() {
            out.push(b'\n');
        }
    }
    Ok(Hidden::new(out))
}

/// A key, its value and its comment.
struct Key<'a> {
    name: &'a str,
    value: Vec<u8>,
    comment: &'a [u8],
}

fn keys(items: &[Item]) -> Result<Vec<Key<'_>>, Error> {
    let mut keys: Vec<Key<'_>> = Vec::new();
    for item in items {
        match item {
            Item::Comment(comment) => {
                if let Some(key) = keys.last_mut() {
                    key.comment = comment.text.bytes();
                }
            }
            Item::Entry(name, value) => {
                let wrong = || Error::file("an INI file holds texts only").at_key(name);
                keys.push(Key { name, value: as_text(value).ok_or_else(wrong)?, comment: &[] });
            }
        }
    }
    Ok(keys)
}

fn write_keys(out: &mut Vec<u8>, keys: &[Key<'_>]) {
    let needs_quotes = |name: &str| name.contains(['"', '=', ':']);
    let width = keys.iter().map(|key| match key.name {
        name if needs_quotes(name) => name.len() + 2,
        name if name.contains('`') => name.len() + 6,
        name => name.len(),
    });
    let width = width.max().unwrap_or(0);
    for key in keys {
        write_comment(out, key.comment, true);
        let name = match key.name {
            name if needs_quotes(name) => format!("`{name}`"),
            name if name.contains('`') => format!("\"\"\"{name}\"\"\""),
            name => name.to_owned(),
        };
        out.extend_from_slice(name.as_bytes());
        out.resize(out.len() + width.saturating_sub(name.len()), b' ');
        out.extend_from_slice(b" = ");
        let holds = |signs: &[u8]| key.value.iter().any(|b| signs.contains(b));
        let quote: &[u8] = if holds(b"\n`") {
            b"\"\"\""
        } else if holds(b"#;") {
            b"`"
        } else if key.value.trim_ascii().len() != key.value.len() {
            b"\""
        } else {
            b""
        };
        for part in [quote, &key.value, quote, b"\n"] {
            out.extend_from_slice(part);
        }
    }
}

/// Writes each line of a comment with its comment character.
fn write_comment(out: &mut Vec<u8>, text: &[u8], trimmed: bool) {
    if text.is_empty() {
        return;
    }
    for line in text.split(|b| *b == b'\n') {
        match line {
            [sign @ (b'#' | b';'), rest @ ..] => {
                out.extend_from_slice(&[*sign, b' ']);
                out.extend_from_slice(rest.trim_ascii());
            }
            _ => {
                out.extend_from_slice(b"; ");
                out.extend_from_slice(if trimmed { line.trim_ascii() } else { line });
            }
        }
        out.push(b'\n');
    }
}
