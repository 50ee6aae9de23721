//! The rule about which values are encrypted, and the walk over a file that decrypts these and hashes all values.

use crate::cipher::{Cipher, Fault};
use crate::{Branch, Comment, Error, Hidden, Item, Value};
use keyfill_diag::Cx;
use keyfill_go::regexp::Regexp;
use keyfill_go::strconv::{Bits, Layout, format_float};
use sha2::{Digest, Sha512};
use std::fmt::Write as _;

/// The number of values between two checks of the deadline.
const UNIT: u32 = 256;

/// The first bytes that are hashed for a MAC over encrypted values only: the SHA-256 of `sops`.
const ONLY_ENCRYPTED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b,
    0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// Paths of a Kubernetes object whose values are not secret, even if they are encrypted.
const PUBLIC: [&str; 4] = ["apiVersion:", "kind:", "metadata:name:", "metadata:namespace:"];

/// Which values are encrypted, and which values the MAC covers.
pub(crate) struct Rules {
    pub(crate) rule: Rule,
    /// Whether the MAC covers encrypted values only.
    pub(crate) mac_only_encrypted: bool,
}

/// The rule of a file about which values are encrypted. It has exactly one. A match of a key also applies to all
/// values below it.
pub(crate) enum Rule {
    /// All values are encrypted except those of and below keys with this suffix.
    UnencryptedSuffix(String),
    /// Only the values of and below keys with this suffix are encrypted.
    EncryptedSuffix(String),
    /// All values are encrypted except those of and below keys that match.
    UnencryptedRegex(Regexp),
    /// Only the values of and below keys that match are encrypted.
    EncryptedRegex(Regexp),
    /// All values are encrypted except those that follow a comment that matches.
    UnencryptedComment(Regexp),
    /// Only values that follow a comment that matches are encrypted, and not that comment.
    EncryptedComment(Regexp),
}

impl Rule {
    fn key_matches(&self, key: &str) -> bool {
        match self {
            Self::UnencryptedSuffix(end) | Self::EncryptedSuffix(end) => key.ends_with(end.as_str()),
            Self::UnencryptedRegex(regex) | Self::EncryptedRegex(regex) => regex.is_match(key.as_bytes()),
            Self::UnencryptedComment(_) | Self::EncryptedComment(_) => false,
        }
    }

    fn comment_matches(&self, text: &[u8]) -> bool {
        match self {
            Self::UnencryptedComment(regex) | Self::EncryptedComment(regex) => regex.is_match(text),
            _ => false,
        }
    }

    /// Whether a value that matches is encrypted; else all others are.
    fn encrypts(&self) -> bool {
        matches!(self, Self::EncryptedSuffix(_) | Self::EncryptedRegex(_) | Self::EncryptedComment(_))
    }
}

/// The result of a walk over all documents.
pub(crate) struct Walked {
    /// The MAC over all values, in the form in which SOPS writes it.
    pub(crate) mac: String,
    /// The values that were encrypted, as texts, including comments.
    pub(crate) secrets: Vec<Hidden>,
}

/// Decrypts all values of all documents in place.
pub(crate) fn decrypt(
    documents: &mut [Branch],
    rules: &Rules,
    cipher: &Cipher,
    cx: &Cx,
) -> Result<Walked, Error> {
    let mut hash = Sha512::new();
    if rules.mac_only_encrypted {
        hash.update(ONLY_ENCRYPTED);
    }
    let mut walk = Walk { rules, cipher, cx, hash, path: String::new(), steps: 0, secrets: Vec::new() };
    for document in documents {
        walk.branch(document, false)?;
    }
    let mut mac = String::with_capacity(128);
    for byte in walk.hash.finalize() {
        let _ = write!(mac, "{byte:02X}");
    }
    Ok(Walked { mac, secrets: walk.secrets })
}

/// A floating point number as SOPS formats it for the hash: with all its digits, without an exponent.
pub fn float_text(number: f64) -> String {
    format_float(number, Layout::Fixed, None, Bits::B64)
}

struct Walk<'a> {
    rules: &'a Rules,
    cipher: &'a Cipher,
    cx: &'a Cx,
    hash: Sha512,
    /// The path of the current value: its keys, each followed by a colon. It is authenticated with the value.
    path: String,
    steps: u32,
    secrets: Vec<Hidden>,
}

