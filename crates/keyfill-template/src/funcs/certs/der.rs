//! The few encodings of DER and PEM that certificates and keys need.

use keyfill_go::base;

/// A DER value with its tag and length.
pub(super) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let len = content.len();
    if len < 0x80 {
        out.push(len as u8);
    } else {
        let bytes = len.to_be_bytes();
        let used = &bytes[bytes.iter().take_while(|&&b| b == 0).count()..];
        out.push(0x80 | used.len() as u8);
        out.extend_from_slice(used);
    }
    out.extend_from_slice(content);
    out
}

/// `SEQUENCE`
pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tagged(0x30, &parts.concat())
}

/// `INTEGER`, from the bytes of a number that is not negative.
pub(super) fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|&&b| b == 0).count();
    let digits = &bytes[zeros..];
    // A leading 1 bit would make the number negative.
    if digits.first().is_none_or(|&b| b >= 0x80) {
        return tagged(0x02, &[&[0], digits].concat());
    }
    tagged(0x02, digits)
}

/// `BIT STRING` of whole bytes.
pub(super) fn bit_string(bytes: &[u8]) -> Vec<u8> {
    tagged(0x03, &[&[0], bytes].concat())
}

/// `OBJECT IDENTIFIER`, from its encoded form.
pub(super) fn identifier(encoded: &[u8]) -> Vec<u8> {
    tagged(0x06, encoded)
}

/// A PEM block: lines of 64 characters.
pub(super) fn to_pem(label: &str, der: &[u8]) -> Vec<u8> {
    let mut out = format!("-----BEGIN {label}-----\n").into_bytes();
    for line in base::encode64(der).chunks(64) {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.extend_from_slice(format!("-----END {label}-----\n").as_bytes());
    out
}

/// The first PEM block: its label and its content.
pub(super) fn from_pem(text: &[u8]) -> Option<(String, Vec<u8>)> {
    let text = std::str::from_utf8(text).ok()?;
    let begin = text.find("-----BEGIN ")?;
    let (label, rest) = text[begin + 11..].split_once("-----")?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    // Headers, which old keys may have, end with an empty line.
    let body = match body.split_once("\n\n") {
        Some((headers, body)) if headers.contains(':') => body,
        _ => body,
    };
    let body: Vec<u8> = body.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    Some((label.to_owned(), base::decode64(&body).ok()?))
}

#[cfg(test)]
mod tests {
    use super::{from_pem, integer, tagged, to_pem};

    #[test]
    fn lengths_and_signs_are_encoded_as_der_wants() {
        assert_eq!(integer(&[0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(integer(&[0]), [2, 1, 0]);
        assert_eq!(tagged(4, &[7; 300])[..4], [4, 0x82, 1, 44]);
    }

    #[test]
    fn pem_is_decoded_to_what_was_encoded() {
        let der = vec![9; 100];
        assert_eq!(from_pem(&to_pem("X Y", &der)), Some(("X Y".into(), der)));
        assert_eq!(from_pem(b"nothing"), None);
    }
}
