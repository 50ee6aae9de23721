//! Whether a key may sign, by the signatures on the key itself. rPGP can verify each of them, but leaves it to its
//! caller to do so.

use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::packet::{Signature, SignatureType, SubpacketData};
use pgp::types::{KeyDetails, Tag, Timestamp};
use std::time::{Duration, SystemTime};

/// The reason why a signature by a key does not count.
type Why = &'static str;

const REVOKED: Why = "its key was revoked";
const EXPIRED: Why = "its key has expired";
const NOT_FOR_SIGNING: Why = "its key is not one for signing";
const UNBOUND: Why = "its key has no valid signature of its own";

/// Whether the primary key may sign.
pub(crate) fn primary(key: &SignedPublicKey, now: SystemTime) -> Result<(), Why> {
    let own = valid(key, now)?;
    // An old key without flags may be used for everything.
    match flags(own) {
        Some(false) => Err(NOT_FOR_SIGNING),
        _ => Ok(()),
    }
}

/// Whether a subkey may sign. Both keys must have signed that it belongs to the primary key. Else anybody could add
/// the signing key of another person to their own key.
pub(crate) fn subkey(key: &SignedPublicKey, subkey: &SignedPublicSubKey, now: SystemTime) -> Result<(), Why> {
    valid(key, now)?;
    let by_primary = |signature: &&Signature| {
        signature.verify_subkey_binding(&key.primary_key, &subkey.key).is_ok()
            && !is_of_future(signature, now)
    };
    let of =
        |kind: SignatureType| subkey.signatures.iter().filter(move |signature| signature.typ() == Some(kind));
    if of(SignatureType::SubkeyRevocation).any(|revocation| by_primary(&revocation)) {
        return Err(REVOKED);
    }
    let binding = newest(of(SignatureType::SubkeyBinding).filter(by_primary)).ok_or(UNBOUND)?;
    if has_expired(subkey.key.created_at(), binding, now) {
        return Err(EXPIRED);
    }
    if flags(binding) != Some(true) {
        return Err(NOT_FOR_SIGNING);
    }
    let back = binding.embedded_signature().ok_or(UNBOUND)?;
    back.verify_primary_key_binding(&subkey.key, &key.primary_key).map_err(|_| UNBOUND)
}

/// The newest signature of the primary key about itself. The error says why the key is not valid.
fn valid(key: &SignedPublicKey, now: SystemTime) -> Result<&Signature, Why> {
    let primary = &key.primary_key;
    let details = &key.details;
    if details.revocation_signatures.iter().any(|signature| signature.verify_key(primary).is_ok()) {
        return Err(REVOKED);
    }
    let direct = details.direct_signatures.iter().filter(|signature| signature.verify_key(primary).is_ok());
    let of_users = details.users.iter().flat_map(|user| {
        let own = move |signature: &&Signature| {
            signature.is_certification()
                && signature.verify_certification(primary, Tag::UserId, &user.id).is_ok()
        };
        user.signatures.iter().filter(own)
    });
    let own =
        newest(direct.chain(of_users).filter(|signature| !is_of_future(signature, now))).ok_or(UNBOUND)?;
    if has_expired(primary.created_at(), own, now) {
        return Err(EXPIRED);
    }
    Ok(own)
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|signature| signature.created())
}

/// Whether a key that was created at `made` has expired, according to one of its signatures.
fn has_expired(made: Timestamp, signature: &Signature, now: SystemTime) -> bool {
    let holds = signature.key_expiration_time().filter(|holds| holds.as_secs() > 0);
    holds.is_some_and(|holds| SystemTime::from(made) + Duration::from(holds) < now)
}

/// Whether a signature was made in the future. Clocks may differ by ten minutes.
pub(crate) fn is_of_future(signature: &Signature, now: SystemTime) -> bool {
    const CLOCKS: Duration = Duration::from_secs(600);
    signature.created().is_none_or(|made| SystemTime::from(made) > now + CLOCKS)
}

/// Whether the flags in a signature allow the key to sign; `None` if it has no flags.
fn flags(signature: &Signature) -> Option<bool> {
    signature.config()?.hashed_subpackets().find_map(|packet| match &packet.data {
        SubpacketData::KeyFlags(flags) => Some(flags.sign()),
        _ => None,
    })
}
