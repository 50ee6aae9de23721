//! `!!binary`: base64 data that is decoded into a string.

use crate::Text;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

/// Go's decoder requires padding and ignores trailing bits.
const GO: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// The string that `!!binary` data becomes in JSON: each byte that is not UTF-8 is replaced by U+FFFD. `None` if
/// the text is not base64. Line breaks in it are ignored.
pub(crate) fn decode(base64: &str) -> Option<Text> {
    let bytes = bytes(base64)?;
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        // Go replaces each invalid byte; Rust's lossy conversion replaces an incomplete character only once.
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Some(Text::from(out))
}

/// The bytes of `!!binary` data.
pub(crate) fn bytes(base64: &str) -> Option<Vec<u8>> {
    let data: Vec<u8> = base64.bytes().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    GO.decode(data).ok()
}

/// Bytes as base64, without line breaks.
pub(crate) fn encode(bytes: &[u8]) -> String {
    GO.encode(bytes)
}

/// Bytes as base64, as yaml.v3 writes them: a long text in lines of 70 characters.
pub(crate) fn encode_lines(bytes: &[u8]) -> String {
    const LINE: usize = 70;
    let base64 = encode(bytes);
    if base64.len() < LINE {
        return base64;
    }
    let mut lines = String::with_capacity(base64.len() + base64.len() / LINE + 1);
    for line in base64.as_bytes().chunks(LINE) {
        lines.extend(line.iter().copied().map(char::from));
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn data_is_decoded_as_go_decodes_it() {
        assert_eq!(decode("aGk=").as_deref(), Some("hi"));
        assert_eq!(decode("aG\nk=").as_deref(), Some("hi"));
        assert_eq!(decode("4oI=").as_deref(), Some("\u{FFFD}\u{FFFD}"));
        assert_eq!(decode("aGl="), decode("aGk="));
        assert_eq!(decode("aGk"), None);
        assert_eq!(decode("a k="), None);
    }
}
