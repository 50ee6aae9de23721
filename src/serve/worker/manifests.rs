//! Documents as the protocol sends them: each as compact JSON, empty ones left out.

use crate::fill::{Filled, scan};
use crate::serve::orders::Text;
use anyhow::{Context as _, Result, anyhow};
use keyfill_diag::{Cx, Stopped};
use keyfill_yaml::{Body, Document, Limits, Value, Within};

/// A rendered stream: what will be sent as it is, and what is to be filled, each with its number in the stream.
#[derive(Debug, Default)]
pub struct Sorted {
    /// Manifests in which nothing can be filled. That is found out once for a rendered result, however often it is
    /// asked for.
    pub ready: Vec<(u32, String)>,
    /// Documents that have to be looked into.
    pub open: Vec<(u32, Document)>,
}

/// Which documents stay documents, because the fill stage looks into them.
#[derive(Clone, Copy, Debug)]
pub enum Open {
    /// All: AVP's habits concern every one.
    All,
    /// Those in which something may be filled. `references` says that those of vals are.
    Fillable {
        /// Whether references of vals are filled.
        references: bool,
    },
    /// None: placeholders stay as they are.
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

/// Sorts documents.
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

/// The manifests of filled documents, whose numbers are given. `printed_as_json` says that the fill stage printed so.
pub fn finish(numbers: &[u32], filled: Filled, printed_as_json: bool, cx: &Cx) -> Result<Vec<(u32, Text)>> {
    let mut manifests = Vec::with_capacity(numbers.len());
    // With AVP's habits an empty document is gone, and the numbers only say the order.
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

/// JSON that the fill stage printed.
pub fn text_of_json(json: Vec<u8>) -> Result<Text> {
    // The error must not carry the bytes: they hold values.
    Ok(Text::new(String::from_utf8(json).map_err(|e| e.utf8_error())?))
}

fn stopped(why: &Stopped) -> anyhow::Error {
    anyhow!("stopped while manifests were written: {why}")
}

/// One document's JSON. A stream that begins with JSON is taken for JSON until its first separator: that
/// document is kept as it is written. It is what argocd-cmp-server does with the output of a command.
fn of_document(document: Document, first: bool, cx: &Cx) -> Result<Option<String>> {
    let Document { before, body, origin } = document;
    // The text is given back before the JSON is written: one of many megabytes is then held twice, not three times.
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
    fn documents_become_json() {
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
    fn json_at_the_beginning_stays_as_it_is() {
        let text = " {\"b\": 1,  \"a\": 2}\n---\n{\"d\": 1, \"c\": 2}\n";
        assert_eq!(manifests(text).unwrap(), [r#"{"b": 1,  "a": 2}"#, r#"{"c":2,"d":1}"#]);
        assert_eq!(manifests("---\n{\"b\": 1, \"a\": 2}\n").unwrap(), [r#"{"a":2,"b":1}"#]);
        assert_eq!(manifests("{b: 1, a: 2}\n").unwrap(), [r#"{"a":2,"b":1}"#]);
    }
}
