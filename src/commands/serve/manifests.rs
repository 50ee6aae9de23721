//! Documents as the protocol sends them: each as compact JSON, empty ones left out.

use crate::fill::scan;
use anyhow::{Context as _, Result, bail};
use keyfill_yaml::{Body, Document, Limits, Value};

/// The manifests of the documents. No manifest at all is refused unless it is allowed: Argo CD would delete
/// everything of the app.
pub fn of_documents(documents: &[Document], allow_empty: bool) -> Result<Vec<String>> {
    let mut manifests = Vec::with_capacity(documents.len());
    for document in documents {
        manifests.extend(of_document(document)?);
    }
    if manifests.is_empty() && !allow_empty {
        bail!(
            "the result is empty: Argo CD would delete everything of the app; KEYFILL_ALLOW_EMPTY=true allows it"
        );
    }
    Ok(manifests)
}

/// Documents in which nothing can be filled become what they are sent as, empty ones are left out: that is
/// done once for a rendered result, however often it is asked for.
pub fn settled(documents: Vec<Document>) -> Result<Vec<Document>> {
    let mut settled = Vec::with_capacity(documents.len());
    for document in documents {
        if scan::looks_fillable(&document.body) {
            settled.push(document);
        } else if let Some(json) = of_document(&document)? {
            settled.push(Document { body: Body::Raw(json.into()), ..document });
        }
    }
    Ok(settled)
}

/// One document's JSON. What is JSON already is kept as it is, as argocd-cmp-server does.
fn of_document(document: &Document) -> Result<Option<String>> {
    let value = match &document.body {
        Body::Raw(text) => {
            let trimmed = text.trim_ascii();
            if trimmed.starts_with(b"{") && serde_json::from_slice::<serde::de::IgnoredAny>(trimmed).is_ok() {
                return Ok(Some(String::from_utf8_lossy(trimmed).into_owned()));
            }
            keyfill_yaml::load_object(text, &Limits::default()).with_context(|| {
                let file = document.origin.file.as_deref().unwrap_or("a rendered document");
                format!("{file} (document {})", document.origin.index)
            })?
        }
        Body::Tree(node) => keyfill_yaml::resolve(node)?,
    };
    if value == Value::Null {
        return Ok(None);
    }
    Ok(Some(String::from_utf8(keyfill_yaml::to_json(&value))?))
}

#[cfg(test)]
mod tests {
    use super::of_documents;
    use crate::render::plain;
    use bytes::Bytes;

    #[test]
    fn documents_become_json() {
        let text =
            "b: 1\na: <x> & y\n---\n# nothing\n---\n {\"b\": 1,  \"a\": 2}\n---\nm: 1.50\nl: [1, 1e3]\n";
        let documents = plain::documents(&Bytes::from_static(text.as_bytes()), "x");
        let want =
            [r#"{"a":"\u003cx\u003e \u0026 y","b":1}"#, r#"{"b": 1,  "a": 2}"#, r#"{"l":[1,1000],"m":1.5}"#];
        assert_eq!(of_documents(&documents, false).unwrap(), want);
    }

    #[test]
    fn nothing_is_refused() {
        let documents = plain::documents(&Bytes::from_static(b"# nothing\n"), "x");
        assert!(of_documents(&documents, false).is_err());
        assert!(of_documents(&documents, true).unwrap().is_empty());
    }
}