impl Walk<'_> {
    /// Walks over a mapping. `matched`: the rule matches a key or comment above.
    fn branch(&mut self, branch: &mut Branch, matched: bool) -> Result<(), Error> {
        let mut behind_comment = false;
        for item in &mut branch.0 {
            match item {
                Item::Comment(comment) => {
                    behind_comment = self.comment_item(comment, matched, behind_comment)?;
                }
                Item::Entry(key, value) => {
                    let length = self.path.len();
                    let matched = matched || behind_comment || self.rules.rule.key_matches(key);
                    self.path.push_str(key);
                    self.path.push(':');
                    self.value(value, matched)?;
                    self.path.truncate(length);
                    behind_comment = false;
                }
            }
        }
        Ok(())
    }

    /// Walks over a comment, and returns whether the rule matches for what follows.
    fn comment_item(&mut self, comment: &mut Comment, matched: bool, behind: bool) -> Result<bool, Error> {
        let matches = self.rules.rule.comment_matches(comment.text.bytes());
        // A comment that matches `encrypted_comment_regex` is not encrypted itself; nor is one that matches
        // `unencrypted_comment_regex`.
        let counts = matched || behind || (matches && !self.rules.rule.encrypts());
        self.comment(comment, counts)?;
        Ok(behind || matches)
    }

    fn value(&mut self, value: &mut Value, matched: bool) -> Result<(), Error> {
        match value {
            Value::Null => Ok(()),
            Value::Map(branch) => self.branch(branch, matched),
            Value::List(items) => {
                let mut behind_comment = false;
                for item in items {
                    if let Value::Comment(comment) = item {
                        behind_comment = self.comment_item(comment, matched, behind_comment)?;
                    } else {
                        self.value(item, matched || behind_comment)?;
                        behind_comment = false;
                    }
                }
                Ok(())
            }
            Value::Comment(comment) => self.comment(comment, matched),
            _ => self.leaf(value, matched),
        }
    }

    fn is_encrypted(&self, matched: bool) -> bool {
        matched == self.rules.rule.encrypts()
    }

    /// Decrypts a comment. If that fails, the comment was not encrypted: older versions of SOPS did not encrypt
    /// comments.
    fn comment(&mut self, comment: &mut Comment, matched: bool) -> Result<(), Error> {
        self.step()?;
        if !self.is_encrypted(matched) {
            return Ok(());
        }
        // Only comments at the top level have an empty path.
        let context = if self.path.is_empty() { ":" } else { &self.path };
        match self.cipher.decrypt(comment.text.bytes(), context) {
            Ok(Value::Comment(plain)) => {
                self.secrets.push(plain.text.clone());
                *comment = plain;
            }
            Ok(Value::Str(plain)) => {
                // A comment that is decrypted to a text is hashed like a value, as in SOPS.
                self.hash.update(plain.bytes());
                self.secrets.push(plain.clone());
                comment.text = plain;
            }
            Ok(_) => return Err(self.fault(Fault::Type)),
            Err(_) => {}
        }
        Ok(())
    }

    fn leaf(&mut self, value: &mut Value, matched: bool) -> Result<(), Error> {
        self.step()?;
        let is_encrypted = self.is_encrypted(matched);
        if is_encrypted {
            let Value::Str(text) = &*value else { return Err(self.not_encrypted()) };
            *value = self.cipher.decrypt(text.bytes(), &self.path).map_err(|fault| self.fault(fault))?;
            self.note_secret(value);
        }
        if is_encrypted || !self.rules.mac_only_encrypted {
            self.hash_value(value);
        }
        Ok(())
    }

    /// Notes a decrypted value as secret. Booleans are excluded, since hiding `true` in messages protects nothing. So
    /// are the kind, name and namespace of an object, by which messages name it.
    fn note_secret(&mut self, value: &Value) {
        if PUBLIC.contains(&self.path.as_str()) {
            return;
        }
        match value {
            Value::Str(text) => self.secrets.push(text.clone()),
            Value::Time(text) => self.secrets.push(Hidden::new(text.as_str())),
            Value::Int(n) => self.secrets.push(Hidden::new(n.to_string())),
            Value::Float(n) => self.secrets.push(Hidden::new(float_text(*n))),
            _ => {}
        }
    }

    fn hash_value(&mut self, value: &Value) {
        match value {
            Value::Str(text) => self.hash.update(text.bytes()),
            Value::Time(text) => self.hash.update(text),
            Value::Int(n) => self.hash.update(n.to_string()),
            Value::Float(n) => self.hash.update(float_text(*n)),
            Value::Bool(b) => self.hash.update(if *b { "True" } else { "False" }),
            Value::Null | Value::Comment(_) | Value::List(_) | Value::Map(_) => {}
        }
    }

    fn step(&mut self) -> Result<(), Error> {
        self.steps = self.steps.wrapping_add(1);
        if self.steps.is_multiple_of(UNIT) { self.cx.check().map_err(Error::stopped) } else { Ok(()) }
    }

    /// The path of the current value as errors show it.
    fn place(&self) -> String {
        self.path.trim_end_matches(':').replace(':', ".")
    }

    fn fault(&self, fault: Fault) -> Error {
        match fault {
            Fault::Form => self.not_encrypted(),
            Fault::Forged => {
                Error::file("the value cannot be decrypted: it was changed, or moved from another key")
                    .hint("take the file from before the change, or set the value again with `sops edit`")
                    .at_key(self.place())
            }
            Fault::Type => {
                Error::file("the encrypted value is not of the type that it names").at_key(self.place())
            }
        }
    }

    fn not_encrypted(&self) -> Error {
        Error::file("the value should be encrypted and is not")
            .hint("encrypt it with `sops edit`, or name its key by the file's rule for what stays readable")
            .at_key(self.place())
    }
}

