//! Documents as the protocol sends them: each as compact JSON, empty ones left out.

use crate::fill::{Filled, scan};
use crate::serve::orders::Text;
use anyhow::{Context as _, Result, anyhow};
use keyfill_diag::{Cx, Stopped};
use keyfill_yaml::{Body, Document, Limits, Value, Within};

/// A rendered stream: manifests that are sent as they are, and documents that are to be filled, each with its
/// number in the stream.
#[derive(Debug, Default)]
pub struct Sorted {
    /// Manifests as JSON, in which nothing can be filled. The supervisor caches them, so this is found out once for
    /// each rendering.
    pub ready: Vec<(u32, String)>,
    /// Documents in which the fill stage has to look for placeholders.
    pub open: Vec<(u32, Document)>,
}

/// Which documents go to the fill stage.
#[derive(Clone, Copy, Debug)]
pub enum Open {
    /// All documents: argocd-vault-plugin's behaviour (`--compat avp`) affects each of them.
    All,
    /// Documents in which something may be filled.
    Fillable {
        /// Whether references in the syntax of vals are filled.
        references: bool,
    },
    /// No documents: placeholders stay as they are.
    Nothing,
}

impl Open {
    fn holds(self, document: &Document) -> bool {
        match self {
            Self::All => true,
            Self::Fillable { references } => scan::looks_fillable(&document.body, references),
            Self::Nothing => false,
        }
    }
}

/// Converts the documents that need no filling to JSON, and leaves the others.
pub fn sort(documents: Vec<Document>, open: Open, cx: &Cx) -> Result<Sorted> {
    let mut sorted = Sorted::default();
    for (number, document) in (0..).zip(documents) {
        cx.check().map_err(|e| stopped(&e))?;
        if open.holds(&document) {
            sorted.open.push((number, document));
        } else if let Some(json) = of_document(document, number == 0, cx)? {
            sorted.ready.push((number, json));
        }
    }
    Ok(sorted)
}

/// The manifests of filled documents with these numbers. `printed_as_json` says that the fill stage printed JSON.
pub fn finish(numbers: &[u32], filled: Filled, printed_as_json: bool, cx: &Cx) -> Result<Vec<(u32, Text)>> {
    let mut manifests = Vec::with_capacity(numbers.len());
    // With `--compat avp` the fill stage drops empty documents, and the numbers only give the order.
    for ((document, was_filled), number) in filled.documents.into_iter().zip(filled.filled).zip(numbers) {
        cx.check().map_err(|e| stopped(&e))?;
        let json = match document {
            Document { body: Body::Raw(json), .. } if was_filled && printed_as_json => {
                Some(text_of_json(json.into())?)
            }
            document => of_document(document, *number == 0, cx)?.map(Text::new),
        };
        manifests.extend(json.map(|json| (*number, json)));
    }
    Ok(manifests)
}

/// JSON that the fill stage printed, as a string.
pub fn text_of_json(json: Vec<u8>) -> Result<Text> {
    // The error must not carry the bytes: they hold values.
    Ok(Text::new(String::from_utf8(json).map_err(|e| e.utf8_error())?))
}

fn stopped(why: &Stopped) -> anyhow::Error {
    anyhow!("stopped while manifests were written: {why}")
}

/// One document as JSON; `None` for an empty one. If the first document of a stream is JSON, it is kept byte for
/// byte, as argocd-cmp-server does with the output of a command.
fn of_document(document: Document, first: bool, cx: &Cx) -> Result<Option<String>> {
    let Document { before, body, origin } = document;
    // The text is freed before the JSON is written, so that a document of many megabytes is in memory twice, not
    // three times.
    let value = match body {
        Body::Raw(text) => {
            if first
                && before.trim_ascii().is_empty()
                && let Some(json) = json_text(&text)
            {
                return Ok(Some(json.to_owned()));
            }
            keyfill_yaml::load_exact(&keyfill_yaml::with_last_line_ended(&text), &Limits::from(cx))
                .with_context(|| {
                    let file = origin.file.as_deref().unwrap_or("a rendered document");
                    format!("{file} (document {})", origin.index)
                })?
        }
        Body::Tree(node) => keyfill_yaml::resolve(&node)?,
    };
    if value == Value::Null {
        return Ok(None);
    }
    let json = Within::run(cx, &value).written(keyfill_yaml::to_json);
    Ok(Some(String::from_utf8(json.map_err(|e| stopped(&e))?).map_err(|e| e.utf8_error())?))
}

/// The text, trimmed, when it is a JSON object.
fn json_text(text: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(text.trim_ascii()).ok().filter(|text| text.starts_with('{'))?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok().map(|_| text)
}

#[cfg(test)]
mod tests {
    use super::{Open, finish, sort};
    use crate::fill::Filled;
    use crate::render::plain;
    use bytes::Bytes;
    use keyfill_diag::Cx;

    /// The manifests of a text in which nothing was filled.
    fn manifests(text: &'static str) -> anyhow::Result<Vec<String>> {
        let documents = plain::documents(&Bytes::from_static(text.as_bytes()), "x", &Cx::default()).unwrap();
        let sorted = sort(documents, Open::Fillable { references: false }, &Cx::default())?;
        let (numbers, documents): (Vec<u32>, Vec<_>) = sorted.open.into_iter().unzip();
        let filled = vec![false; documents.len()];
        let filled =
            finish(&numbers, Filled { documents, filled, ..Filled::default() }, true, &Cx::default())?;
        let mut all = sorted.ready;
        all.extend(filled.into_iter().map(|(number, text)| (number, text.take())));
        all.sort();
        Ok(all.into_iter().map(|(_, json)| json).collect())
    }

    #[test]
    fn documents_are_converted_to_json() {
        let text = "b: 1\na: <x> & y\n---\n# nothing\n---\n {\"b\": 1,  \"a\": 2}\n---\nm: 1.50\nl: [1, 1e3]\nnum: 18446744073709551615\n---\na: <path:x#y>\n";
        let want = [
            r#"{"a":"\u003cx\u003e \u0026 y","b":1}"#,
            r#"{"a":2,"b":1}"#,
            r#"{"l":[1,1000],"m":1.5,"num":18446744073709551615}"#,
            r#"{"a":"\u003cpath:x#y\u003e"}"#,
        ];
        assert_eq!(manifests(text).unwrap(), want);
    }

    #[test]
    fn json_at_the_beginning_of_a_stream_is_kept_byte_for_byte() {
        let text = " {\"b\": 1,  \"a\": 2}\n---\n{\"d\": 1, \"c\": 2}\n";
        assert_eq!(manifests(text).unwrap(), [r#"{"b": 1,  "a": 2}"#, r#"{"c":2,"d":1}"#]);
        assert_eq!(manifests("---\n{\"b\": 1, \"a\": 2}\n").unwrap(), [r#"{"a":2,"b":1}"#]);
        assert_eq!(manifests("{b: 1, a: 2}\n").unwrap(), [r#"{"a":2,"b":1}"#]);
    }
}
