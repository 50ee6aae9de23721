//! Bech32, the encoding of age's keys: a prefix, `1`, and a character for each five bits, of which the last six are a
//! checksum.

use zeroize::Zeroizing;

const CHARACTERS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Decodes a text whose prefix is `name`, in lower case. `None` if the checksum is wrong, or upper and lower case are
/// mixed.
pub(super) fn decode(text: &str, name: &str) -> Option<Zeroizing<Vec<u8>>> {
    let has_case = |is_case: fn(&u8) -> bool| text.as_bytes().iter().any(is_case);
    if !text.is_ascii() || has_case(u8::is_ascii_lowercase) && has_case(u8::is_ascii_uppercase) {
        return None;
    }
    let lower = Zeroizing::new(text.to_ascii_lowercase());
    let data = lower.strip_prefix(name)?.strip_prefix('1')?;
    let groups = Zeroizing::new(
        data.bytes()
            .map(|b| CHARACTERS.iter().position(|c| *c == b).and_then(|at| u8::try_from(at).ok()))
            .collect::<Option<Vec<u8>>>()?,
    );
    if groups.len() < 6 || check(name, &groups) != 1 {
        return None;
    }
    bytes(&groups[..groups.len() - 6])
}

/// The checksum of a prefix and its data, which is 1 if the data are valid.
fn check(name: &str, groups: &[u8]) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let expanded = name.bytes().map(|b| b >> 5).chain([0]).chain(name.bytes().map(|b| b & 31));
    expanded.chain(groups.iter().copied()).fold(1, |sum: u32, value| {
        let top = sum >> 25;
        let shifted = (sum & 0x01ff_ffff) << 5 ^ u32::from(value);
        let picked = GENERATOR.iter().enumerate().filter(|(bit, _)| top >> bit & 1 == 1);
        picked.fold(shifted, |sum, (_, factor)| sum ^ factor)
    })
}

/// Converts groups of five bits to bytes. The remaining bits must be fewer than five, and zero.
fn bytes(groups: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(Vec::with_capacity(groups.len() * 5 / 8));
    let (mut bits, mut count) = (0u32, 0);
    for group in groups {
        bits = bits << 5 | u32::from(*group);
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count).ok()?);
            bits &= (1 << count) - 1;
        }
    }
    (count < 5 && bits == 0).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn keys_are_decoded_and_typing_errors_refused() {
        let key = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
        assert_eq!(decode(key, "age").map(|bytes| bytes.len()), Some(32));
        assert_eq!(decode(&key.to_uppercase(), "age").map(|bytes| bytes.len()), Some(32));
        for broken in
            [&key.replacen('z', "Z", 1), &key.replacen("zv", "vz", 1), &key[..40], "age1", "", "äge1"]
        {
            assert!(decode(broken, "age").is_none(), "{broken}");
        }
        assert!(decode(key, "other").is_none());
    }
}
