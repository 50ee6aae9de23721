//! OpenPGP, as far as keyfill reads it: texts that somebody signed, and short messages that were encrypted for a key.
//!
//! [`Keyring`] holds public keys, and answers what a cleartext message says where one of them signed it: the `.prov`
//! files of helm's charts. [`SecretKeys`] decrypt messages: the data keys of SOPS files.
//!
//! The packets and the cryptography are those of the crate `pgp` (rPGP). What that crate leaves to its caller is
//! decided here: which keys may sign, whether a key was revoked or has expired, which hashes are strong enough, how
//! large a message may be. Nothing here reads files, asks for a passphrase, or starts GnuPG.
//!
//! Messages are an author's, or a server's: they are bounded, and what fails in reading them is an error, not a panic.

#![warn(clippy::disallowed_methods)]

mod blocks;
mod certificate;
mod keyring;
mod secret;

pub use keyring::Keyring;
pub use secret::{SecretKeys, Undecrypted};

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The bytes of a file of keys, of a signed text or of an encrypted message, at most.
pub const MOST_BYTES: usize = 1 << 20;

/// Runs what reads the bytes of others. A panic there is what a message that cannot be read is.
fn guarded<T>(read: impl FnOnce() -> Option<T>) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok().flatten()
}
