//! Base64 and base32 with the standard alphabets. Errors have the offsets that Go reports.

use std::fmt;

/// The error for text that is not base64 or base32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt {
    base: u8,
    at: usize,
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "illegal base{} data at input byte {}", self.base, self.at)
    }
}

impl std::error::Error for Corrupt {}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const PAD: u8 = b'=';
const NONE: u8 = 0xFF;

const fn values<const N: usize>(alphabet: &[u8; N]) -> [u8; 256] {
    let mut table = [NONE; 256];
    let mut i = 0;
    while i < N {
        table[alphabet[i] as usize] = i as u8;
        i += 1;
    }
    table
}

const VALUES_64: [u8; 256] = values(BASE64);
const VALUES_32: [u8; 256] = values(BASE32);

/// `base64.StdEncoding.EncodeToString`
pub fn encode64(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len().div_ceil(3) * 4);
    for chunk in data.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..4 {
            let digit = bits >> (18 - 6 * place) & 63;
            out.push(if place > chunk.len() { PAD } else { BASE64[digit as usize] });
        }
    }
    out
}

/// `base64.StdEncoding.DecodeString`. Line breaks are skipped.
pub fn decode64(text: &[u8]) -> Result<Vec<u8>, Corrupt> {
    let corrupt = |at| Corrupt { base: 64, at };
    let is_line_end = |at: usize| matches!(text.get(at), Some(b'\n' | b'\r'));
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut at, mut bits, mut have) = (0, 0_u32, 0_usize);
    while at < text.len() {
        let byte = text[at];
        at += 1;
        if byte == b'\n' || byte == b'\r' {
            continue;
        }
        let value = VALUES_64[usize::from(byte)];
        if value != NONE {
            bits = bits << 6 | u32::from(value);
            have += 1;
            if have == 4 {
                out.extend_from_slice(&bits.to_be_bytes()[1..]);
                (bits, have) = (0, 0);
            }
            continue;
        }
        if byte != PAD || have < 2 {
            return Err(corrupt(at - 1));
        }
        if have == 2 {
            while is_line_end(at) {
                at += 1;
            }
            match text.get(at) {
                None => return Err(corrupt(text.len())),
                Some(&PAD) => at += 1,
                Some(_) => return Err(corrupt(at - 1)),
            }
        }
        while is_line_end(at) {
            at += 1;
        }
        if at < text.len() {
            return Err(corrupt(at));
        }
        let bytes = (bits << (6 * (4 - have))).to_be_bytes();
        out.extend_from_slice(&bytes[1..have]);
        return Ok(out);
    }
    if have > 0 { Err(corrupt(at - have)) } else { Ok(out) }
}

/// `base32.StdEncoding.EncodeToString`
pub fn encode32(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len().div_ceil(5) * 8);
    for chunk in data.chunks(5) {
        let mut group = [0; 8];
        group[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(group);
        let digits = (chunk.len() * 8).div_ceil(5);
        for place in 0..8 {
            let digit = bits >> (35 - 5 * place) & 31;
            out.push(if place < digits { BASE32[digit as usize] } else { PAD });
        }
    }
    out
}

/// `base32.StdEncoding.DecodeString`. Line breaks are skipped, and not counted in the offset of an error.
pub fn decode32(text: &[u8]) -> Result<Vec<u8>, Corrupt> {
    let corrupt = |at| Corrupt { base: 32, at };
    let text: Vec<u8> = text.iter().copied().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    let mut out = Vec::with_capacity(text.len() / 8 * 5);
    for (index, group) in text.chunks(8).enumerate() {
        let start = index * 8;
        let (mut bits, mut digits) = (0_u64, 0);
        while digits < 8 {
            let Some(&byte) = group.get(digits) else { return Err(corrupt(text.len() - digits)) };
            let behind = text.len() - start - digits - 1;
            if byte == PAD && digits >= 2 && behind < 8 {
                if behind + digits < 7 {
                    return Err(corrupt(text.len()));
                }
                let rest = &text[start + digits + 1..];
                if let Some(k) = rest.iter().take(7 - digits).position(|&b| b != PAD) {
                    return Err(corrupt(start + digits + k));
                }
                if matches!(digits, 3 | 6) {
                    return Err(corrupt(start + digits));
                }
                break;
            }
            let value = VALUES_32[usize::from(byte)];
            if value == NONE {
                return Err(corrupt(start + digits));
            }
            bits = bits << 5 | u64::from(value);
            digits += 1;
        }
        let bytes = (bits << (5 * (8 - digits))).to_be_bytes();
        out.extend_from_slice(&bytes[3..3 + digits * 5 / 8]);
        if digits < 8 {
            // Text after the padding of the last group is ignored.
            break;
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::{decode32, decode64, encode32, encode64};

    #[test]
    fn encoded_bytes_are_decoded_to_themselves() {
        for text in ["", "f", "fo", "foo", "foob", "fooba", "foobar"] {
            assert_eq!(decode64(&encode64(text.as_bytes())).as_deref(), Ok(text.as_bytes()));
            assert_eq!(decode32(&encode32(text.as_bytes())).as_deref(), Ok(text.as_bytes()));
        }
        assert_eq!(encode64(b"foob"), b"Zm9vYg==");
        assert_eq!(encode32(b"foob"), b"MZXW6YQ=");
        assert_eq!(decode64(b"Zm9\nvYg==\r\n").as_deref(), Ok(&b"foob"[..]));
    }

    #[test]
    fn errors_name_the_offset_that_go_names() {
        let at = |text: &[u8]| decode64(text).expect_err("corrupt").at;
        assert_eq!(at(b"Zm9v!"), 4);
        assert_eq!(at(b"Zm9vYg"), 4);
        assert_eq!(at(b"Zm9vYg="), 7);
        assert_eq!(at(b"Zm9vYg==x"), 8);
        let error = decode32(b"MZXW6Y1").expect_err("corrupt");
        assert_eq!(error.to_string(), "illegal base32 data at input byte 6");
    }
}
