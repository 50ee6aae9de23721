//! The part of OpenPGP that keyfill needs: signed texts, and short messages that are encrypted for a key.
//!
//! [`Keyring`] holds public keys, and returns the text of a cleartext message that one of them signed, such as the
//! `.prov` file of a Helm chart. [`SecretKeys`] decrypt messages: the data keys of SOPS files.
//!
//! The packets and the cryptography are those of the crate `pgp` (rPGP). What that crate leaves to its caller is
//! decided here: which keys may sign, whether a key was revoked or has expired, which hashes are strong enough, how
//! large a message may be. Nothing here reads files, asks for a passphrase, or starts GnuPG.
//!
//! Messages come from authors or servers and are not trusted: their size is limited, and a panic in parsing them
//! becomes an error.

#![warn(clippy::disallowed_methods)]

mod blocks;
mod certificate;
mod keyring;
mod secret;

pub use keyring::Keyring;
pub use secret::{SecretKeys, Undecrypted};

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The largest file of keys, signed text or encrypted message, in bytes.
pub const MOST_BYTES: usize = 1 << 20;

/// Runs a parser of bytes that are not trusted. `None` if it panics, as if the bytes were not valid.
fn guarded<T>(read: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok().flatten()
}
