//! Classes of bytes.

/// Whether a byte is a space or a tab.
#[inline]
pub(crate) fn is_blank(b: u8) -> bool {
    b == b' ' || b == b'\t'
}

/// Length in bytes of the line break at `at`; 0 if there is none. Line breaks are LF, CR, CRLF, NEL, LS and PS.
#[inline]
pub(crate) fn is_break_at(bytes: &[u8], at: usize) -> usize {
    let get = |n: usize| bytes.get(at + n).copied().unwrap_or(0);
    match get(0) {
        b'\n' => 1,
        b'\r' => 1 + usize::from(get(1) == b'\n'),
        0xC2 if get(1) == 0x85 => 2,
        0xE2 if get(1) == 0x80 && matches!(get(2), 0xA8 | 0xA9) => 3,
        _ => 0,
    }
}

/// Whether a byte may be in the name of an anchor, a directive or a tag handle: letters, digits, `_`, `-`.
#[inline]
pub(crate) fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')
}

/// Flag of a byte that may end a run of a plain scalar in block context: white space, line breaks, `:`.
pub(crate) const PLAIN: u8 = 1;
/// Flag of a byte that may end such a run in flow context.
pub(crate) const PLAIN_FLOW: u8 = 2;

/// The flags of each byte.
pub(crate) static STOPS: [u8; 256] = {
    let mut table = [0; 256];
    let plain = [b' ', b'\t', b'\n', b'\r', b':', 0xC2, 0xE2];
    let mut i = 0;
    while i < plain.len() {
        table[plain[i] as usize] = PLAIN | PLAIN_FLOW;
        i += 1;
    }
    let flow = [b',', b'?', b'[', b']', b'{', b'}'];
    i = 0;
    while i < flow.len() {
        table[flow[i] as usize] = PLAIN_FLOW;
        i += 1;
    }
    table
};
