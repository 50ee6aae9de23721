//! A frame: four bytes of length in little endian, and the content.

use zeroize::Zeroizing;

/// Bytes of the length before a frame's content.
pub(crate) const HEAD: usize = 4;

/// A frame ready to be sent. Its memory is wiped when it goes: frames may hold secrets.
#[derive(Clone, Default)]
pub struct Frame(Zeroizing<Vec<u8>>);

impl Frame {
    /// Builds a frame from what `write` appends to the buffer that it is handed.
    pub fn build<E>(write: impl FnOnce(Vec<u8>) -> Result<Vec<u8>, E>) -> Result<Self, E> {
        let mut bytes = write(vec![0; HEAD])?;
        // A frame beyond 4 GiB cannot be: the bounds of both sides are far below.
        let length = u32::try_from(bytes.len() - HEAD).unwrap_or(u32::MAX);
        bytes[..HEAD].copy_from_slice(&length.to_le_bytes());
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// A frame of this content.
    pub fn new(content: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(HEAD + content.len());
        bytes.extend_from_slice(&u32::try_from(content.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(content);
        Self(Zeroizing::new(bytes))
    }

    /// Length and content, as they are sent.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({} bytes)", self.0.len())
    }
}

/// The length that a head says.
pub(crate) fn length(head: [u8; HEAD]) -> usize {
    u32::from_le_bytes(head) as usize
}

#[cfg(test)]
mod tests {
    use super::{Frame, HEAD, length};

    #[test]
    fn a_frame_says_its_length_and_prints_no_content() {
        let built = Frame::build(|mut bytes| {
            bytes.extend_from_slice(b"hush");
            Ok::<_, ()>(bytes)
        });
        for frame in [built.unwrap(), Frame::new(b"hush")] {
            let (head, content) = frame.bytes().split_at(HEAD);
            assert_eq!((length(head.try_into().unwrap()), content), (4, &b"hush"[..]));
            assert!(!format!("{frame:?}").contains("hush"));
        }
    }
}
