//! Strings and floats as Go's `encoding/json` writes them.

use crate::strconv::{Bits, Layout, format_float};

/// Whether `<`, `>` and `&` are escaped, as `json.Marshal` does and `SetEscapeHTML(false)` does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Html {
    /// Written as `\u003c`, `\u003e` and `\u0026`.
    Escaped,
    /// Written without an escape.
    Kept,
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The class of each byte: 0 needs no escape, 1 may need one, 2 needs one if HTML is escaped.
const CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 0x20 {
        table[i] = 1;
        i += 1;
    }
    table[b'"' as usize] = 1;
    table[b'\\' as usize] = 1;
    // The first byte of U+2028 and U+2029.
    table[0xE2] = 1;
    table[b'<' as usize] = 2;
    table[b'>' as usize] = 2;
    table[b'&' as usize] = 2;
    table
};

/// Appends a string with its quotes.
pub fn append_string(out: &mut Vec<u8>, text: &str, html: Html) {
    let bytes = text.as_bytes();
    let most = if html == Html::Escaped { 3 } else { 2 };
    out.push(b'"');
    let mut start = 0;
    let mut i = 0;
    while i < bytes.len() {
        let b = bytes[i];
        let class = CLASS[usize::from(b)];
        if class == 0 || class >= most {
            i += 1;
            continue;
        }
        if b == 0xE2 {
            // U+2028 and U+2029 are escaped, since they end lines in JavaScript.
            if bytes[i + 1] == 0x80 && bytes[i + 2] & 0xFE == 0xA8 {
                out.extend_from_slice(&bytes[start..i]);
                out.extend_from_slice(b"\\u202");
                out.push(HEX[usize::from(bytes[i + 2] & 0xF)]);
                start = i + 3;
            }
            i += 3;
            continue;
        }
        out.extend_from_slice(&bytes[start..i]);
        match b {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0C => out.extend_from_slice(b"\\f"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(b >> 4)]);
                out.push(HEX[usize::from(b & 0xF)]);
            }
        }
        i += 1;
        start = i;
    }
    out.extend_from_slice(&bytes[start..]);
    out.push(b'"');
}

/// A string with its quotes.
pub fn quote(text: &str, html: Html) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    append_string(&mut out, text, html);
    String::from_utf8_lossy(&out).into_owned()
}

/// A float64 as `encoding/json` writes it; `None` for NaN and the infinities, which are errors there.
pub fn float(value: f64) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    let size = value.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return Some(format_float(value, Layout::Fixed, None, Bits::B64));
    }
    let mut text = format_float(value, Layout::Exponent, None, Bits::B64);
    // Go writes e-9 instead of e-09.
    let n = text.len();
    if n >= 4 && &text[n - 4..n - 1] == "e-0" {
        text.remove(n - 2);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::{Html, float, quote};

    #[test]
    fn strings_are_escaped_as_in_go() {
        let text = "a\"b\\c\n\r\t\u{8}\u{c}\u{1}\u{7f}<>&\u{2028}\u{2029}\u{2030}é\u{1F600}";
        assert_eq!(
            quote(text, Html::Escaped),
            "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001\u{7f}\\u003c\\u003e\\u0026\\u2028\\u2029\u{2030}é\u{1F600}\""
        );
        assert_eq!(quote("<a>&", Html::Kept), "\"<a>&\"");
    }

    #[test]
    fn floats_are_written_as_in_go() {
        let f = |v| float(v).expect("finite");
        assert_eq!(f(1.0), "1");
        assert_eq!(f(-0.0), "-0");
        assert_eq!(f(1e20), "100000000000000000000");
        assert_eq!(f(1e21), "1e+21");
        assert_eq!(f(1e-6), "0.000001");
        assert_eq!(f(1e-7), "1e-7");
        assert_eq!(f(1.5e-10), "1.5e-10");
        assert_eq!(f(1_234_567.5), "1234567.5");
        assert_eq!(float(f64::NAN), None);
    }
}
