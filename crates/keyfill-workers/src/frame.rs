//! A message as it is sent: the lengths of content and tail, four bytes each, then the content, then the tail.
//!
//! The content is a value that both sides encode and decode. The tail is bytes that are not encoded, such as an
//! archive or manifests. They are sent without a copy and received as one block.

use std::io;
use zeroize::Zeroizing;

/// The bytes of the two lengths before a frame's content.
pub(crate) const HEAD: usize = 8;

/// The lengths of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lengths {
    /// The bytes of the message's content.
    pub content: usize,
    /// The bytes of the message's tail.
    pub tail: usize,
}

/// The lengths and the content of a message, ready to be sent. Its memory is wiped on drop, since frames may hold
/// secrets.
#[derive(Clone, Default)]
pub struct Frame(Zeroizing<Vec<u8>>);

impl Frame {
    /// Builds a frame. `write` gets a buffer and returns it with the content appended.
    pub fn build<E>(write: impl FnOnce(Vec<u8>) -> Result<Vec<u8>, E>) -> Result<Self, E> {
        Ok(Self(Zeroizing::new(write(vec![0; HEAD])?)))
    }

    /// A frame with a copy of this content.
    pub fn new(content: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(HEAD + content.len());
        bytes.resize(HEAD, 0);
        bytes.extend_from_slice(content);
        Self(Zeroizing::new(bytes))
    }

    /// The lengths and the content, as they are sent before a tail of this many bytes.
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

/// Decodes the lengths of a message.
pub(crate) fn lengths(head: [u8; HEAD]) -> Lengths {
    let [a, b, c, d, e, f, g, h] = head;
    let number = |bytes| u32::from_le_bytes(bytes) as usize;
    Lengths { content: number([a, b, c, d]), tail: number([e, f, g, h]) }
}

#[cfg(test)]
mod tests {
    use super::{Frame, HEAD, Lengths, lengths};

    #[test]
    fn a_frame_holds_its_lengths_and_debug_shows_no_content() {
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
