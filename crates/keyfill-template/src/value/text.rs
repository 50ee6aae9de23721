//! A Go string: bytes that need not be UTF-8, cheap to clone.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::sync::Arc;

/// The most bytes of a string that is stored without an allocation.
const INLINE: usize = 22;

/// From this number of bytes on, a `Vec` is kept: copying it would cost more than the second pointer.
const KEPT_AS_IT_IS: usize = 64 << 10;

/// A string as in Go: any bytes, shared when cloned. Short strings are stored inline.
///
/// Compared and ordered by bytes, as in Go.
#[derive(Clone)]
pub struct Str(Repr);

#[derive(Clone)]
enum Repr {
    Inline {
        len: u8,
        bytes: [u8; INLINE],
    },
    Shared(Arc<[u8]>),
    /// A large `Vec` that was not copied.
    Owned(Arc<Vec<u8>>),
    /// Bytes that another type owns, so that large files need no copy.
    Lent(Arc<dyn AsRef<[u8]> + Send + Sync>),
}

impl Str {
    /// The empty string.
    pub const EMPTY: Self = Self(Repr::Inline { len: 0, bytes: [0; INLINE] });

    /// A string of these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        if bytes.len() > INLINE {
            return Self(Repr::Shared(Arc::from(bytes)));
        }
        let mut place = [0; INLINE];
        place[..bytes.len()].copy_from_slice(bytes);
        Self(Repr::Inline { len: bytes.len() as u8, bytes: place })
    }

    /// A string of these bytes. Large ones are not copied.
    fn owned(bytes: Vec<u8>) -> Self {
        if bytes.len() < KEPT_AS_IT_IS || bytes.capacity() / 2 > bytes.len() {
            return Self::new(&bytes);
        }
        Self(Repr::Owned(Arc::new(bytes)))
    }

    /// A string of bytes that another type owns, without a copy.
    pub fn lent(holder: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        if holder.as_ref().len() <= INLINE {
            return Self::new(holder.as_ref());
        }
        Self(Repr::Lent(Arc::new(holder)))
    }

    /// A string of bytes that another type owns, and that are requested on first use: the holder may read them
    /// then.
    pub fn deferred(holder: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self(Repr::Lent(Arc::new(holder)))
    }

    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Repr::Shared(bytes) => bytes,
            Repr::Owned(bytes) => bytes,
            Repr::Lent(holder) => (**holder).as_ref(),
        }
    }

    /// The text, when the bytes are valid UTF-8.
    pub fn to_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()).ok()
    }

    /// The text, with U+FFFD for every byte that is not part of valid UTF-8 (as a Go `range` sees it).
    pub fn to_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes())
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// The bytes of memory that the string takes; 0 for bytes of another type, which may not have been read yet.
    #[inline]
    pub(crate) fn size_in_memory(&self) -> usize {
        match &self.0 {
            Repr::Inline { len, .. } => usize::from(*len),
            Repr::Shared(bytes) => bytes.len(),
            Repr::Owned(bytes) => bytes.len(),
            Repr::Lent(_) => 0,
        }
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for Str {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl From<&str> for Str {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
    }
}

impl From<String> for Str {
    fn from(text: String) -> Self {
        Self::owned(text.into_bytes())
    }
}

impl From<&[u8]> for Str {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes)
    }
}

impl<const N: usize> From<&[u8; N]> for Str {
    fn from(bytes: &[u8; N]) -> Self {
        Self::new(bytes)
    }
}

impl From<Vec<u8>> for Str {
    fn from(bytes: Vec<u8>) -> Self {
        Self::owned(bytes)
    }
}

impl From<Cow<'_, str>> for Str {
    fn from(text: Cow<'_, str>) -> Self {
        Self::new(text.as_bytes())
    }
}

impl AsRef<[u8]> for Str {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

// Sound with `Ord`, `Eq` and `Hash` below: all of them compare the bytes.
impl Borrow<[u8]> for Str {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for Str {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Str {}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Str {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialOrd for Str {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Str {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl std::hash::Hash for Str {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for Str {
    /// The length only: strings of templates may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "string of {} bytes", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::{INLINE, Str};

    #[test]
    fn short_and_long_strings_behave_the_same() {
        let long = "x".repeat(INLINE + 1);
        assert_eq!(Str::from(long.as_str()).to_str(), Some(long.as_str()));
        let (a, b) = (Str::from("a"), Str::from("b"));
        assert!(a < b);
        assert_eq!(Str::new(b"\xff").to_str(), None);
        assert_eq!(size_of::<Str>(), 24);
    }
}
