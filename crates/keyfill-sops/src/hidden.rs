//! Secret bytes, which must not be printed.

use std::fmt;
use zeroize::Zeroizing;

/// Decrypted bytes, or a key. They have no Display, Debug does not show them, and their memory is zeroed when they
/// are dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Hidden(Zeroizing<Vec<u8>>);

impl Hidden {
    /// Takes ownership of secret bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes themselves. Never put them into an error, a log or a file that others can read.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text; `None` when they are not UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden")
    }
}

#[cfg(test)]
mod tests {
    use super::Hidden;

    #[test]
    fn debug_text_shows_nothing() {
        assert_eq!(format!("{:?}", Hidden::new("hush")), "Hidden");
    }
}
