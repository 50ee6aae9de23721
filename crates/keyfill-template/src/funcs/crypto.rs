//! Hashes, passwords and AES.

use super::random::source;
use crate::function::{FuncError, Function, any, text};
use crate::run::Run;
use crate::value::{Type, Value};
use aes::Aes256;
use bcrypt::Version;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::NoPadding};
use hmac::{Hmac, KeyInit, Mac};
use keyfill_go::base;
use rand_chacha::rand_core::Rng;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

const S: Type = Type::String;

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::fixed("sha1sum", &[S], |_, args| Ok(hex(&Sha1::digest(text(args, 0))))),
    Function::fixed("sha256sum", &[S], |_, args| Ok(hex(&Sha256::digest(text(args, 0))))),
    Function::fixed("sha512sum", &[S], |_, args| Ok(hex(&Sha512::digest(text(args, 0))))),
    Function::fixed("adler32sum", &[S], |_, args| Ok(adler32(text(args, 0)).to_string().into())),
    Function::fixed("bcrypt", &[S], |run, args| Ok(hashed(run, text(args, 0))?.into())),
    Function::fixed("htpasswd", &[S, S], htpasswd),
    Function::fixed("derivePassword", &[Type::Uint32, S, S, S, S], derive_password),
    Function::fixed("encryptAES", &[S, S], encrypt),
    Function::fixed("decryptAES", &[S, S], decrypt),
];

fn hex(bytes: &[u8]) -> Value {
    bytes.iter().map(|b| format!("{b:02x}")).collect::<String>().into()
}

fn adler32(data: &[u8]) -> u32 {
    let (mut low, mut high) = (1_u32, 0_u32);
    // The number of bytes that can be added before the sums exceed 32 bits.
    for chunk in data.chunks(5552) {
        for &byte in chunk {
            low += u32::from(byte);
            high += low;
        }
        low %= 65_521;
        high %= 65_521;
    }
    high << 16 | low
}

/// `$2a$10$...`. For a password of more than 72 bytes, the text of the error instead, as in sprig.
fn hashed(run: &mut Run, password: &[u8]) -> Result<String, FuncError> {
    const REFUSED: &str = "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes";
    if password.len() > 72 {
        return Ok(REFUSED.into());
    }
    run.check()?;
    let mut salt = [0; 16];
    source(run)?.fill_bytes(&mut salt);
    let parts = bcrypt::hash_with_salt(password, 10, salt)
        .map_err(|error| format!("failed to encrypt string with bcrypt: {error}"))?;
    Ok(parts.format_for_version(Version::TwoA))
}

fn htpasswd(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let user = text(args, 0);
    if user.contains(&b':') {
        return Ok(Value::str([b"invalid username: ", user].concat()));
    }
    let hashed = hashed(run, text(args, 1))?;
    Ok(Value::str([user, b":", hashed.as_bytes()].concat()))
}

/// The templates for each kind of password in the "master password" algorithm.
fn password_templates(kind: &[u8]) -> Option<&'static [&'static str]> {
    Some(match kind {
        b"maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        b"long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        b"medium" => &["CvcnoCvc", "CvcCvcno"],
        b"short" => &["Cvcn"],
        b"basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        b"pin" => &["nnnn"],
        _ => return None,
    })
}

/// The characters that a letter of a template stands for.
fn password_characters(letter: u8) -> &'static [u8] {
    match letter {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'A' => b"AEIOUBCDFGHJKLMNPQRSTVWXYZ",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// The password that belongs to these arguments: <https://masterpassword.app/masterpassword-algorithm.pdf>.
fn derive_password(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    const SCOPE: &[u8] = b"com.lyndir.masterpassword";
    let (kind, password, user, site) = (text(args, 1), text(args, 2), text(args, 3), text(args, 4));
    let Some(templates) = password_templates(kind) else {
        return Ok(Value::str([b"cannot find password template ", kind].concat()));
    };
    run.check()?;
    let counter = u32::try_from(any(args, 0).as_uint().unwrap_or_default()).unwrap_or_default();
    let scoped = |word: &[u8]| [SCOPE, &(word.len() as u32).to_be_bytes(), word].concat();
    let failed =
        |error: &dyn std::fmt::Display| FuncError::new(format!("failed to derive password: {error}"));
    let params = scrypt::Params::new(15, 8, 2).map_err(|error| failed(&error))?;
    let mut key = [0; 64];
    scrypt::scrypt(password, &scoped(user), &params, &mut key).map_err(|error| failed(&error))?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|error| failed(&error))?;
    mac.update(&scoped(site));
    mac.update(&counter.to_be_bytes());
    let seed = mac.finalize().into_bytes();
    let template = templates[usize::from(seed[0]) % templates.len()];
    let letters = template.bytes().zip(&seed[1..]).map(|(letter, &byte)| {
        let characters = password_characters(letter);
        characters[usize::from(byte) % characters.len()]
    });
    Ok(Value::str(letters.collect::<Vec<u8>>()))
}

/// The password, truncated or filled with zeros to the length of a key.
fn key(password: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    let len = password.len().min(32);
    key[..len].copy_from_slice(&password[..len]);
    key
}

const BLOCK: usize = 16;

fn encrypt(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let plain = text(args, 1);
    if plain.is_empty() {
        return Ok("".into());
    }
    run.spend(3 * plain.len() as u64)?;
    let mut vector = [0; BLOCK];
    source(run)?.fill_bytes(&mut vector);
    let padding = BLOCK - plain.len() % BLOCK;
    let padded = [plain, &vec![padding as u8; padding]].concat();
    let cipher = cbc::Encryptor::<Aes256>::new(&key(text(args, 0)).into(), &vector.into());
    let encrypted = cipher.encrypt_padded_vec::<NoPadding>(&padded);
    Ok(Value::str(base::encode64(&[&vector[..], &encrypted].concat())))
}

fn decrypt(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let encoded = text(args, 1);
    if encoded.is_empty() {
        return Ok("".into());
    }
    run.spend(2 * encoded.len() as u64)?;
    let data = base::decode64(encoded).map_err(|error| error.to_string())?;
    let out_of_range = || FuncError::new("runtime error: slice bounds out of range");
    let (vector, data) = data.split_first_chunk::<BLOCK>().ok_or_else(out_of_range)?;
    let cipher = cbc::Decryptor::<Aes256>::new(&key(text(args, 0)).into(), vector.into());
    let plain =
        cipher.decrypt_padded_vec::<NoPadding>(data).map_err(|_| "crypto/cipher: input not full blocks")?;
    let padding = usize::from(*plain.last().ok_or_else(out_of_range)?);
    let len = plain.len().checked_sub(padding).ok_or_else(out_of_range)?;
    Ok(Value::str(&plain[..len]))
}
