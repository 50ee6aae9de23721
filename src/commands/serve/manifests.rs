//! Documents as the protocol sends them: each as compact JSON, empty ones left out.

use crate::emit;
use crate::fill::{Filled, scan};
use anyhow::{Context as _, Result};
use keyfill_yaml::{Body, Document, Limits, Value};
use std::sync::Arc;

/// A rendered document on its way to a manifest.
#[derive(Clone, Debug)]
pub enum Manifest {
    /// Nothing in it can be filled: it is what will be sent. That is found out once for a rendered result,
    /// however often it is asked for.
    Ready(Arc<str>),
    /// It has to be looked into.
    Open(Document),
}

/// Makes ready what can be.
pub fn make_ready(documents: Vec<Document>) -> Result<Vec<Manifest>> {
    let mut manifests = Vec::with_capacity(documents.len());
    for (index, document) in documents.into_iter().enumerate() {
        if scan::looks_fillable(&document.body) {
            manifests.push(Manifest::Open(document));
        } else if let Some(json) = of_document(&document, index == 0)? {
            manifests.push(Manifest::Ready(json.into()));
        }
    }
    Ok(manifests)
}

/// What is still to be filled.
pub fn open(manifests: &[Manifest]) -> Vec<Document> {
    let document = |manifest: &Manifest| match manifest {
        Manifest::Ready(_) => None,
        Manifest::Open(document) => Some(document.clone()),
    };
    manifests.iter().filter_map(document).collect()
}

/// All manifests, once what was open is filled. `printed_as_json` says that the fill stage printed so. No
/// manifest at all is refused unless it is allowed: Argo CD would delete everything of the app.
pub fn finish(
    manifests: &[Manifest],
    filled: Filled,
    printed_as_json: bool,
    allow_empty: bool,
) -> Result<Vec<String>> {
    let mut all = Vec::with_capacity(manifests.len());
    let mut filled = filled.documents.into_iter().zip(filled.filled);
    for (index, manifest) in manifests.iter().enumerate() {
        match manifest {
            Manifest::Ready(json) => all.push(json.to_string()),
            Manifest::Open(_) => match filled.next() {
                Some((Document { body: Body::Raw(json), .. }, true)) if printed_as_json => {
                    // The error must not carry the bytes: they hold values.
                    all.push(String::from_utf8(json.into()).map_err(|e| e.utf8_error())?);
                }
                Some((document, _)) => all.extend(of_document(&document, index == 0)?),
                // With AVP's habits an empty document is gone.
                None => {}
            },
        }
    }
    emit::refuse_empty(all.is_empty(), allow_empty)?;
    Ok(all)
}

/// One document's JSON. A stream that begins with JSON is taken for JSON until its first separator: that
/// document is kept as it is written. It is what argocd-cmp-server does with the output of a command.
fn of_document(document: &Document, first: bool) -> Result<Option<String>> {
    let value = match &document.body {
        Body::Raw(text) => {
            if first
                && document.before.trim_ascii().is_empty()
                && let Some(json) = json_text(text)
            {
                return Ok(Some(json.to_owned()));
            }
            keyfill_yaml::load_exact(text, &Limits::default()).with_context(|| {
                let file = document.origin.file.as_deref().unwrap_or("a rendered document");
                format!("{file} (document {})", document.origin.index)
            })?
        }
        Body::Tree(node) => keyfill_yaml::resolve(node)?,
    };
    if value == Value::Null {
        return Ok(None);
    }
    Ok(Some(String::from_utf8(keyfill_yaml::to_json(&value)).map_err(|e| e.utf8_error())?))
}

/// The text, trimmed, when it is a JSON object.
fn json_text(text: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(text.trim_ascii()).ok().filter(|text| text.starts_with('{'))?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok().map(|_| text)
}

#[cfg(test)]
mod tests {
    use super::{finish, make_ready, open};
    use crate::fill::Filled;
    use crate::render::plain;
    use bytes::Bytes;

    /// The manifests of a text in which nothing was filled.
    fn manifests(text: &'static str, allow_empty: bool) -> anyhow::Result<Vec<String>> {
        let ready = make_ready(plain::documents(&Bytes::from_static(text.as_bytes()), "x"))?;
        let documents = open(&ready);
        let filled = vec![false; documents.len()];
        finish(&ready, Filled { documents, filled, ..Filled::default() }, true, allow_empty)
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
        assert_eq!(manifests(text, false).unwrap(), want);
    }

    #[test]
    fn json_at_the_beginning_stays_as_it_is() {
        let text = " {\"b\": 1,  \"a\": 2}\n---\n{\"d\": 1, \"c\": 2}\n";
        assert_eq!(manifests(text, false).unwrap(), [r#"{"b": 1,  "a": 2}"#, r#"{"c":2,"d":1}"#]);
        assert_eq!(manifests("---\n{\"b\": 1, \"a\": 2}\n", false).unwrap(), [r#"{"a":2,"b":1}"#]);
        assert_eq!(manifests("{b: 1, a: 2}\n", false).unwrap(), [r#"{"a":2,"b":1}"#]);
    }

    #[test]
    fn an_empty_result_is_refused_unless_it_is_allowed() {
        assert!(manifests("# nothing\n", false).is_err());
        assert!(manifests("# nothing\n", true).unwrap().is_empty());
    }
}
