//! A SHA-256 hash of a list of strings. Each is hashed with its length, so that no two lists give the same bytes.

use sha2::{Digest as _, Sha256};

/// The hash of the strings so far.
#[derive(Default)]
pub struct Fields(Sha256);

impl Fields {
    /// Adds a string.
    pub fn add(&mut self, field: impl AsRef<[u8]>) {
        let field = field.as_ref();
        self.0.update((field.len() as u64).to_le_bytes());
        self.0.update(field);
    }

    /// The first `N` bytes of the hash, at most 32.
    pub fn hash<const N: usize>(self) -> [u8; N] {
        const { assert!(N <= 32) };
        let mut first = [0; N];
        first.copy_from_slice(&self.0.finalize()[..N]);
        first
    }
}

#[cfg(test)]
mod tests {
    use super::Fields;

    fn hash(fields: &[&str]) -> [u8; 16] {
        let mut all = Fields::default();
        fields.iter().for_each(|field| all.add(field));
        all.hash()
    }

    #[test]
    fn different_lists_with_the_same_concatenation_have_different_hashes() {
        assert_eq!(hash(&["a", "b"]), hash(&["a", "b"]));
        for other in [&["ab"][..], &["", "ab"], &["ab", ""], &["b", "a"], &[]] {
            assert_ne!(hash(&["a", "b"]), hash(other), "{other:?}");
        }
    }
}
