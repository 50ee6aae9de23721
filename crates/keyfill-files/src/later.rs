//! The content of a file, read on demand.

use crate::FileError;
use bytes::Bytes;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A file whose content is read once, when it is first asked for. Clones share the content.
#[derive(Clone)]
pub struct Later(Arc<Inner>);

struct Inner {
    len: u64,
    content: OnceLock<Result<Bytes, FileError>>,
    read: Option<Box<Read>>,
}

type Read = dyn Fn() -> Result<Bytes, FileError> + Send + Sync;

impl Later {
    /// Content of about `len` bytes, which `read` returns.
    pub fn new(len: u64, read: impl Fn() -> Result<Bytes, FileError> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner { len, content: OnceLock::new(), read: Some(Box::new(read)) }))
    }

    /// The length that the file had when it was found.
    pub fn len(&self) -> u64 {
        self.0.len
    }

    /// Whether the file was found empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The content, which is read now if it was not read before.
    pub fn get(&self) -> Result<Bytes, FileError> {
        self.look().cloned().map_err(FileError::clone)
    }

    /// The content; empty if it could not be read, and [`Self::error`] returns the reason.
    pub fn bytes(&self) -> &[u8] {
        self.look().map_or(&[], |content| content)
    }

    fn look(&self) -> Result<&Bytes, &FileError> {
        let read = || self.0.read.as_ref().map_or_else(|| Ok(Bytes::new()), |read| read());
        self.0.content.get_or_init(read).as_ref()
    }

    /// Why the content could not be read; `None` if it was read or not yet asked for.
    pub fn error(&self) -> Option<&FileError> {
        self.0.content.get()?.as_ref().err()
    }
}

impl From<Bytes> for Later {
    fn from(content: Bytes) -> Self {
        let len = content.len() as u64;
        Self(Arc::new(Inner { len, content: OnceLock::from(Ok(content)), read: None }))
    }
}

impl fmt::Debug for Later {
    /// Only the length, since files may contain secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Later;
    use crate::{FileError, FileErrorKind, TreePath};
    use bytes::Bytes;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn reads_once_and_only_when_asked() {
        let reads = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&reads);
        let later = Later::new(1, move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(Bytes::from_static(b"x"))
        });
        let clone = later.clone();
        assert_eq!(reads.load(Ordering::Relaxed), 0);
        assert_eq!((&later.get().unwrap()[..], clone.bytes()), (&b"x"[..], &b"x"[..]));
        assert_eq!(reads.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn keeps_the_error() {
        let gone = Later::new(1, || Err(FileError::new(&TreePath::root(), FileErrorKind::NotFound)));
        assert!(gone.error().is_none());
        assert!(gone.get().is_err() && gone.error().is_some());
    }
}
