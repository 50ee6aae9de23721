//! Which documents are looked into at all: a few passes over bytes, far faster than parsing.
//!
//! [`looks_fillable`] never misses a document that holds a placeholder. It may take one too many: that one
//! is parsed, found without placeholders, and leaves as it came.

use super::placeholder::PATH_PREFIX;
use keyfill_yaml::{Body, Node};
use memchr::{memchr_iter, memmem};

/// The domain of all annotations that are ours.
pub const DOMAIN: &str = "avp.kubernetes.io";

/// Whether a document may hold a placeholder and has to be looked into.
pub fn looks_fillable(body: &Body) -> bool {
    match body {
        Body::Raw(text) => text_looks_fillable(text),
        Body::Tree(node) => tree_looks_fillable(node),
    }
}

/// The same for YAML or JSON text: `<path:`; `<` together with an annotation of ours; an escaped `<`;
/// or a Secret, whose `data` may hide placeholders in base64.
pub fn text_looks_fillable(text: &[u8]) -> bool {
    let mut bracket = false;
    for at in memchr_iter(b'<', text) {
        if begins_path_form(&text[at + 1..]) {
            return true;
        }
        bracket = true;
    }
    (bracket && holds_annotation(text)) || holds_escaped_bracket(text) || names_secret(text)
}

/// Whether text holds a placeholder or an annotation of ours, as far as that can be told without parsing:
/// for discovery, where the text may be a template. Unlike [`looks_fillable`] it takes no Secret whose
/// `data` holds neither.
pub fn holds_placeholder(text: &[u8]) -> bool {
    memmem::find(text, PATH_PREFIX).is_some()
        || holds_annotation(text)
        || BASE64_FORMS.iter().any(|form| memmem::find(text, form).is_some())
}

/// What base64 of `<path:` holds, whatever stands before it: one form for each place in a group of three.
const BASE64_FORMS: [&[u8]; 3] = [b"PHBhdGg6", b"xwYXRoO", b"8cGF0aD"];

/// Whether `path:` follows, or an escape in a quoted scalar that may stand for a part of it.
fn begins_path_form(rest: &[u8]) -> bool {
    let name = &PATH_PREFIX[1..];
    let same = rest.iter().zip(name).take_while(|(a, b)| a == b).count();
    same == name.len() || rest.get(same) == Some(&b'\\')
}

fn holds_annotation(text: &[u8]) -> bool {
    memmem::find(text, DOMAIN.as_bytes()).is_some()
}

/// `\u003c`, `\x3c`, `\U0000003c` in a double-quoted scalar or in JSON.
fn holds_escaped_bracket(text: &[u8]) -> bool {
    memmem::find_iter(text, b"3c").chain(memmem::find_iter(text, b"3C")).any(|at| {
        let before = &text[at.saturating_sub(8)..at];
        [&b"\\u00"[..], b"\\x", b"\\U000000"].iter().any(|escape| before.ends_with(escape))
    })
}

/// `kind: Secret` in any spelling of YAML or JSON.
fn names_secret(text: &[u8]) -> bool {
    memmem::find_iter(text, b"Secret").any(|at| {
        let follows_name = text.get(at + 6).is_some_and(u8::is_ascii_alphanumeric);
        let before = &text[at.saturating_sub(24)..at];
        !follows_name && memmem::find(before, b"kind").is_some()
    })
}

fn tree_looks_fillable(root: &Node) -> bool {
    let is_secret = |node: &Node| node.get("kind").and_then(Node::text) == Some("Secret");
    let mut marks = Marks::default();
    marks.walk(root);
    let items = root.get("items").and_then(Node::as_seq);
    marks.path_form
        || (marks.bracket && marks.annotation)
        || is_secret(root)
        || items.is_some_and(|items| items.items.iter().any(is_secret))
}

/// What the scalars of a tree hold.
#[derive(Default)]
struct Marks {
    path_form: bool,
    bracket: bool,
    annotation: bool,
}

impl Marks {
    /// Walks until the answer is settled. The loader has bounded the depth.
    fn walk(&mut self, node: &Node) {
        match node {
            Node::Scalar(scalar) => self.text(scalar.text.as_bytes()),
            Node::Seq(seq) => seq.items.iter().for_each(|item| self.walk(item)),
            Node::Map(map) => {
                for entry in &map.entries {
                    self.annotation |= entry.key.text.starts_with(DOMAIN);
                    if self.path_form {
                        return;
                    }
                    self.walk(&entry.value);
                }
            }
        }
    }

    fn text(&mut self, text: &[u8]) {
        for at in memchr_iter(b'<', text) {
            self.bracket = true;
            self.path_form |= text[at..].starts_with(PATH_PREFIX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BASE64_FORMS, holds_placeholder, looks_fillable, text_looks_fillable};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use keyfill_yaml::{Body, Entry, Map, Node, Scalar};
    use std::sync::Arc;

    #[test]
    fn text_with_a_placeholder_is_looked_into() {
        for text in [
            "a: <path:p#k>",
            "a: <key>\nmetadata: {annotations: {avp.kubernetes.io/path: p}}",
            r#"{"a": "\u003cpath:p#k>"}"#,
            r#"{"a": "\u003Ckey\u003e", "avp.kubernetes.io\/path": "p"}"#,
            r#"a: "\x3cpath:p#k>""#,
            r#"a: "\U0000003cpath:p#k>""#,
            r#"a: "<\u0070ath:p#k>""#,
            "a: \"<pa\\\n  th:p#k>\"",
            "kind: Secret\ndata: {a: PHBhdGg6cCNrPg==}",
            r#"{"kind":"Secret"}"#,
            "kind:   'Secret'",
        ] {
            assert!(text_looks_fillable(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn other_text_is_not() {
        for text in [
            "",
            "a: <b>",
            "description: kind of SecretKeyRef, or a <name>",
            "metadata: {annotations: {avp.kubernetes.io/path: p}}",
            "a: 3c",
            "kind: SecretStore",
            "type: Secret",
        ] {
            assert!(!text_looks_fillable(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn discovery_takes_no_plain_secret() {
        assert!(!holds_placeholder(b"kind: Secret\ndata: {a: aGk=}"));
        assert!(holds_placeholder(b"{{ x }}\na: <path:p#k>"));
        assert!(holds_placeholder(b"avp.kubernetes.io/ignore: \"true\""));
        for before in ["", "a", "ab", "abc", "abcd"] {
            let data = STANDARD.encode(format!("{before}<path:p#k>"));
            assert!(holds_placeholder(data.as_bytes()), "{before:?} {data} {BASE64_FORMS:?}");
        }
    }

    fn map(entries: &[(&str, Node)]) -> Node {
        let entry = |(key, value): &(&str, Node)| Entry { key: Scalar::plain(*key), value: value.clone() };
        Node::Map(Map { entries: entries.iter().map(entry).collect(), ..Map::default() })
    }

    #[test]
    fn trees_are_scanned_alike() {
        let looked = |node: Node| looks_fillable(&Body::Tree(Arc::new(node)));
        assert!(looked(map(&[("a", map(&[("b", Node::string("x<path:p#k>"))]))])));
        assert!(!looked(map(&[("a", Node::string("<b>"))])));
        let annotated = ("m", map(&[("avp.kubernetes.io/path", Node::string("p"))]));
        assert!(looked(map(&[annotated.clone(), ("a", Node::string("<b>"))])));
        assert!(!looked(map(&[annotated, ("a", Node::string("b"))])));
        assert!(looked(map(&[("kind", Node::string("Secret"))])));
    }
}
