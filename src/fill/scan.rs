//! Decides which documents are parsed: a few passes over bytes, far faster than parsing.
//!
//! [`looks_fillable`] never misses a document with a placeholder. It may select a document without one: that is
//! parsed, found to have no placeholders, and printed as it was read.

use super::encoded;
use super::placeholder::PATH_PREFIX;
use aho_corasick::AhoCorasick;
use keyfill_yaml::{Body, Node};
use memchr::{memchr_iter, memmem};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The domain of the annotations that AVP has.
pub const DOMAIN: &str = "avp.kubernetes.io";

/// The domain of the annotations that only keyfill has.
pub const OWN_DOMAIN: &str = "keyfill.dev";

/// The beginning of the annotations that add keys to a document even without any placeholder.
const ALL_KEYS: &str = "keyfill.dev/all-keys";

/// The beginning of a reference of vals.
pub const REFERENCE: &[u8] = b"ref+";

/// Whether a document may contain a placeholder, and has to be parsed; with `references`, also a reference of
/// vals.
pub fn looks_fillable(body: &Body, references: bool) -> bool {
    match body {
        Body::Raw(text) => text_looks_fillable(text) || references && memmem::find(text, REFERENCE).is_some(),
        Body::Tree(node) => tree_looks_fillable(node) || references && holds_reference(node),
    }
}

fn holds_reference(node: &Node) -> bool {
    match node {
        Node::Scalar(scalar) => memmem::find(scalar.text.as_bytes(), REFERENCE).is_some(),
        Node::Seq(seq) => seq.items.iter().any(holds_reference),
        Node::Map(map) => map.entries.iter().any(|entry| holds_reference(&entry.value)),
    }
}

/// The same for YAML or JSON text. It must contain `<path:` or an encoded form of it; `<` together with an
/// annotation of AVP's domain; an escaped `<`; the annotation that adds keys; or a Secret, whose `data` may
/// contain placeholders in base64.
pub fn text_looks_fillable(text: &[u8]) -> bool {
    let mut bracket = false;
    for at in memchr_iter(b'<', text) {
        if begins_path_form(&text[at + 1..]) {
            return true;
        }
        bracket = true;
    }
    let mut annotated = false;
    for hit in marks(text.len()).find_iter(text) {
        if hit.pattern().as_usize() != 0 {
            return true;
        }
        annotated = true;
    }
    (annotated && (bracket || encoded::may_hold_keys(text))) || names_secret(text)
}

/// Texts that mark a document as possibly fillable, searched in one pass. The first one, the annotations' domain,
/// is not enough by itself. The searcher is one for little text until the process has searched in
/// [`MOST_FOR_SMALL_SEARCHER`] bytes.
fn marks(length: usize) -> &'static AhoCorasick {
    static SMALL: OnceLock<AhoCorasick> = OnceLock::new();
    static LARGE: OnceLock<AhoCorasick> = OnceLock::new();
    static SEARCHED: AtomicUsize = AtomicUsize::new(0);
    const ESCAPES: [&str; 6] = ["\\u003c", "\\u003C", "\\x3c", "\\x3C", "\\U0000003c", "\\U0000003C"];
    let all = || [DOMAIN, ALL_KEYS].into_iter().chain(ESCAPES).chain(encoded::path_patterns());
    if SEARCHED.fetch_add(length, Ordering::Relaxed) + length < MOST_FOR_SMALL_SEARCHER {
        SMALL.get_or_init(|| encoded::small_searcher(all()))
    } else {
        LARGE.get_or_init(|| encoded::searcher(all()))
    }
}

/// In fewer bytes than these the search costs less than a faster searcher takes to be made.
const MOST_FOR_SMALL_SEARCHER: usize = 96 << 10;

/// Whether text contains a placeholder or one of the annotations, as far as that can be seen without parsing. This
/// is for discovery, where the text may be a template. Unlike [`looks_fillable`] it does not select every Secret.
pub fn holds_placeholder(text: &[u8]) -> bool {
    memmem::find(text, PATH_PREFIX).is_some()
        || holds_annotation(text)
        || encoded::BASE64_FORMS.iter().any(|form| memmem::find(text, form.as_bytes()).is_some())
        || memmem::find(text, ALL_KEYS.as_bytes()).is_some()
}

/// Whether `path:` follows, or a beginning of it and then an escape in a quoted scalar that may stand for the rest.
fn begins_path_form(rest: &[u8]) -> bool {
    let name = &PATH_PREFIX[1..];
    let same = rest.iter().zip(name).take_while(|(a, b)| a == b).count();
    same == name.len() || rest.get(same) == Some(&b'\\')
}

