//! Finds values of Secrets that are in git in plain text, for `check --plain-secrets`.
//!
//! A value is reported unless it is empty, contains a placeholder or a reference, is encrypted, or is public by
//! its nature: a certificate, a public key, the URL in a repository Secret of Argo CD. Nothing here prints a
//! value.

use super::locate::{self, Key, Token};
use super::options::{FillOptions, Sources};
use super::plan::{self, Look};
use super::problems::Precision;
use super::scan;
use crate::revealed::Revealed;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfill_diag::{Cx, ObjectRef, Place};
use keyfill_secrets::SecretBytes;
use keyfill_yaml::{Body, Document, Limits, Node, ScalarKind};
use std::sync::Arc;

/// A plain-text value of a Secret. Its Debug text does not show the value.
#[derive(Debug)]
pub struct PlainValue {
    /// The position, without the text of the line.
    pub place: Place,
    /// The Secret.
    pub object: ObjectRef,
    /// The key in the Secret's `data` or `stringData`.
    pub key: String,
    /// Length of the decoded value, in bytes.
    pub length: usize,
    /// It belongs to a test of a chart, which is not installed with a release.
    pub is_fixture: bool,
    value: SecretBytes,
}

impl PlainValue {
    /// Whether both are the same value of the same Secret, found in two renderings.
    pub fn is_same(&self, other: &Self) -> bool {
        self.key == other.key && self.object == other.object && self.value.expose() == other.value.expose()
    }
}

/// The sections of a Secret that hold values.
const SECTIONS: [&str; 2] = ["data", "stringData"];

/// The plain-text values of all Secrets among the documents. Values that were decrypted during rendering
/// (`revealed`) are encrypted in git and are not returned.
pub fn values(
    documents: &[Document],
    options: &FillOptions,
    revealed: &Revealed,
    cx: &Cx,
) -> Vec<PlainValue> {
    let limits = Limits::from(cx);
    let mut found = Vec::new();
    for document in documents.iter().take_while(|_| cx.check().is_ok()) {
        let trees: Vec<Arc<Node>> = match &document.body {
            Body::Tree(tree) => vec![Arc::clone(tree)],
            Body::Raw(text) if scan::names_secret(text) => keyfill_yaml::load_nodes(text, &limits)
                .unwrap_or_default()
                .into_iter()
                .map(Arc::new)
                .collect(),
            Body::Raw(_) => continue,
        };
        let mut look = Search { document, revealed, sources: options.sources.as_deref(), found: Vec::new() };
        for tree in &trees {
            look.object(tree, &[]);
        }
        if !look.found.is_empty() {
            found.extend(without_sites(document, look.found, options, cx));
        }
    }
    found.into_iter().map(|candidate| candidate.value).collect()
}

/// A value that may be plain text.
struct Candidate {
    path: Vec<Key>,
    value: PlainValue,
}

/// A search through one document.
struct Search<'d> {
    document: &'d Document,
    revealed: &'d Revealed,
    sources: Option<&'d dyn Sources>,
    found: Vec<Candidate>,
}

