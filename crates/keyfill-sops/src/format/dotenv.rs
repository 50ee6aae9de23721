//! Dotenv files: lines of `NAME=value`. A line end in a value is written as `\n`; comments are on separate lines.

use super::as_text;
use crate::{Branch, Comment, Error, Hidden, Item, Value};

pub(super) fn read(text: &[u8]) -> Result<Branch, Error> {
    let mut items = Vec::new();
    for (number, line) in text.split(|b| *b == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let at = u32::try_from(number + 1).unwrap_or(u32::MAX);
        if let [b'#', comment @ ..] = line {
            items.push(Item::Comment(Comment { text: Hidden::new(comment), inline: false }));
            continue;
        }
        let entry = line.iter().position(|b| *b == b'=').and_then(|end| {
            let key = std::str::from_utf8(&line[..end]).ok()?;
            Some(Item::Entry(key.to_owned(), Value::text(replace(&line[end + 1..], b"\\n", b"\n"))))
        });
        items.push(entry.ok_or_else(|| Error::file("the line is not of the form NAME=value").at_line(at))?);
    }
    Ok(Branch(items))
}

pub(super) fn write(document: &Branch) -> Result<Hidden, Error> {
    let mut out = Vec::new();
    for item in &document.0 {
        match item {
            Item::Comment(comment) => {
                out.push(b'#');
                out.extend_from_slice(comment.text.bytes());
            }
            Item::Entry(key, value) => {
                let text = as_text(value).ok_or_else(|| {
                    Error::file(format!("a {} cannot stand in a dotenv file", value.type_name())).at_key(key)
                })?;
                out.extend_from_slice(key.as_bytes());
                out.push(b'=');
                out.extend_from_slice(&replace(&text, b"\n", b"\\n"));
            }
        }
        out.push(b'\n');
    }
    Ok(Hidden::new(out))
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut done = 0;
    for at in memchr::memmem::find_iter(text, from) {
        out.extend_from_slice(&text[done..at]);
        out.extend_from_slice(to);
        done = at + from.len();
    }
    out.extend_from_slice(&text[done..]);
    out
}