fn holds_annotation(text: &[u8]) -> bool {
    memmem::find(text, DOMAIN.as_bytes()).is_some()
}

/// `kind: Secret` in any spelling of YAML or JSON.
pub(super) fn names_secret(text: &[u8]) -> bool {
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
        || (marks.escape && marks.annotation)
        || is_secret(root)
        || items.is_some_and(|items| items.items.iter().any(is_secret))
}

/// The marks that were found in the scalars of a tree.
#[derive(Default)]
struct Marks {
    path_form: bool,
    bracket: bool,
    escape: bool,
    annotation: bool,
}

impl Marks {
    /// Walks the tree until a placeholder is found. The loader has bounded the depth.
    fn walk(&mut self, node: &Node) {
        match node {
            Node::Scalar(scalar) => self.text(scalar.text.as_bytes()),
            Node::Seq(seq) => seq.items.iter().for_each(|item| self.walk(item)),
            Node::Map(map) => {
                for entry in &map.entries {
                    let key = entry.key.text.as_str();
                    self.annotation |= key.starts_with(DOMAIN);
                    self.path_form |= key.starts_with(ALL_KEYS);
                    self.text(key.as_bytes());
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
        // The shortest encoded placeholder is `<k>` in base64.
        if text.len() >= 4 && !self.path_form {
            self.path_form |= encoded::path_forms().is_match(text);
            self.escape = self.escape || encoded::may_hold_keys(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{holds_placeholder, looks_fillable, text_looks_fillable};
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
            "url: a:%3Cpath%3Ap%23k%3E@b",
            "url: a:%253Cpath%253Ap",
            "a: &lt;path:p#k&gt;",
            "a: eDxwYXRoOnAjaz4=",
            "a: %3Ckey%3E\nmetadata: {annotations: {avp.kubernetes.io/path: p}}",
            "a: <PATH:P#K>",
            "metadata: {annotations: {keyfill.dev/all-keys: 'true'}}",
            "<path:p#k>: 1",
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
            "a: 3c, %3Cbr%3E",
            "kind: SecretStore",
            "type: Secret",
        ] {
            assert!(!text_looks_fillable(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_reference_counts_where_references_do() {
        let raw = Body::Raw("a: ref+vault://x#/k".into());
        let tree = Body::Tree(Arc::new(map(&[("a", map(&[("b", Node::string("ref+vault://x#/k"))]))])));
        for body in [raw, tree] {
            assert!(looks_fillable(&body, true) && !looks_fillable(&body, false));
        }
    }

    #[test]
    fn discovery_takes_no_plain_secret() {
        assert!(!holds_placeholder(b"kind: Secret\ndata: {a: aGk=}"));
        assert!(holds_placeholder(b"{{ x }}\na: <path:p#k>"));
        assert!(holds_placeholder(b"avp.kubernetes.io/ignore: \"true\""));
        for before in ["", "a", "ab", "abc", "abcd"] {
            let data = STANDARD.encode(format!("{before}<path:p#k>"));
            assert!(holds_placeholder(data.as_bytes()), "{before:?} {data}");
        }
    }

    fn map(entries: &[(&str, Node)]) -> Node {
        let entry = |(key, value): &(&str, Node)| Entry { key: Scalar::plain(*key), value: value.clone() };
        Node::Map(Map { entries: entries.iter().map(entry).collect(), ..Map::default() })
    }

    #[test]
    fn trees_are_scanned_alike() {
        let looked = |node: Node| looks_fillable(&Body::Tree(Arc::new(node)), false);
        assert!(looked(map(&[("a", map(&[("b", Node::string("x<path:p#k>"))]))])));
        assert!(!looked(map(&[("a", Node::string("<b>"))])));
        let annotated = ("m", map(&[("avp.kubernetes.io/path", Node::string("p"))]));
        assert!(looked(map(&[annotated.clone(), ("a", Node::string("<b>"))])));
        assert!(looked(map(&[annotated.clone(), ("a", Node::string("%3Cb%3E"))])));
        assert!(looked(map(&[("a", Node::string("{\"a\":\"\\u003cpath:p#k\\u003e\"}"))])));
        assert!(looked(map(&[("<path:p#k>", Node::string("b"))])));
        assert!(looked(map(&[("keyfill.dev/all-keys", Node::string("true"))])));
        assert!(!looked(map(&[annotated, ("a", Node::string("b"))])));
        assert!(looked(map(&[("kind", Node::string("Secret"))])));
    }
}
