//! Packets (pkt-lines) of git's protocol: four hexadecimal digits with the length, which counts them, then the bytes.

/// A packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    /// The bytes of a packet, without the length.
    Data(&'a [u8]),
    /// `0000`: the end of a message.
    Flush,
    /// `0001`: the end of a section.
    Delimiter,
    /// `0002`: the end of a response.
    End,
}

/// Takes the next packet from the front of `bytes`; `None` while it is not complete.
pub(super) fn take<'a>(bytes: &mut &'a [u8]) -> Result<Option<Packet<'a>>, &'static str> {
    let Some(digits) = bytes.get(..4) else { return Ok(None) };
    let text = std::str::from_utf8(digits).ok().filter(|t| t.bytes().all(|b| b.is_ascii_hexdigit()));
    let length =
        text.and_then(|t| usize::from_str_radix(t, 16).ok()).ok_or("it does not speak git's protocol")?;
    let (packet, used) = match length {
        0 => (Packet::Flush, 4),
        1 => (Packet::Delimiter, 4),
        2 => (Packet::End, 4),
        3 => return Err("it does not speak git's protocol"),
        _ => match bytes.get(4..length) {
            Some(data) => (Packet::Data(data), length),
            None => return Ok(None),
        },
    };
    *bytes = &bytes[used..];
    Ok(Some(packet))
}

/// Appends a line to a request, as a packet.
pub(super) fn put(into: &mut Vec<u8>, line: &str) {
    into.extend_from_slice(format!("{:04x}{line}\n", line.len() + 5).as_bytes());
}

/// A line's text without its newline.
pub(super) fn line(data: &[u8]) -> &[u8] {
    data.strip_suffix(b"\n").unwrap_or(data)
}

#[cfg(test)]
mod tests {
    use super::{Packet, put, take};

    #[test]
    fn packets_are_taken_one_by_one() {
        let mut request = Vec::new();
        put(&mut request, "want");
        request.extend_from_slice(b"00010000000200");
        let mut rest = request.as_slice();
        assert_eq!(take(&mut rest), Ok(Some(Packet::Data(b"want\n"))));
        assert_eq!(take(&mut rest), Ok(Some(Packet::Delimiter)));
        assert_eq!(take(&mut rest), Ok(Some(Packet::Flush)));
        assert_eq!(take(&mut rest), Ok(Some(Packet::End)));
        assert_eq!(take(&mut rest), Ok(None));
        assert_eq!(take(&mut &b"0009ab"[..]), Ok(None), "the rest is still to come");
    }

    #[test]
    fn what_is_no_packet_is_an_error() {
        for text in ["<html", "0003", "+123", "00zz"] {
            assert!(take(&mut text.as_bytes()).is_err(), "{text}");
        }
    }
}
