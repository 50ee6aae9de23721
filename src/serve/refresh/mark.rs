//! A mark tells one version of a secret from another: a version number, or a keyed hash of the values.

use anyhow::{Context as _, Result};
use keyfill_secrets::{Error, Keys, SecretData, SecretValue};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Identifies what an app was given of a secret, or what the store has now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// The store has no such secret, and the app was rendered without it.
    Absent,
    /// The version number of a store that counts versions.
    Version(u64),
    /// A hash of the values, for a store that counts no versions. Its key never leaves this process.
    Hash([u8; 16]),
}

/// Makes marks.
pub struct Marks(Zeroizing<[u8; 32]>);

impl Marks {
    /// Makes marks with a new random key.
    pub fn new() -> Result<Self> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key).context("cannot get random bytes")?;
        Ok(Self(key))
    }

    /// The mark of an answer of which an app needs these keys; `None` if the read failed.
    pub fn of(&self, keys: &Keys, answer: &Result<Arc<SecretData>, Error>) -> Option<Mark> {
        match answer {
            Ok(data) => Some(data.version().map_or_else(|| self.hash(keys, data), Mark::Version)),
            Err(error) if error.is_absent() => Some(Mark::Absent),
            Err(_) => None,
        }
    }

    fn hash(&self, keys: &Keys, data: &SecretData) -> Mark {
        let mut inner = Sha256::new_with_prefix(self.0.as_slice());
        let is_wanted = |key: &str| match keys {
            Keys::All => true,
            Keys::These(names) => names.contains(key),
        };
        for (key, value) in data.iter().filter(|(key, _)| is_wanted(key)) {
            add(&mut inner, b'k', key.as_bytes());
            add_value(&mut inner, value);
        }
        // Hashed twice with the key, as HMAC does, to prevent length extension.
        let outer = Sha256::new_with_prefix(self.0.as_slice()).chain_update(inner.finalize()).finalize();
        let mut short = [0; 16];
        short.copy_from_slice(&outer[..16]);
        Mark::Hash(short)
    }
}

fn add(hash: &mut Sha256, kind: u8, bytes: &[u8]) {
    hash.update([kind]);
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

/// Recursion is bounded: values nest no deeper than a store's answer may.
fn add_value(hash: &mut Sha256, value: &SecretValue) {
    match value {
        SecretValue::Null => add(hash, b'0', &[]),
        SecretValue::Bool(is_true) => add(hash, b'b', &[u8::from(*is_true)]),
        SecretValue::Number(text) => add(hash, b'n', text.expose().as_bytes()),
        SecretValue::Str(text) => add(hash, b's', text.expose().as_bytes()),
        SecretValue::Bytes(bytes) => add(hash, b'y', bytes.expose()),
        SecretValue::List(items) => {
            add(hash, b'l', &(items.len() as u64).to_le_bytes());
            items.iter().for_each(|item| add_value(hash, item));
        }
        SecretValue::Map(entries) => {
            add(hash, b'm', &(entries.len() as u64).to_le_bytes());
            for (key, value) in entries {
                add(hash, b'k', key.as_bytes());
                add_value(hash, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Mark, Marks};
    use keyfill_secrets::{Error, Keys, SecretData};
    use std::sync::Arc;

    fn data(json: &str) -> Result<Arc<SecretData>, Error> {
        SecretData::from_json(json, "it").map(Arc::new)
    }

    #[test]
    fn a_hash_changes_with_the_keys_that_an_app_needs_and_with_no_others() {
        let marks = Marks::new().expect("random bytes");
        let of = |keys: &Keys, json| marks.of(keys, &data(json)).expect("an answer");
        let (all, one) = (Keys::All, Keys::from_iter(["a"]));
        let first = of(&all, r#"{"a": "1", "b": "2"}"#);
        assert_eq!(first, of(&all, r#"{"b": "2", "a": "1"}"#));
        for other in
            [r#"{"a": 1, "b": "2"}"#, r#"{"a": "1"}"#, r#"{"a": "1", "b": ["2"]}"#, r#"{"a": "12", "b": ""}"#]
        {
            assert_ne!(first, of(&all, other), "{other}");
        }
        assert_eq!(of(&one, r#"{"a": "1", "b": "2"}"#), of(&one, r#"{"a": "1", "b": "3"}"#));
        let other_key = Marks::new().expect("random bytes");
        assert_ne!(Some(first), other_key.of(&all, &data(r#"{"a": "1", "b": "2"}"#)));
    }

    #[test]
    fn an_absent_secret_has_a_mark_and_a_failed_read_has_none() {
        let marks = Marks::new().expect("random bytes");
        let error = |absent| Error::relayed(keyfill_diag::Class::Missing, "none".to_owned(), None, absent);
        assert_eq!(marks.of(&Keys::All, &Err(error(true))), Some(Mark::Absent));
        assert_eq!(marks.of(&Keys::All, &Err(error(false))), None);
    }
}
