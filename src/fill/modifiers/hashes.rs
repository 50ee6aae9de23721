//! Hashes. Those of passwords need a salt, which is derived and not random: a salt that changed with each run
//! would change the manifest at each refresh.
//!
//! The salt is part of the result. If it were a fast hash of the password, an attacker could guess passwords with
//! that fast hash. So the salt is taken from a bcrypt hash, whose own salt comes from the object's identity alone;
//! testing a guess against it costs as much as testing it against the result.

use super::super::datum::Datum;
use super::functions::bytes_of;
use super::{Argument, Circumstances};
use sha2::{Digest, Sha256, Sha512};

type Result<T> = std::result::Result<T, String>;

/// The cost of a bcrypt hash, the default of Go and Helm.
const COST: u32 = 10;

/// The number of bytes of a password that bcrypt uses.
const MOST_PASSWORD: usize = 72;

pub fn sha256_sum(datum: &Datum, _: &Argument, _: &Circumstances<'_>) -> Result<Datum> {
    Ok(Datum::text(hexadecimal(&Sha256::digest(bytes_of(datum)?))))
}

pub fn sha512_sum(datum: &Datum, _: &Argument, _: &Circumstances<'_>) -> Result<Datum> {
    Ok(Datum::text(hexadecimal(&Sha512::digest(bytes_of(datum)?))))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn bcrypt(datum: &Datum, _: &Argument, given: &Circumstances<'_>) -> Result<Datum> {
    hashed(&bytes_of(datum)?, "", given).map(Datum::text)
}

pub fn htpasswd(datum: &Datum, argument: &Argument, given: &Circumstances<'_>) -> Result<Datum> {
    let Argument::Text(user) = argument else { return Err("needs the name of a user".to_owned()) };
    if user.is_empty() || user.contains(':') || user.contains(char::is_control) {
        return Err("the name of a user is not empty and holds no colon and no line break".to_owned());
    }
    let hash = hashed(&bytes_of(datum)?, user, given)?;
    Ok(Datum::text(format!("{user}:{hash}")))
}

/// The bcrypt hash, `$2a$10$...`: the same for the same password, user and position in the manifests.
fn hashed(password: &[u8], user: &str, given: &Circumstances<'_>) -> Result<String> {
    if password.len() > MOST_PASSWORD {
        return Err(format!("a password of more than {MOST_PASSWORD} bytes would be cut off"));
    }
    if password.contains(&0) {
        return Err("a password with a zero byte would be cut off".to_owned());
    }
    let mut identity = Sha256::new();
    for part in ["keyfill bcrypt", given.identity, user] {
        identity.update(part.len().to_be_bytes());
        identity.update(part);
    }
    let first = once(password, &identity.finalize(), given)?;
    once(password, &Sha256::digest(first), given)
}

fn once(password: &[u8], digest: &[u8], given: &Circumstances<'_>) -> Result<String> {
    given.cx.check().map_err(|stopped| stopped.to_string())?;
    let mut salt = [0; 16];
    salt.copy_from_slice(&digest[..16]);
    let parts =
        bcrypt::hash_with_salt(password, COST, salt).map_err(|_| "the hash cannot be made".to_owned())?;
    Ok(parts.format_for_version(bcrypt::Version::TwoA))
}
