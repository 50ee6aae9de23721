//! What a run needs from outside of its tree.

use crate::revealed::Revealed;
use crate::settings::Settings;
use crate::sops::Sops;
use keyfill_files::{Decrypt, Fetch, NoDecrypt, NoFetch};
use std::sync::Arc;

/// Whom a run asks for what its tree does not hold.
#[derive(Clone)]
pub struct Outside {
    /// Charts, git repositories and files by their URL.
    pub fetch: Arc<dyn Fetch>,
    /// Files of the tree that are encrypted.
    pub decrypt: Arc<dyn Decrypt>,
    /// The secrets that engines were handed.
    pub revealed: Arc<Revealed>,
}

impl Outside {
    /// What the administrator's settings open.
    pub fn of(settings: &Settings) -> Self {
        let mut outside = Self::default();
        if settings.decrypts() {
            let revealed = Arc::clone(&outside.revealed);
            outside.decrypt = Arc::new(Sops::new(settings.sops_keys.clone(), revealed));
        }
        outside
    }
}

impl Default for Outside {
    /// Nobody: nothing is fetched, and nothing decrypted.
    fn default() -> Self {
        Self { fetch: Arc::new(NoFetch), decrypt: Arc::new(NoDecrypt), revealed: Arc::default() }
    }
}
