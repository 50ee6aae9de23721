//! What a run needs from outside of its tree.

use crate::prefill::Prefill;
use crate::revealed::Revealed;
use crate::settings::{FillsValues, Settings};
use crate::sops::{Sops, Unlocks};
use keyfill_files::{Decrypt, Fetch, NoDecrypt, NoFetch};
use keyfill_helm::Filler;
use std::sync::Arc;

/// Whom a run asks for what its tree does not hold.
#[derive(Clone)]
pub struct Outside {
    /// Charts, git repositories and files by their URL.
    pub fetch: Arc<dyn Fetch>,
    /// Files of the tree that are encrypted.
    pub decrypt: Arc<dyn Decrypt>,
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
            let (unlocks, revealed) = (Arc::new(Unlocks::of(settings)), Arc::clone(&outside.revealed));
            outside.decrypt = Arc::new(Sops::new(unlocks, revealed));
        }
        if fills && settings.fills_values() != FillsValues::Never {
            let prefill = Prefill::new(settings.clone(), Arc::clone(&outside.revealed));
            let always = settings.fills_values() == FillsValues::Always;
            outside.values = Some(Values { filler: Filler(Arc::new(prefill)), always });
        }
        outside
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
            values: None,
            revealed: Arc::default(),
        }
    }
}
