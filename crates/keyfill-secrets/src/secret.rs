//! Text that must not be seen: it cannot print, and its memory is wiped when it goes.

use std::fmt;
use zeroize::Zeroizing;

/// A secret text: a token, a password, a value read from a store.
///
/// There is no Display, and Debug shows nothing of it. What needs the text asks for it by name, with
/// [`Secret::expose`], so that every such place can be found.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Never put it into an error, a log or a file that others can read.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Secret bytes that need be no text: a keystore, the `data` of a Secret. As hidden as a [`Secret`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes bytes over.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes themselves, with the care that [`Secret::expose`] asks for.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_text_shows_nothing() {
        assert_eq!(
            format!("{:?} {:#?}", Secret::new("hush"), Some(Secret::new("hush"))),
            "Secret(..) Some(\n    Secret(..),\n)"
        );
    }
}
