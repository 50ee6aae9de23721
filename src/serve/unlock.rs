//! Decrypts the data keys of encrypted files for workers, which have the files and no master keys.
//!
//! A worker asks with one entry of a file's metadata, and gets the data key of that file or a share of it. The
//! administrator decides which master keys are used for an app (`KEYFILL_SOPS_KEYS`).

use super::orders::DataKey;
use crate::settings::Settings;
use crate::sops::Unlocks;
use keyfill_diag::Cx;
use keyfill_sops::{KeyService as _, MasterKey, Refusal};
use std::sync::Arc;

/// The most data keys that one request may ask for. A file has one data key, or a share for each of its key groups.
pub const MOST: usize = 5_000;

/// Gives out the data keys of one request.
pub struct Unlocker(Arc<Unlocks>);

impl Unlocker {
    /// For a request with these settings; `None` if they decrypt no files.
    pub fn of(settings: &Settings) -> Option<Self> {
        let wanted = settings.decrypts() || settings.reads_encrypted();
        wanted.then(|| Self(Arc::new(Unlocks::of(settings))))
    }

    /// Decrypts a data key, or a share of it, with a master key. `asked` counts the questions of the request, this
    /// one included.
    pub async fn unlock(&self, key: MasterKey, asked: usize, cx: &Cx) -> Result<DataKey, Refusal> {
        if asked > MOST {
            return Err(Refusal::new(format!("the app asks for more than {MOST} data keys")));
        }
        let (unlocks, cx) = (Arc::clone(&self.0), cx.clone());
        // Key services answer over the network, and RSA takes long, so this runs on a thread for blocking work.
        let work = tokio::task::spawn_blocking(move || unlocks.decrypt(&key, &cx));
        let opened = work.await.unwrap_or_else(|_| Err(Refusal::new("the key could not be used")));
        opened.map(|hidden| DataKey::new(hidden.bytes()))
    }
}
