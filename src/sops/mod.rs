//! Decrypts encrypted files of the tree, and records the decrypted values.
//!
//! `keys` reads the administrator's keys, `unlock` decides which keys may be used and calls key management
//! services, and `source` is the store `sops`. Values that an engine gets are recorded in [`Revealed`], so that no
//! message shows them.

mod keys;
mod source;
mod unlock;

pub use keys::KeySettings;
pub use source::SopsSource;
pub use unlock::{ALLOWED_KEYS, Unlocks};

use crate::revealed::{Disguise, Revealed};
use bytes::Bytes;
use keyfill_diag::{Cx, Diagnostic, Report as _};
use keyfill_files::{Decrypt, DecryptError, Files, TreePath};
use keyfill_sops::{Decrypted, Error, Format, KeyService, Keys};
use std::fmt;
use std::sync::Arc;

/// Decrypts files that SOPS encrypted; a key service decrypts their data keys.
pub struct Sops {
    keys: Keys,
    revealed: Arc<Revealed>,
    /// If set, replaces decrypted values by random ones.
    disguise: Option<Disguise>,
}

impl fmt::Debug for Sops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sops(..)")
    }
}

impl Sops {
    /// Uses a key service, and records decrypted values in `revealed`.
    pub fn new(service: Arc<dyn KeyService>, revealed: Arc<Revealed>) -> Self {
        Self { keys: Keys { service: Some(service), ..Keys::default() }, revealed, disguise: None }
    }

    /// The same, but decrypted values are replaced by random ones.
    pub fn disguised(service: Arc<dyn KeyService>, disguise: Disguise) -> Self {
        Self { disguise: Some(disguise), ..Self::new(service, Arc::default()) }
    }

    /// Decrypts a file.
    fn open(&self, name: &str, format: Format, text: &[u8], cx: &Cx) -> Result<Decrypted, Error> {
        keyfill_sops::decrypt(text, format, &self.keys, cx).map_err(|e| e.at_file(name))
    }
}

impl Decrypt for Sops {
    fn is_encrypted(&self, name: &str, bytes: &[u8]) -> bool {
        keyfill_sops::is_encrypted(bytes, Format::of_path(name))
    }

    fn decrypt(&self, name: &str, bytes: &[u8], cx: &Cx) -> Result<Bytes, DecryptError> {
        let wrong = |error: Error| {
            let first = error.diagnostics().into_iter().next();
            DecryptError::new(first.unwrap_or_else(|| Diagnostic::error(error.class(), error.to_string())))
        };
        let mut decrypted = self.open(name, Format::of_path(name), bytes, cx).map_err(wrong)?;
        if let Some(disguise) = &self.disguise {
            decrypted.disguise(&|text| disguise.text(text));
        }
        decrypted.secrets().iter().for_each(|secret| self.revealed.add(secret.bytes()));
        let text = decrypted.text().map_err(|e| wrong(e.at_file(name)))?;
        Ok(Bytes::copy_from_slice(text.bytes()))
    }
}

/// The encrypted files of a run, for the store `sops`.
#[derive(Clone)]
pub struct Encrypted {
    /// The tree that contains the files.
    pub files: Arc<dyn Files>,
    /// The app's folder in it.
    pub dir: TreePath,
    /// Decrypts the files' data keys.
    pub service: Arc<dyn KeyService>,
}

impl fmt::Debug for Encrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encrypted({})", self.dir)
    }
}
