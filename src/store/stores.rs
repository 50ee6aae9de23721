//! Combines the stores of a run to one source: the store's name in a reference selects the store.

use crate::report;
use crate::settings::authority::Effective;
use crate::settings::{Settings, SourceKind};
use anyhow::Result;
use keyfill_diag::{Cx, Diagnostic};
use keyfill_secrets::vault::Known;
use keyfill_secrets::{BoxFuture, Error, Keys, SecretData, SecretRef, Source};
use std::collections::BTreeMap;
use std::sync::Arc;

type Read = Result<Arc<SecretData>, Error>;

/// The store of `AVP_TYPE` and the stores in the config file. They share no settings and no logins.
pub struct Stores {
    /// An error in the default store is reported only if that store is used, since a run may use only named stores.
    default: Result<Arc<dyn Source>, Error>,
    named: BTreeMap<String, Arc<dyn Source>>,
}

impl Stores {
    /// Builds each store with `open`, which gets its kind, its name and its settings. Without stores in the config
    /// file there is only the default store.
    pub fn build(
        settings: &Settings,
        mut open: impl FnMut(SourceKind, Option<&str>, &Effective) -> Result<Arc<dyn Source>>,
    ) -> Result<Arc<dyn Source>> {
        if settings.stores.is_empty() {
            return open(settings.source()?, None, &settings.effective);
        }
        settings.refuse_authors_choice()?;
        let default = match settings.source() {
            Ok(kind) => Ok(open(kind, None, &settings.effective)?),
            Err(error) => {
                let problem = report::problems(&error).remove(0);
                Err(Error::relayed(problem.class, problem.message, problem.hint, false))
            }
        };
        let mut named = BTreeMap::new();
        for (name, store) in &settings.stores {
            named.insert(name.clone(), open(store.kind, Some(name), &store.effective)?);
        }
        Ok(Arc::new(Self { default, named }))
    }

    fn of(&self, secret: &SecretRef) -> Result<&Arc<dyn Source>, Error> {
        let Some(name) = &secret.store else { return self.default.as_ref().map_err(Clone::clone) };
        // The plan has already refused unknown names.
        self.named.get(name).ok_or_else(|| {
            Error::new(keyfill_diag::Class::Usage, format!("there is no store {name} in the config file"))
        })
    }
}

impl Source for Stores {
    fn read<'a>(&'a self, secret: &'a SecretRef, cx: &'a Cx) -> BoxFuture<'a, Read> {
        self.read_keys(secret, &Keys::All, cx)
    }

    fn read_keys<'a>(&'a self, secret: &'a SecretRef, keys: &'a Keys, cx: &'a Cx) -> BoxFuture<'a, Read> {
        match self.of(secret) {
            Ok(source) => source.read_keys(secret, keys, cx),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn known<'a>(&'a self, secret: &'a SecretRef, cx: &'a Cx) -> BoxFuture<'a, Result<Option<Known>, Error>> {
        match self.of(secret) {
            Ok(source) => source.known(secret, cx),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn has_namespaces(&self, secret: &SecretRef) -> bool {
        // A store that does not exist is reported when it is read.
        self.of(secret).is_ok_and(|source| source.has_namespaces(secret))
    }

    fn take_warnings(&self) -> Vec<Diagnostic> {
        let all = self.default.iter().chain(self.named.values());
        all.flat_map(|source| source.take_warnings()).collect()
    }
}
