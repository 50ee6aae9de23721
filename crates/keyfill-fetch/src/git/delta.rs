//! Deltas: an object described as parts of another object, its base, and new bytes.

/// Applies a delta to its base. `most` is the largest result, in bytes.
pub(super) fn apply(base: &[u8], delta: &[u8], most: usize) -> Result<Vec<u8>, &'static str> {
    const BROKEN: &str = "a delta is broken";
    let mut rest = delta;
    let base_size = size(&mut rest).ok_or(BROKEN)?;
    let result_size = size(&mut rest).ok_or(BROKEN)?;
    if base_size != base.len() as u64 {
        return Err("a delta is for another object");
    }
    let result_size =
        usize::try_from(result_size).ok().filter(|size| *size <= most).ok_or("an object is too large")?;
    let mut made = Vec::with_capacity(result_size);
    while let Some((op, after)) = rest.split_first() {
        rest = after;
        let part = if op & 0x80 != 0 {
            let offset = number(*op, 4, &mut rest).ok_or(BROKEN)?;
            let length = match number(*op >> 4, 3, &mut rest).ok_or(BROKEN)? {
                0 => 0x10000,
                length => length,
            };
            base.get(offset..).and_then(|from| from.get(..length)).ok_or(BROKEN)?
        } else {
            let length = usize::from(*op);
            if length == 0 || rest.len() < length {
                return Err(BROKEN);
            }
            let (new, after) = rest.split_at(length);
            rest = after;
            new
        };
        if made.len() + part.len() > result_size {
            return Err(BROKEN);
        }
        made.extend_from_slice(part);
    }
    if made.len() == result_size { Ok(made) } else { Err(BROKEN) }
}

/// Reads a size: groups of seven bits, the lowest first.
fn size(rest: &mut &[u8]) -> Option<u64> {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f).checked_shl(shift).filter(|_| shift < 57)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
        shift += 7;
    }
}

/// Reads a number, the lowest byte first. Only the bytes whose bit is set in `bits` are present; the others are 0.
fn number(bits: u8, bytes: u32, rest: &mut &[u8]) -> Option<usize> {
    let mut value = 0;
    for at in 0..bytes {
        if bits & (1 << at) != 0 {
            let (byte, after) = rest.split_first()?;
            *rest = after;
            value |= usize::from(*byte) << (8 * at);
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::apply;

    #[test]
    fn a_delta_copies_parts_of_its_base_and_adds_bytes() {
        // Base of 5 bytes, result of 7: copy 3 from 1, then "new!".
        let delta = [5, 7, 0x91, 1, 3, 4, b'n', b'e', b'w', b'!'];
        assert_eq!(apply(b"01234", &delta, 100).as_deref(), Ok(&b"123new!"[..]));
    }

    #[test]
    fn broken_deltas_are_errors() {
        for delta in [
            &[][..],
            &[5],
            &[4, 1, 1, b'x'],
            &[5, 3, 0x91, 4, 3],
            &[5, 1, 0],
            &[5, 1, 5, b'x'],
            &[5, 9, 1, b'x'],
            &[5, 0, 1, b'x'],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        ] {
            assert!(apply(b"01234", delta, 100).is_err(), "{delta:?}");
        }
        assert!(apply(b"01234", &[5, 0xff, 0x7f], 100).is_err(), "too large");
    }
}
