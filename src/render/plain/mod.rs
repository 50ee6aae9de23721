//! Plain YAML and JSON: nothing is rendered, the text is only split into documents.

mod folder;
mod manifest;

pub use folder::{Habits, folder};
pub use manifest::Content;

use crate::report::Failure;
use anyhow::Result;
use bytes::Bytes;
use keyfill_diag::{Class, Cx, Diagnostic, Stopped};
use keyfill_files::{Decrypt, Files, TreePath};
use keyfill_yaml::{Body, Document, Origin, split_stream};
use std::ops::Range;
use std::sync::Arc;

/// Documents between two checks for cancellation and the deadline.
const DOCUMENTS: usize = 1 << 10;

/// Splits a text into documents, which share its bytes.
pub fn documents(text: &Bytes, name: &str, cx: &Cx) -> Result<Vec<Document>, Stopped> {
    let name: Arc<str> = name.into();
    let mut all = Vec::new();
    for (number, part) in split_stream(text).enumerate() {
        // A document of four bytes takes about a hundred bytes of memory, so that many of them are checked against
        // the memory limit.
        if number.is_multiple_of(DOCUMENTS) {
            cx.check()?;
        }
        let mut before = text.slice(part.before);
        let mut line = part.line;
        for body in json_values(text, part.body) {
            let body = text.slice(body);
            let lines = u32::try_from(memchr::memchr_iter(b'\n', &body).count()).unwrap_or(u32::MAX);
            let origin =
                Origin { file: Some(Arc::clone(&name)), line, index: all.len() + 1, ..Origin::default() };
            all.push(Document { before, body: Body::Raw(body), origin });
            before = Bytes::from_static(b"---\n");
            line = line.saturating_add(lines);
        }
    }
    Ok(all)
}

/// The failure of a run that was stopped while a text was split into documents.
pub fn stopped(name: &str, why: Stopped) -> Failure {
    Diagnostic::error(Class::Other, format!("stopped while {name} was read: {why}")).into()
}

/// The ranges of the values in a text with several JSON objects in a row, which `kubectl` and AVP accept; any
/// other text is one value. White space before an object belongs to the object before.
fn json_values(text: &Bytes, body: Range<usize>) -> Vec<Range<usize>> {
    let bytes = &text[body.clone()];
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return vec![body];
    }
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<serde::de::IgnoredAny>();
    let mut ends = Vec::new();
    while let Some(value) = values.next() {
        if value.is_err() {
            return vec![body];
        }
        let end = values.byte_offset();
        let space = bytes[end..].len() - bytes[end..].trim_ascii_start().len();
        ends.push(body.start + end + space);
    }
    let starts = std::iter::once(body.start).chain(ends.iter().copied());
    starts.zip(ends.iter().copied()).map(|(start, end)| start..end).collect()
}

/// The text, decrypted if it is encrypted and is a manifest by its keys. Other files may be encrypted for somebody
/// else.
fn plain(text: Bytes, path: &TreePath, decrypt: &dyn Decrypt, cx: &Cx) -> Result<Bytes> {
    if !decrypt.is_encrypted(path.as_str(), &text) || Content::of_file(&text, cx) != Content::Manifest {
        return Ok(text);
    }
    let plain = decrypt.decrypt(path.as_str(), &text, cx);
    plain.map_err(|e| Failure::from(e.diagnostic().clone()).into())
}

/// Refuses binary files: YAML and JSON contain no NUL byte; an image, an archive or text in another encoding does.
pub fn refuse_binary(text: &[u8], name: &str) -> Result<()> {
    if memchr::memchr(0, text).is_some() {
        let message = if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
            format!("{name} is written in UTF-16: save it as UTF-8")
        } else {
            format!("{name} is binary, or no UTF-8 text: it is neither YAML nor JSON")
        };
        return Err(Failure::from(Diagnostic::error(Class::Render, message)).into());
    }
    Ok(())
}

/// The documents of one file, which is decrypted if it is encrypted.
pub fn file(files: &dyn Files, path: &TreePath, decrypt: &dyn Decrypt, cx: &Cx) -> Result<Vec<Document>> {
    let text = plain(files.read(path)?, path, decrypt, cx)?;
    refuse_binary(&text, path.as_str())?;
    Ok(documents(&text, path.as_str(), cx).map_err(|why| stopped(path.as_str(), why))?)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use keyfill_diag::Cx;

    #[test]
    fn a_text_of_many_documents_is_not_split_past_the_deadline() {
        let text = Bytes::from("---\n".repeat(1 << 20));
        let over = Cx::with_time(std::time::Duration::ZERO);
        assert_eq!(super::documents(&text, "x", &over).err(), Some(keyfill_diag::Stopped::Deadline));
    }

    #[test]
    fn json_objects_may_follow_each_other() {
        let text = Bytes::from_static(b"{\"a\": 1}\n{\"b\":\n 2} {}\n---\n{c: 3}\n");
        let documents = super::documents(&text, "x", &Cx::default()).unwrap();
        let lines: Vec<u32> = documents.iter().map(|d| d.origin.line).collect();
        assert_eq!(lines, [1, 2, 3, 5]);
        let output =
            String::from_utf8(crate::emit::Output::of(&documents, &Cx::default()).unwrap().to_bytes())
                .unwrap();
        assert_eq!(output, "{\"a\": 1}\n---\n{\"b\":\n 2} \n---\n{}\n---\n{c: 3}\n");
    }
}