impl Search<'_> {
    fn object(&mut self, node: &Node, path: &[Key]) {
        if let Some(items) = node.get("items").and_then(Node::as_seq) {
            for (index, item) in items.items.iter().enumerate() {
                // Kubernetes has no lists inside lists.
                if path.is_empty() {
                    self.object(item, &[Key::Name("items".into()), Key::Index(index)]);
                }
            }
        }
        if node.get("kind").and_then(Node::text) != Some("Secret") {
            return;
        }
        for section in SECTIONS {
            let Some(entries) = node.get(section).and_then(Node::as_map) else { continue };
            for (key, value) in entries.iter() {
                // A key without a value is null.
                let is_null = matches!(value, Node::Scalar(scalar) if scalar.kind() == ScalarKind::Null);
                if let Some(text) = value.text().filter(|_| !is_null) {
                    let at = [Key::Name(section.into()), Key::Name(key.into())];
                    let path: Vec<Key> = path.iter().cloned().chain(at).collect();
                    self.value(node, path, key, text, section == "data");
                }
            }
        }
    }

    fn value(&mut self, secret: &Node, path: Vec<Key>, key: &str, text: &str, is_data: bool) {
        let decoded = if is_data { decode(text) } else { None };
        let value = decoded.as_deref().unwrap_or(text.as_bytes());
        let is_revealed = self.revealed.holds(text.as_bytes()) || self.revealed.holds(value);
        if is_revealed || is_no_secret(value) || is_public_entry(secret, key, value) {
            return;
        }
        let meta = |name: &str| secret.at(&["metadata", name]).and_then(Node::text).unwrap_or_default();
        let object = ObjectRef {
            kind: "Secret".into(),
            namespace: meta("namespace").into(),
            name: meta("name").into(),
        };
        let value = PlainValue {
            place: self.place(&path, text.as_bytes(), value),
            object,
            key: key.to_owned(),
            length: value.len(),
            is_fixture: is_fixture(secret),
            value: SecretBytes::new(value),
        };
        self.found.push(Candidate { path, value });
    }

    /// The position of a value: the location in its tree if that is known, else the position of its text in the
    /// source file.
    fn place(&self, path: &[Key], text: &[u8], value: &[u8]) -> Place {
        let exact = Precision { exact: true, number: self.found.len() + 1, sources: self.sources };
        let tokens = [None, Some(text), Some(value)].into_iter();
        let mut tries = tokens.map(|text| {
            let token = text.map(|text| Token { text, nth: 0 });
            locate::place(self.document, path, false, token, exact)
        });
        let first = tries.next().unwrap_or_default();
        let mut place =
            if first.line.is_some() { first } else { tries.find(|p| p.line.is_some()).unwrap_or(first) };
        // The text of the line is left out, since it contains the value.
        (place.source_line, place.width) = (None, 0);
        place
    }
}

/// Decodes base64 as in a Secret's `data`; white space is ignored.
fn decode(text: &str) -> Option<Vec<u8>> {
    let packed: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    STANDARD.decode(packed).ok()
}

/// The beginnings of encrypted values.
const ENCRYPTED: [&[u8]; 7] = [
    b"ENC[",
    b"$ANSIBLE_VAULT;",
    b"-----BEGIN AGE ENCRYPTED FILE-----",
    b"age-encryption.org/",
    b"-----BEGIN PGP MESSAGE-----",
    b"vault:v",
    b"kms:",
];

/// The beginnings of references that other tools resolve.
const REFERENCES: [&[u8]; 4] = [b"ref+", b"secretref+", b"op://", b"${"];

/// The labels of PEM blocks that are not secret.
const PUBLIC_PEM: [&str; 5] =
    ["CERTIFICATE", "TRUSTED CERTIFICATE", "CERTIFICATE REQUEST", "X509 CRL", "PUBLIC KEY"];

/// Whether a value is empty, a placeholder, a reference, encrypted, or PEM of public blocks.
fn is_no_secret(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    value.is_empty()
        || scan::holds_placeholder(value)
        || ENCRYPTED.iter().any(|mark| value.starts_with(mark))
        || REFERENCES.iter().any(|mark| value.starts_with(mark))
        || value.starts_with(b"vault:") && value.contains(&b'#')
        || is_public_pem(value)
}

/// Whether a text is PEM and all of its blocks are public.
fn is_public_pem(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let labels: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----"))
        .collect();
    text.starts_with("-----BEGIN ")
        && text.trim_end().ends_with("-----")
        && labels.iter().all(|label| PUBLIC_PEM.contains(label))
}

/// The label that marks a Secret as a repository or cluster for Argo CD. [`ARGO_CD_ENTRIES`] are the keys of such
/// Secrets that are not secret.
const ARGO_CD: &str = "argocd.argoproj.io/secret-type";
const ARGO_CD_ENTRIES: [&str; 8] =
    ["type", "url", "name", "project", "server", "namespaces", "enableOCI", "clusterResources"];

/// Whether an entry of Argo CD's Secret only describes the repository or the cluster, and is not secret.
fn is_public_entry(secret: &Node, key: &str, value: &[u8]) -> bool {
    let labels = secret.at(&["metadata", "labels"]);
    let is_argo_cd = labels.is_some_and(|labels| labels.get(ARGO_CD).is_some());
    // A URL with `@` may contain a password.
    is_argo_cd && ARGO_CD_ENTRIES.contains(&key) && !value.contains(&b'@')
}

