//! Encrypted files of the tree: who decrypts them, and what became known by it.
//!
//! `keys` finds the keys that the administrator has set up. What is decrypted is noted in [`Revealed`], so that no
//! message shows it.

mod keys;

pub use keys::KeySettings;

use crate::revealed::Revealed;
use bytes::Bytes;
use keyfill_diag::Cx;
use keyfill_files::{Decrypt, DecryptError};
use keyfill_sops::{Decrypted, Error, Format, KeyService, Keys, MasterKey, Refusal};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Decrypts what SOPS encrypted. Keys are looked for when the first file needs them.
pub struct Sops {
    find: Box<dyn Fn() -> Result<Keys, Refusal> + Send + Sync>,
    keys: OnceLock<Result<Keys, Refusal>>,
    revealed: Arc<Revealed>,
}

impl fmt::Debug for Sops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sops(..)")
    }
}

impl Sops {
    /// With the keys that the settings name.
    pub fn new(settings: KeySettings, revealed: Arc<Revealed>) -> Self {
        Self { find: Box::new(move || settings.keys()), keys: OnceLock::new(), revealed }
    }

    fn keys(&self) -> &Result<Keys, Refusal> {
        self.keys.get_or_init(|| (self.find)())
    }

    /// A decrypted file.
    fn open(&self, name: &str, format: Format, text: &[u8], cx: &Cx) -> Result<Decrypted, Error> {
        let no_keys;
        let keys = match self.keys() {
            Ok(keys) => keys,
            // What is wrong with the keys is said by the file that needs them.
            Err(refusal) => {
                no_keys = Keys { service: Some(Arc::new(Refuses(refusal.clone()))), ..Keys::default() };
                &no_keys
            }
        };
        keyfill_sops::decrypt(text, format, keys, cx).map_err(|e| e.at_file(name))
    }
}

impl Decrypt for Sops {
    fn is_encrypted(&self, name: &str, bytes: &[u8]) -> bool {
        keyfill_sops::is_encrypted(bytes, Format::of_path(name))
    }

    fn decrypt(&self, name: &str, bytes: &[u8], cx: &Cx) -> Result<Bytes, DecryptError> {
        let wrong = |error: Error| {
            let first = error.diagnostics().into_iter().next();
            DecryptError::new(
                first.unwrap_or_else(|| keyfill_diag::Diagnostic::error(error.class(), error.to_string())),
            )
        };
        let decrypted = self.open(name, Format::of_path(name), bytes, cx).map_err(wrong)?;
        decrypted.secrets().iter().for_each(|secret| self.revealed.add(secret.bytes()));
        let text = decrypted.text().map_err(|e| wrong(e.at_file(name)))?;
        Ok(Bytes::copy_from_slice(text.bytes()))
    }
}

/// Stands for keys that could not be read.
struct Refuses(Refusal);

impl KeyService for Refuses {
    fn decrypt(&self, _: &MasterKey, _: &Cx) -> Result<keyfill_sops::Hidden, Refusal> {
        Err(self.0.clone())
    }
}
