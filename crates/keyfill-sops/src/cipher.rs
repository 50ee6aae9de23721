//! One encrypted value: `ENC[AES256_GCM,data:...,iv:...,tag:...,type:...]`.

use crate::{Comment, Error, Hidden, Value};
use aes_gcm::aead::array::ArraySize;
use aes_gcm::aead::consts::{U12, U16, U32};
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Nonce, Tag};
use keyfill_go::base::decode64;
use keyfill_go::strconv;

/// The beginning of an encrypted value, before its first part.
const OPENING: &str = "ENC[AES256_GCM,data:";

/// Decrypts values with a file's data key.
pub(crate) struct Cipher {
    /// For nonces of 32 bytes, which SOPS makes. Other programs may have made shorter ones.
    long: AesGcm<Aes256, U32>,
    middle: AesGcm<Aes256, U16>,
    short: AesGcm<Aes256, U12>,
}

/// Why a value cannot be decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It does not have the form of an encrypted value.
    Form,
    /// The data key does not fit, or the value was changed or moved to another key of the file.
    Forged,
    /// The plaintext does not have the type that the value names, or that type is not known.
    Type,
}

impl Cipher {
    /// A cipher with a data key, which must have 32 bytes.
    pub(crate) fn new(key: &Hidden) -> Result<Self, Error> {
        let wrong = |_| Error::file("the data key of the SOPS file does not have 32 bytes");
        let key = key.bytes();
        Ok(Self {
            long: AesGcm::new_from_slice(key).map_err(wrong)?,
            middle: AesGcm::new_from_slice(key).map_err(wrong)?,
            short: AesGcm::new_from_slice(key).map_err(wrong)?,
        })
    }

    /// Decrypts a value. `context` is the path of its key, which is authenticated with it. An empty text is not
    /// encrypted and remains as it is.
    pub(crate) fn decrypt(&self, text: &[u8], context: &str) -> Result<Value, Fault> {
        if text.is_empty() {
            return Ok(Value::text(""));
        }
        let parts = Parts::of(text).ok_or(Fault::Form)?;
        let plain = match parts.nonce.len() {
            32 => open(&self.long, &parts, context),
            16 => open(&self.middle, &parts, context),
            12 => open(&self.short, &parts, context),
            _ => return Err(Fault::Form),
        };
        typed(&plain.ok_or(Fault::Forged)?, parts.kind).ok_or(Fault::Type)
    }
}

/// The parts of an encrypted value, decoded.
struct Parts<'a> {
    data: Vec<u8>,
    nonce: Vec<u8>,
    tag: Vec<u8>,
    kind: &'a str,
}

impl<'a> Parts<'a> {
    /// Splits an encrypted value. As in SOPS, what follows the last bracket is ignored.
    fn of(text: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (inside, _) = text.strip_prefix(OPENING)?.rsplit_once(']')?;
        let (rest, kind) = inside.rsplit_once(",type:")?;
        let (rest, tag) = rest.rsplit_once(",tag:")?;
        let (data, nonce) = rest.rsplit_once(",iv:")?;
        let decode = |part: &str| decode64(part.as_bytes()).ok().filter(|bytes| !bytes.is_empty());
        Some(Self { data: decode(data)?, nonce: decode(nonce)?, tag: decode(tag)?, kind })
    }
}

fn open<N: ArraySize>(cipher: &AesGcm<Aes256, N>, parts: &Parts<'_>, context: &str) -> Option<Hidden> {
    let nonce = <&Nonce<N>>::try_from(parts.nonce.as_slice()).ok()?;
    let tag = <&Tag>::try_from(parts.tag.as_slice()).ok()?;
    let mut data = parts.data.clone();
    cipher.decrypt_inout_detached(nonce, context.as_bytes(), data.as_mut_slice().into(), tag).ok()?;
    Some(Hidden::new(data))
}

fn typed(plain: &Hidden, kind: &str) -> Option<Value> {
    let text = || plain.text();
    Some(match kind {
        "str" | "bytes" => Value::Str(plain.clone()),
        "int" => Value::Int(strconv::parse_int(text()?, 10).ok()?),
        "float" => Value::Float(strconv::parse_float(text()?).ok()?),
        "bool" => Value::Bool(strconv::parse_bool(text()?).ok()?),
        "time" => Value::Time(text()?.to_owned()),
        "comment" => Value::Comment(Comment { text: plain.clone(), inline: false }),
        _ => return None,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Cipher, Fault};
    use crate::{Hidden, Value};
    use aes_gcm::aead::consts::U32;
    use aes_gcm::aead::{AeadInOut, KeyInit};
    use aes_gcm::aes::Aes256;
    use aes_gcm::{AesGcm, Nonce};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    /// Encrypts a value as SOPS does.
    pub(crate) fn encrypt(key: &[u8], plain: &str, kind: &str, context: &str) -> String {
        let cipher = AesGcm::<Aes256, U32>::new_from_slice(key).expect("32 bytes");
        let nonce = [7; 32];
        let mut data = plain.as_bytes().to_vec();
        let tag = cipher
            .encrypt_inout_detached(
                <&Nonce<U32>>::from(&nonce),
                context.as_bytes(),
                data.as_mut_slice().into(),
            )
            .expect("it can be encrypted");
        let [data, nonce, tag] = [&data[..], &nonce[..], &tag[..]].map(|part| STANDARD.encode(part));
        format!("ENC[AES256_GCM,data:{data},iv:{nonce},tag:{tag},type:{kind}]")
    }

    #[test]
    fn values_are_decrypted_to_their_types() {
        let key = [1; 32];
        let cipher = Cipher::new(&Hidden::new(key)).expect("a key");
        let decrypt = |plain, kind| cipher.decrypt(encrypt(&key, plain, kind, "a:").as_bytes(), "a:");
        assert!(decrypt("hush", "str") == Ok(Value::text("hush")));
        assert!(decrypt("-42", "int") == Ok(Value::Int(-42)));
        assert!(decrypt("1.5", "float") == Ok(Value::Float(1.5)));
        assert!(decrypt("True", "bool") == Ok(Value::Bool(true)));
        assert!(decrypt("x", "int") == Err(Fault::Type));
        assert!(decrypt("x", "what") == Err(Fault::Type));
        assert!(cipher.decrypt(b"", "a:") == Ok(Value::text("")));
    }

    #[test]
    fn a_changed_or_moved_value_is_refused() {
        let key = [1; 32];
        let cipher = Cipher::new(&Hidden::new(key)).expect("a key");
        let text = encrypt(&key, "hush", "str", "a:");
        assert!(cipher.decrypt(text.as_bytes(), "b:") == Err(Fault::Forged));
        let other = Cipher::new(&Hidden::new([2; 32])).expect("a key");
        assert!(other.decrypt(text.as_bytes(), "a:") == Err(Fault::Forged));
        for broken in ["hush", "ENC[]", "ENC[AES256_GCM,data:,iv:,tag:,type:str]", &text[..text.len() - 1]] {
            assert!(cipher.decrypt(broken.as_bytes(), "a:") == Err(Fault::Form), "{broken}");
        }
        let short = text.replace(",iv:", ",iv:AAAA");
        assert!(cipher.decrypt(short.as_bytes(), "a:").is_err());
        assert!(Cipher::new(&Hidden::new([1; 16])).is_err());
    }
}
