//! Secret text and bytes: they cannot be printed, and their memory is overwritten with zeros when they are dropped.

use std::fmt;
use zeroize::Zeroizing;

/// A secret text: a token, a password, a value read from a store.
///
/// It has no Display, and Debug does not show the text. Code that needs the text calls [`Secret::expose`], so that
/// every such place can be found by that name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Never put it into an error, a log or a file that others can read.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Secret bytes that need not be UTF-8, for example a keystore. Like the text of a [`Secret`], they are not printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Wraps bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes themselves. Never put them into an error, a log or a file that others can read.
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
    fn debug_output_does_not_contain_the_text() {
        assert_eq!(
            format!("{:?} {:#?}", Secret::new("hush"), Some(Secret::new("hush"))),
            "Secret(..) Some(\n    Secret(..),\n)"
        );
    }
}