#[cfg(test)]
mod tests {
    use super::{Rule, Rules, decrypt};
    use crate::cipher::Cipher;
    use crate::cipher::tests::encrypt;
    use crate::{Branch, Comment, Hidden, Item, Value};
    use keyfill_diag::Cx;
    use keyfill_go::regexp::Regexp;

    const KEY: [u8; 32] = [1; 32];

    fn enc(plain: &str, context: &str) -> Value {
        Value::text(encrypt(&KEY, plain, "str", context))
    }

    fn entry(key: &str, value: Value) -> Item {
        Item::Entry(key.into(), value)
    }

    fn run(rule: Rule, items: Vec<Item>) -> Result<Branch, crate::Error> {
        let cipher = Cipher::new(&Hidden::new(KEY)).expect("a key");
        let mut documents = [Branch(items)];
        let rules = Rules { rule, mac_only_encrypted: false };
        decrypt(&mut documents, &rules, &cipher, &Cx::default())?;
        let [document] = documents;
        Ok(document)
    }

    fn regex(text: &str) -> Regexp {
        Regexp::compile(text.as_bytes()).expect("it compiles")
    }

    #[test]
    fn a_rule_about_a_key_applies_to_all_values_below_it() {
        let inner = Branch(vec![entry("b", Value::text("open")), entry("n", Value::Null)]);
        let items = vec![entry("a_unencrypted", Value::Map(inner)), entry("c", enc("hush", "c:"))];
        let plain = run(Rule::UnencryptedSuffix("_unencrypted".into()), items).expect("it can be decrypted");
        assert!(plain.get("c") == Some(&Value::text("hush")));
        let list = Value::List(vec![enc("x", "data:"), enc("y", "data:")]);
        let items = vec![entry("data", list), entry("kind", Value::text("open"))];
        let plain = run(Rule::EncryptedRegex(regex("^data$")), items).expect("it can be decrypted");
        assert!(plain.get("data") == Some(&Value::List(vec![Value::text("x"), Value::text("y")])));
    }

    #[test]
    fn a_rule_about_a_comment_applies_to_the_value_that_follows() {
        let comment = |text: &str| Item::Comment(Comment { text: Hidden::new(text), inline: false });
        let items = vec![
            entry("a", Value::text("open")),
            comment(" sops:enc"),
            entry("b", enc("hush", "b:")),
            entry("c", Value::text("open")),
        ];
        let plain = run(Rule::EncryptedComment(regex("sops:enc")), items).expect("it can be decrypted");
        assert!(plain.get("b") == Some(&Value::text("hush")));
    }

    #[test]
    fn errors_name_the_key_and_no_value() {
        let items = vec![entry("a", Value::Map(Branch(vec![entry("b", Value::text("hush"))])))];
        let error = run(Rule::EncryptedSuffix("b".into()), items).expect_err("it is not encrypted");
        assert!(error.to_string().contains("a.b") && !error.to_string().contains("hush"), "{error}");
        let items = vec![entry("a", enc("hush", "b:"))];
        let error = run(Rule::UnencryptedSuffix("_u".into()), items).expect_err("it stood elsewhere");
        assert!(error.to_string().contains("moved from another key"), "{error}");
    }
}
