//! Finds out whether a file or document is a manifest, or something else with a manifest's file name.
//!
//! Folders of manifests also contain CI files, values, playbooks and templates of other tools. A manifest is a
//! mapping whose `apiVersion` and `kind` are texts.

use super::documents;
use crate::fill::scan;
use bytes::Bytes;
use keyfill_diag::Cx;
use keyfill_yaml::{Body, Document, Limits, Value, load_object};

/// The type of a document. The type of a file with several documents is the last one of theirs in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// Only comments, or empty.
    Nothing,
    /// Something other than a manifest.
    Other,
    /// A template from which another tool makes a manifest.
    Template,
    /// Not a manifest, but with a placeholder, for example a chart's values file.
    Values,
    /// Meant to be a manifest but invalid, with the reason.
    Broken(String),
    /// A manifest.
    Manifest,
}

impl Content {
    /// The type of a whole file. If the run is stopped meanwhile, the result is meaningless; the next check
    /// reports it.
    pub fn of_file(text: &Bytes, cx: &Cx) -> Self {
        documents(text, "", cx).map_or(Self::Other, |documents| Self::of_documents(&documents, cx))
    }

    /// The type of a file with these documents.
    pub fn of_documents(documents: &[Document], cx: &Cx) -> Self {
        documents.iter().map(|document| Self::of_document(document, cx)).max().unwrap_or(Self::Nothing)
    }

    /// Whether one of a file's documents is a template of another tool, so that the whole file is one.
    pub fn is_partly_template(text: &Bytes, cx: &Cx) -> bool {
        let is_one = |document: &Document| Self::of_document(document, cx) == Self::Template;
        is_template(text) && documents(text, "", cx).is_ok_and(|documents| documents.iter().any(is_one))
    }

    /// The type of one document.
    pub fn of_document(document: &Document, cx: &Cx) -> Self {
        match &document.body {
            Body::Raw(text) => of_text(text, cx),
            Body::Tree(_) => Self::Manifest,
        }
    }

    /// Why a document is not a manifest; `None` for a manifest or an empty document.
    pub fn complaint(&self) -> Option<&str> {
        match self {
            Self::Nothing | Self::Manifest => None,
            Self::Other => Some("it has no apiVersion and no kind"),
            Self::Template => Some("it is no valid YAML, and looks like a template of another tool"),
            Self::Values => Some("it holds a placeholder, and has no apiVersion and no kind"),
            Self::Broken(why) => Some(why),
        }
    }
}

fn of_text(text: &[u8], cx: &Cx) -> Content {
    if let Some(text) = of_utf_16(text) {
        // kubectl reads UTF-16, but keyfill does not. A manifest in UTF-16 is an error, since it must not be
        // ignored silently.
        let is_meant = begins_line(text.as_bytes(), "apiVersion") && begins_line(text.as_bytes(), "kind");
        let is_meant = is_meant || scan::holds_placeholder(text.as_bytes());
        let why = "it is written in UTF-16: save it as UTF-8".to_owned();
        return if is_meant { Content::Broken(why) } else { Content::Other };
    }
    let looks_like_manifest = begins_line(text, "apiVersion") && begins_line(text, "kind");
    if looks_like_manifest && !is_template(text) {
        // The text is not parsed here: the fill stage and Argo CD report syntax errors.
        return Content::Manifest;
    }
    let holds_placeholder = scan::holds_placeholder(text);
    let value = match load_object(text, &Limits::from(cx)) {
        Ok(value) => value,
        Err(_) if looks_like_manifest => return Content::Template,
        Err(error) if holds_placeholder && !is_template(text) => {
            return Content::Broken(format!("it is not valid YAML: {}", error.message()));
        }
        Err(_) => return Content::Other,
    };
    let has = |key: &str| value.get(key).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    match (has("apiVersion"), has("kind")) {
        _ if value == Value::Null => Content::Nothing,
        (true, true) => Content::Manifest,
        (true, false) if value.get("metadata").is_some() => {
            Content::Broken("it has an apiVersion and no kind".to_owned())
        }
        (false, true) if value.get("metadata").is_some() => {
            Content::Broken("it has a kind and no apiVersion".to_owned())
        }
        _ if holds_placeholder => Content::Values,
        _ => Content::Other,
    }
}

