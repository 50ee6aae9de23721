//! A message on the wire: how long its content and its tail are, the content, the tail.
//!
//! The content is what both sides encode and decode. The tail is bytes that neither looks at: an archive, manifests.
//! It is sent from where it lies and received as one block, so that large bytes are not copied into a message.

use std::io;
use zeroize::Zeroizing;

/// Bytes of the two lengths before a frame's content.
pub(crate) const HEAD: usize = 8;

/// How long a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lengths {
    /// Bytes of its content.
    pub content: usize,
    /// Bytes of its tail.
    pub tail: usize,
}

/// A frame ready to be sent. Its memory is wiped when it goes: frames may hold secrets.
#[derive(Clone, Default)]
pub struct Frame(Zeroizing<Vec<u8>>);

impl Frame {
    /// Builds a frame from what `write` appends to the buffer that it is handed.
    pub fn build<E>(write: impl FnOnce(Vec<u8>) -> Result<Vec<u8>, E>) -> Result<Self, E> {
        Ok(Self(Zeroizing::new(write(vec![0; HEAD])?)))
    }

    /// A frame of this content.
    pub fn new(content: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(HEAD + content.len());
        bytes.resize(HEAD, 0);
        bytes.extend_from_slice(content);
        Self(Zeroizing::new(bytes))
    }

    /// Lengths and content, as they are sent before a tail of so many bytes.
    pub(crate) fn before(&mut self, tail: usize) -> io::Result<&[u8]> {
        let content = self.0.len().checked_sub(HEAD).ok_or(io::ErrorKind::InvalidInput)?;
        let too_long = |_| io::Error::other("a message cannot be longer than 4 GiB");
        let lengths = [u32::try_from(content).map_err(too_long)?, u32::try_from(tail).map_err(too_long)?];
        for (at, length) in self.0[..HEAD].chunks_exact_mut(4).zip(lengths) {
            at.copy_from_slice(&length.to_le_bytes());
        }
        Ok(&self.0)
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({} bytes)", self.0.len())
    }
}

/// The lengths that a head says.
pub(crate) fn lengths(head: [u8; HEAD]) -> Lengths {
    let [a, b, c, d, e, f, g, h] = head;
    let number = |bytes| u32::from_le_bytes(bytes) as usize;
    Lengths { content: number([a, b, c, d]), tail: number([e, f, g, h]) }
}

#[cfg(test)]
mod tests {
    use super::{Frame, HEAD, Lengths, lengths};

    #[test]
    fn a_frame_says_its_lengths_and_prints_no_content() {
        let built = Frame::build(|mut bytes| {
            bytes.extend_from_slice(b"hush");
            Ok::<_, ()>(bytes)
        });
        for mut frame in [built.unwrap(), Frame::new(b"hush")] {
            assert!(!format!("{frame:?}").contains("hush"));
            let (head, content) = frame.before(7).unwrap().split_at(HEAD);
            assert_eq!(lengths(head.try_into().unwrap()), Lengths { content: 4, tail: 7 });
            assert_eq!(content, b"hush");
        }
        assert!(Frame::new(b"").before(5 << 30).is_err());
    }
}
