//! The services that a run uses for what its tree does not contain.

use crate::prefill::Prefill;
use crate::revealed::{Disguise, Revealed};
use crate::settings::{FillsValues, Settings};
use crate::sops::{Sops, Unlocks};
use keyfill_files::{Decrypt, Fetch, NoDecrypt, NoFetch};
use keyfill_helm::Filler;
use keyfill_sops::KeyService;
use std::sync::Arc;

/// The services that a run uses for what its tree does not contain.
#[derive(Clone)]
pub struct Outside {
    /// Fetches charts, git repositories and remote files.
    pub fetch: Arc<dyn Fetch>,
    /// Decrypts encrypted files of the tree.
    pub decrypt: Arc<dyn Decrypt>,
    /// Decrypts the data keys of encrypted files; `None` if decryption is off.
    pub unlocks: Option<Arc<dyn KeyService>>,
    /// Fills placeholders in charts' values before a chart is rendered; `None` if that is off.
    pub values: Option<Values>,
    /// The secrets that were given to engines.
    pub revealed: Arc<Revealed>,
}

/// How placeholders in charts' values are filled, and for which apps.
#[derive(Clone)]
pub struct Values {
    /// Fills placeholders in values.
    pub filler: Filler,
    /// `true`: for every app; `false`: only for apps that ask for it.
    pub always: bool,
}

impl Outside {
    /// The services that the administrator's settings enable. `fills` says whether placeholders are filled, and
    /// `decrypts` whether encrypted files may be decrypted.
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

    /// Enables decryption of files in the tree; `unlocks` decrypts their data keys.
    pub fn decrypt_with(&mut self, unlocks: Arc<dyn KeyService>) {
        self.decrypt = Arc::new(Sops::new(Arc::clone(&unlocks), Arc::clone(&self.revealed)));
        self.unlocks = Some(unlocks);
    }

    /// The same services, but with random values instead of secrets, so that messages of engines cannot depend on
    /// the secrets.
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

    /// The filler for a chart's values; `is_asked` says whether the app asks for it. `None` if they are not filled.
    pub fn filler(&self, is_asked: bool) -> Option<Filler> {
        self.values.as_ref().filter(|values| values.always || is_asked).map(|values| values.filler.clone())
    }
}

impl Default for Outside {
    /// No services: nothing is fetched and nothing is decrypted.
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