/// Decodes bytes that begin with a byte order mark of UTF-16.
fn of_utf_16(bytes: &[u8]) -> Option<String> {
    let (low, high, rest) = match bytes {
        [0xff, 0xfe, rest @ ..] => (0, 1, rest),
        [0xfe, 0xff, rest @ ..] => (1, 0, rest),
        _ => return None,
    };
    let units = rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[low], pair[high]]));
    Some(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

/// Whether a line begins with the key, plain or in quotes, as in a manifest in block style.
fn begins_line(text: &[u8], key: &str) -> bool {
    memchr::memmem::find_iter(text, key.as_bytes()).any(|at| {
        let quote = text[..at].last().copied().filter(|c| matches!(c, b'"' | b'\''));
        let (start, mut rest) = (at - usize::from(quote.is_some()), &text[at + key.len()..]);
        if let Some(quote) = quote {
            let Some(inner) = rest.strip_prefix(&[quote]) else { return false };
            rest = inner;
        }
        let is_first = start == 0 || text[start - 1] == b'\n' || text[..start] == *"\u{feff}".as_bytes();
        let value = rest.trim_ascii_start().strip_prefix(b":");
        let has_value = value.is_some_and(|value| {
            let line = value.split(|c| *c == b'\n').next().unwrap_or_default().trim_ascii();
            !line.is_empty() && !line.starts_with(b"#")
        });
        is_first && has_value
    })
}

/// Whether a text is most likely a template of Jinja, Go or the like.
fn is_template(text: &[u8]) -> bool {
    [&b"{{"[..], b"{%"].iter().any(|mark| memchr::memmem::find(text, mark).is_some())
}

#[cfg(test)]
mod tests {
    use super::{Content, of_text};
    use bytes::Bytes;
    use keyfill_diag::Cx;

    #[test]
    fn a_manifest_has_an_api_version_and_a_kind() {
        for text in [
            "apiVersion: v1\nkind: ConfigMap\n",
            "# c\r\nkind: ConfigMap\r\napiVersion: v1\r\n",
            "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": []}",
            "{\n\"kind\": \"A\",\n\"apiVersion\": \"v1\"\n}",
            "\"kind\": A\n'apiVersion': v1\n",
            "\u{feff}apiVersion: v1\nkind: A\n",
            "apiVersion : v1\nkind: A\nmetadata: {name: '{{x}}'}\n",
            "? kind\n: A\n? apiVersion\n: v1\n",
            "  kind: A\n  apiVersion: v1\n",
        ] {
            assert_eq!(of_text(text.as_bytes(), &Cx::default()), Content::Manifest, "{text}");
        }
    }

    #[test]
    fn files_of_other_tools_are_something_else() {
        for text in [
            "stages: [build]\nbuild:\n  script: [make]\n",
            "- hosts: all\n  tasks: []\n",
            "site_name: x\nmarkdown_extensions:\n- x: !!python/name:a.b ''\n",
            "services:\n  web: {image: x}\n",
            "{\"realm\": \"x\"}",
            "{% if x %}\nkind: A\n{% endif %}\n",
            "a: {{ .Values.x }}\n",
            "kind: pipeline\ntype: docker\n",
            "kindly: 1\napiVersions: 2\n",
            "apiVersion: v2\nname: chart\nversion: 0.1.0\n",
            "plain text",
            "\"open",
            "- op: replace\n  path: /kind\n",
            "kind:\napiVersion:\n",
        ] {
            assert_eq!(of_text(text.as_bytes(), &Cx::default()), Content::Other, "{text}");
        }
        for text in ["", "# only a comment\n", "---\n", "null"] {
            assert_eq!(of_text(text.as_bytes(), &Cx::default()), Content::Nothing, "{text}");
        }
    }

    #[test]
    fn what_is_meant_to_be_a_manifest_is_told_from_what_is_not() {
        for text in [
            "kind: A\nmetadata: {name: x}\n",
            "apiVersion: v1\nmetadata: {name: x}\n",
            "a: <path:x#y>\nb: [\n",
        ] {
            assert!(matches!(of_text(text.as_bytes(), &Cx::default()), Content::Broken(_)), "{text}");
        }
        for text in ["a: <path:x#y>\n", "- <path:x#y>\n"] {
            assert_eq!(of_text(text.as_bytes(), &Cx::default()), Content::Values, "{text}");
        }
        assert_eq!(
            of_text(b"apiVersion: v1\nkind: A\na: {{ b }}\n{% if %}", &Cx::default()),
            Content::Template
        );
        assert_eq!(of_text(b"a: <path:x#y>\n{% if %}", &Cx::default()), Content::Other);
    }

    #[test]
    fn a_manifest_in_utf_16_is_broken_and_other_text_in_it_is_something_else() {
        for order in [u16::to_le_bytes, u16::to_be_bytes] {
            let of = |text: &str| {
                let units = std::iter::once(0xfeff).chain(text.encode_utf16());
                let bytes: Vec<u8> = units.flat_map(order).collect();
                (
                    Content::of_file(&Bytes::from(bytes.clone()), &Cx::default()),
                    of_text(&bytes, &Cx::default()),
                )
            };
            for text in
                ["apiVersion: v1\r\nkind: A\r\n", "a: <path:x#y>\n", "a: 1\n---\napiVersion: v1\nkind: A\n"]
            {
                let found = of(text);
                assert!(matches!(found, (Content::Broken(_), Content::Broken(_))), "{text}: {found:?}");
            }
            assert_eq!(of("kind: notes\n"), (Content::Other, Content::Other));
        }
    }

    #[test]
    fn a_file_is_what_its_best_document_is() {
        let of = |text: &'static str| Content::of_file(&Bytes::from_static(text.as_bytes()), &Cx::default());
        assert_eq!(of("a: 1\n---\napiVersion: v1\nkind: A\n"), Content::Manifest);
        assert_eq!(of("a: 1\n---\nb: 2\n"), Content::Other);
        assert_eq!(of("---\n# nothing\n"), Content::Nothing);
    }
}
