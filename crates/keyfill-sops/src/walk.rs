//! Which values are encrypted, and the walk that decrypts them and hashes all.

use crate::cipher::{Cipher, Fault};
use crate::{Branch, Comment, Error, Hidden, Item, Value};
use keyfill_diag::Cx;
use keyfill_go::regexp::Regexp;
use keyfill_go::strconv::{Bits, Layout, format_float};
use sha2::{Digest, Sha512};
use std::fmt::Write as _;

/// How many values are walked between two looks at the clock.
const UNIT: u32 = 256;

/// What a MAC over the encrypted values alone begins with: the SHA-256 of `sops`.
const ONLY_ENCRYPTED: [u8; 32] = [
    0x8a, 0x3f, 0xd2, 0xad, 0x54, 0xce, 0x66, 0x52, 0x7b, 0x10, 0x34, 0xf3, 0xd1, 0x47, 0xbe, 0x0b, 0x0b,
    0x97, 0x5b, 0x3b, 0xf4, 0x4f, 0x72, 0xc6, 0xfd, 0xad, 0xec, 0x81, 0x76, 0xf2, 0x7d, 0x69,
];

/// Values of a Kubernetes object that are no secrets, encrypted or not.
const PUBLIC: [&str; 4] = ["apiVersion:", "kind:", "metadata:name:", "metadata:namespace:"];

/// Which values are encrypted.
pub(crate) struct Rules {
    pub(crate) rule: Rule,
    /// Whether the MAC leaves out what is not encrypted.
    pub(crate) mac_only_encrypted: bool,
}

/// The one rule of a file. A key counts for all that stands below it.
pub(crate) enum Rule {
    /// All but what stands below a key with this end.
    UnencryptedSuffix(String),
    /// Only what stands below a key with this end.
    EncryptedSuffix(String),
    /// All but what stands below a key that matches.
    UnencryptedRegex(Regexp),
    /// Only what stands below a key that matches.
    EncryptedRegex(Regexp),
    /// All but what stands below a comment that matches, or behind it.
    UnencryptedComment(Regexp),
    /// Only what stands below a comment that matches, or behind it; not that comment.
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

    /// Whether a match means that a value is encrypted.
    fn encrypts(&self) -> bool {
        matches!(self, Self::EncryptedSuffix(_) | Self::EncryptedRegex(_) | Self::EncryptedComment(_))
    }
}

/// What a walk through all documents gave.
pub(crate) struct Walked {
    /// The MAC over all values, in the form in which SOPS writes it.
    pub(crate) mac: String,
    /// The texts that were encrypted, comments among them.
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

/// A floating point number as SOPS hashes it: all its digits, without an exponent.
pub fn float_text(number: f64) -> String {
    format_float(number, Layout::Fixed, None, Bits::B64)
}

struct Walk<'a> {
    rules: &'a Rules,
    cipher: &'a Cipher,
    cx: &'a Cx,
    hash: Sha512,
    /// The keys that lead to where the walk is, each followed by a colon: the additional data of values.
    path: String,
    steps: u32,
    secrets: Vec<Hidden>,
}

impl Walk<'_> {
    /// `matched` says whether the rule matches something above.
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

    /// A comment; returns whether the rule now matches for what follows.
    fn comment_item(&mut self, comment: &mut Comment, matched: bool, behind: bool) -> Result<bool, Error> {
        let matches = self.rules.rule.comment_matches(comment.text.bytes());
        // The comment that asks for encryption stays readable; one that asks for none counts for itself.
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

    /// One that cannot be decrypted was not encrypted: older versions of SOPS did not.
    fn comment(&mut self, comment: &mut Comment, matched: bool) -> Result<(), Error> {
        self.step()?;
        if !self.is_encrypted(matched) {
            return Ok(());
        }
        // Only comments stand at the top without a key.
        let context = if self.path.is_empty() { ":" } else { &self.path };
        match self.cipher.decrypt(comment.text.bytes(), context) {
            Ok(Value::Comment(plain)) => {
                self.secrets.push(plain.text.clone());
                *comment = plain;
            }
            Ok(Value::Str(plain)) => {
                // A text in a comment's place is hashed, as SOPS does.
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

    /// Truth values say too little to be secret, and so does what an object is and how it is called: messages
    /// name objects by that.
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

    /// The place as people read it.
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
    fn a_key_counts_for_all_below_it() {
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
    fn a_comment_counts_for_what_follows_it() {
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
