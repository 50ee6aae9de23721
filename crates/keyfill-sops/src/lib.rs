//! Decrypts files that [SOPS](https://getsops.io) encrypted, without starting the program `sops`.
//!
//! A SOPS file is a YAML, JSON, dotenv or INI file whose values are encrypted one by one, or any file as one
//! value in JSON (binary). Its metadata hold the data key, encrypted by one or several master keys, and an
//! encrypted message authentication code (MAC) over all values. [`decrypt`] takes the data key from the first
//! master key that gives it, decrypts the values and checks the MAC before any of them is handed out.
//!
//! Master keys of age and PGP are decrypted here, with [`Identities`] and [`SecretKeys`]. Vault's transit engine and
//! the key services of AWS, Google and Azure are asked through a [`KeyService`].
//!
//! Nothing here prints a value: [`Hidden`] and [`Value`] have no Display and a Debug text without content, and
//! errors name keys of the file, recipients and places only. Nothing here reads files or the environment.

#![warn(clippy::disallowed_methods)]

pub mod age;
mod cipher;
mod error;
mod format;
mod hidden;
mod keys;
mod metadata;
mod shamir;
mod tree;
mod walk;

pub use age::Identities;
pub use error::Error;
pub use format::Format;
pub use hidden::Hidden;
pub use keyfill_pgp::SecretKeys;
pub use keys::{KeyService, Keys, MasterKey, Refusal};
pub use tree::{Branch, Comment, Item, Value};
pub use walk::float_text;

use keyfill_diag::Cx;
use std::collections::HashSet;

/// A decrypted file.
pub struct Decrypted {
    format: Format,
    documents: Vec<Branch>,
    secrets: Vec<Hidden>,
}

impl Decrypted {
    /// The values that were encrypted, as texts: what no message may show.
    pub fn secrets(&self) -> &[Hidden] {
        &self.secrets
    }

    /// The documents of the file; all formats but YAML have one.
    pub fn documents(&self) -> &[Branch] {
        &self.documents
    }

    /// Replaces each value that was encrypted by what `text` returns for it.
    pub fn disguise(&mut self, text: &dyn Fn(&str) -> String) {
        let secrets: HashSet<&[u8]> = self.secrets.iter().map(Hidden::bytes).collect();
        for document in &mut self.documents {
            document.disguise(&|plain: &str| secrets.contains(plain.as_bytes()).then(|| text(plain)));
        }
    }

    /// The file as `sops --decrypt` prints it.
    pub fn text(&self) -> Result<Hidden, Error> {
        self.format.write(&self.documents)
    }
}

/// Decrypts a file. Its values are authentic: each was decrypted with its place as additional data, and the MAC
/// over all of them fits.
pub fn decrypt(text: &[u8], format: Format, keys: &Keys, cx: &Cx) -> Result<Decrypted, Error> {
    let (mut documents, metadata) = format.read(text, cx)?;
    let metadata = metadata::Metadata::read(&metadata)?;
    let data_key = keys.data_key(&metadata, cx)?;
    let cipher = cipher::Cipher::new(&data_key)?;
    let walk::Walked { mac: computed, secrets } =
        walk::decrypt(&mut documents, &metadata.rules, &cipher, cx)?;
    let stored =
        cipher.decrypt(&metadata.mac, &metadata.last_modified).map_err(|_| Error::mac_unreadable())?;
    match stored {
        Value::Str(stored) if stored.bytes() == computed.as_bytes() => {
            Ok(Decrypted { format, documents, secrets })
        }
        _ => Err(Error::mac_differs()),
    }
}

/// Whether a text looks like a file that SOPS encrypted in this format: it has SOPS' metadata. This quick check
/// decides whether to decrypt a file; errors in the file are found by [`decrypt`].
pub fn is_encrypted(text: &[u8], format: Format) -> bool {
    format.has_metadata(text)
}
