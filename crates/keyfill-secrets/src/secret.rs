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
