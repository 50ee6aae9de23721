//! What a run needs from outside of its tree.

use crate::prefill::Prefill;
use crate::revealed::{Disguise, Revealed};
use crate::settings::{FillsValues, Settings};
use crate::sops::{Sops, Unlocks};
use keyfill_files::{Decrypt, Fetch, NoDecrypt, NoFetch};
use keyfill_helm::Filler;
use keyfill_sops::KeyService;
use std::sync::Arc;

/// Whom a run asks for what its tree does not hold.
#[derive(Clone)]
pub struct Outside {
    /// Charts, git repositories and files by their URL.
    pub fetch: Arc<dyn Fetch>,
    /// Files of the tree that are encrypted.
    pub decrypt: Arc<dyn Decrypt>,
    /// Who gives out their data keys.
    pub unlocks: Option<Arc<dyn KeyService>>,
    /// Placeholders in charts' values, where they are filled before a chart is rendered.
    pub values: Option<Values>,
    /// The secrets that engines were handed.
    pub revealed: Arc<Revealed>,
}

/// Who fills values, and when.
#[derive(Clone)]
pub struct Values {
    /// It.
    pub filler: Filler,
    /// Whether it does so for every app; else for those that ask for it.
    pub always: bool,
}

impl Outside {
    /// What the administrator's settings open. `fills` says whether placeholders are filled, and `decrypts` whether
    /// encrypted files may be.
    pub fn of(settings: &Settings, fills: bool, decrypts: bool) -> Self {
        let mut outside = Self::default();
        if decrypts && settings.decrypts() {
            outside.decrypt_with(Arc::new(Unlocks::of(settings)));
        }
        if fills && settings.fills_values() != FillsValues::Never {
            let prefill = Prefill::new(settings.clone(), Arc::clone(&outside.revealed));
            let always = settings.fills_values() == FillsValues::Always;
            outside.values = Some(Values { filler: Filler(Arc::new(prefill)), always });
        }
        outside
    }

    /// Decrypts files of the tree with data keys that somebody gives out.
    pub fn decrypt_with(&mut self, unlocks: Arc<dyn KeyService>) {
        self.decrypt = Arc::new(Sops::new(Arc::clone(&unlocks), Arc::clone(&self.revealed)));
        self.unlocks = Some(unlocks);
    }

    /// The same with other values in the place of secrets: what engines then say does not come from them.
    pub fn disguised(&self) -> Self {
        let disguise = Disguise::default();
        let mut other = self.clone();
        if let Some(unlocks) = &self.unlocks {
            other.decrypt = Arc::new(Sops::disguised(Arc::clone(unlocks), disguise.clone()));
        }
        if let Some(values) = &mut other.values {
            values.filler = disguise.filler(&values.filler);
        }
        other
    }

    /// Who fills the values of a chart that asks for it, or does not.
    pub fn filler(&self, is_asked: bool) -> Option<Filler> {
        self.values.as_ref().filter(|values| values.always || is_asked).map(|values| values.filler.clone())
    }
}

impl Default for Outside {
    /// Nobody: nothing is fetched, and nothing decrypted.
    fn default() -> Self {
        Self {
            fetch: Arc::new(NoFetch),
            decrypt: Arc::new(NoDecrypt),
            unlocks: None,
            values: None,
            revealed: Arc::default(),
        }
    }
}