/// Whether an object is a test of a chart: a Helm hook `test`.
fn is_fixture(object: &Node) -> bool {
    let hooks = object.at(&["metadata", "annotations"]).and_then(|all| all.get("helm.sh/hook"));
    let mut hooks = hooks.and_then(Node::text).unwrap_or_default().split(',').map(str::trim);
    hooks.any(|hook| hook.starts_with("test"))
}

/// Removes the values that keyfill fills: those with key placeholders or references of vals.
fn without_sites(
    document: &Document,
    found: Vec<Candidate>,
    options: &FillOptions,
    cx: &Cx,
) -> Vec<Candidate> {
    let Ok(plan) = plan::plan(std::slice::from_ref(document), options, Look::Fillable, cx) else {
        return found;
    };
    let sites: Vec<&[Key]> =
        plan.fillings().flat_map(|(_, filling)| &filling.sites).map(|site| &*site.path).collect();
    found.into_iter().filter(|one| !sites.iter().any(|site| one.path.starts_with(site))).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_no_secret, values};
    use crate::fill::FillOptions;
    use crate::revealed::Revealed;
    use bytes::Bytes;
    use keyfill_yaml::{Body, Document};

    fn found(text: &'static str) -> Vec<(String, usize, Option<u32>)> {
        let body = Body::Raw(Bytes::from_static(text.as_bytes()));
        let document = Document { before: Bytes::new(), body, origin: keyfill_yaml::Origin::default() };
        let options = FillOptions::default();
        let found = values(&[document], &options, &Revealed::default(), &keyfill_diag::Cx::default());
        found.into_iter().map(|value| (value.key, value.length, value.place.line)).collect()
    }

    #[test]
    fn a_value_in_plain_is_found_with_its_line_and_length() {
        let text =
            "apiVersion: v1\nkind: Secret\ndata:\n  a: aHVudGVyMg==\nstringData:\n  b: hunter22\n  c: ''\n";
        assert_eq!(found(text), [("a".to_owned(), 7, Some(4)), ("b".to_owned(), 8, Some(6))]);
    }

    #[test]
    fn other_kinds_and_empty_secrets_hold_none() {
        for text in [
            "kind: SealedSecret\nspec: {encryptedData: {a: AgBy}}\n",
            "kind: ExternalSecret\nspec: {data: [{secretKey: a}]}\n",
            "kind: Secret\ntype: kubernetes.io/service-account-token\nmetadata: {name: t}\n",
            "kind: Secret\ndata: {a: '', b: ~}\n",
            "kind: Secret\nmetadata: {annotations: {avp.kubernetes.io/path: kv/a}}\nstringData: {a: 'x<b>y'}\n",
            "kind: Secret\ndata: {a: PHBhdGg6a3YvYSNiPg==}\n",
        ] {
            assert!(found(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_token_of_a_service_account_counts() {
        let text =
            "kind: Secret\ntype: kubernetes.io/service-account-token\nstringData: {token: eyJhbGciOi}\n";
        assert_eq!(found(text).len(), 1);
    }

    #[test]
    fn secrets_of_a_list_count_and_addresses_with_users_do() {
        let list = "kind: List\nitems:\n- kind: Secret\n  stringData: {a: hunter22}\n";
        assert_eq!(found(list), [("a".to_owned(), 8, Some(4))]);
        let repository = "kind: Secret\nmetadata: {labels: {argocd.argoproj.io/secret-type: repository}}\nstringData:\n  url: https://example.com/a\n  name: b\n  password: hunter22\n";
        assert_eq!(found(repository), [("password".to_owned(), 8, Some(6))]);
    }

    #[test]
    fn what_is_encrypted_or_public_is_no_secret() {
        for value in [
            "ENC[AES256_GCM,data:x]",
            "ref+vault://kv/a#/b",
            "vault:secret/data/a#b",
            "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
            "  \n",
        ] {
            assert!(is_no_secret(value.as_bytes()), "{value}");
        }
        for value in [
            "hunter22",
            "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n",
            "<b>",
        ] {
            assert!(!is_no_secret(value.as_bytes()), "{value}");
        }
    }
}
