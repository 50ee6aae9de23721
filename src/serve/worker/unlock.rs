//! Data keys of encrypted files, and secrets for values, while a worker renders: it asks the supervisor for both.

use super::OrderError;
use super::fill::{Asked, READS, drive};
use super::shared_channel::SharedChannel;
use crate::fill::FillOptions;
use crate::fill::values::{Texts, fill_values, hold_placeholders};
use crate::prefill::note;
use crate::report;
use crate::revealed::Revealed;
use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_helm::FillValues;
use keyfill_secrets::{BoxFuture, Error, Keys, Reads, SecretData, SecretRef, Source};
use keyfill_sops::{Hidden, KeyService, MasterKey, Refusal};
use keyfill_yaml::Value;
use std::sync::Arc;

/// The supervisor as a key service.
pub struct Unlocks(pub SharedChannel);

impl KeyService for Unlocks {
    fn decrypt(&self, key: &MasterKey, _: &Cx) -> Result<Hidden, Refusal> {
        let answer = self.0.unlock(key);
        answer.unwrap_or_else(|_| Err(Refusal::new("the supervisor does not answer")))
    }
}

/// Fills placeholders in values with secrets from the supervisor.
pub struct Values {
    /// The connection to the supervisor.
    pub channel: SharedChannel,
    /// How placeholders are filled.
    pub options: FillOptions,
    /// Collects the secrets that the engine was given, to remove them from messages.
    pub revealed: Arc<Revealed>,
    /// The store of encrypted files, which the worker reads by itself.
    pub encrypted: Option<Arc<dyn Source>>,
}

impl Values {
    fn filled(&self, texts: Texts, cx: &Cx) -> Result<Vec<Value>, OrderError> {
        let asked = Arc::new(Asked::default());
        let source = Split::of(&asked, self.encrypted.as_ref(), &self.options);
        let reads = Reads::with_concurrency(source, READS);
        let filled = drive(fill_values(texts, &self.options, &reads, cx), &asked, &self.channel)?;
        // The supervisor parks no request in the middle of rendering.
        let filled = filled.ok_or_else(|| anyhow::anyhow!("the supervisor gave the work up"))?;
        Ok(filled?)
    }
}

impl FillValues for Values {
    fn fill(&self, texts: Texts, cx: &Cx) -> Result<Vec<Value>, Vec<Diagnostic>> {
        if !hold_placeholders(&texts, &self.options) {
            return Ok(texts.into_iter().map(|(_, text)| Value::Str(text.into())).collect());
        }
        let before = texts.clone();
        let filled = self.filled(texts, cx).map_err(|broke| match broke {
            OrderError::Work(error) => report::problems(&error),
            OrderError::Protocol(_) => {
                vec![Diagnostic::error(Class::Other, "the supervisor does not answer")]
            }
        })?;
        note(&self.revealed, &before, &filled);
        Ok(filled)
    }
}

/// A source that reads encrypted files in the worker, and all other stores through the supervisor.
pub struct Split {
    asked: Arc<Asked>,
    encrypted: Arc<dyn Source>,
    options: FillOptions,
}

impl Split {
    /// A source of secrets; only the supervisor if there is no store of encrypted files.
    pub fn of(
        asked: &Arc<Asked>,
        encrypted: Option<&Arc<dyn Source>>,
        options: &FillOptions,
    ) -> Arc<dyn Source> {
        match encrypted {
            None => Arc::clone(asked) as Arc<dyn Source>,
            Some(encrypted) => Arc::new(Self {
                asked: Arc::clone(asked),
                encrypted: Arc::clone(encrypted),
                options: options.clone(),
            }),
        }
    }
}

impl Source for Split {
    fn read_keys<'a>(
        &'a self,
        secret: &'a SecretRef,
        keys: &'a Keys,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>> {
        match self.options.stores.is_sops(secret.store.as_deref()) {
            true => self.encrypted.read_keys(secret, keys, cx),
            false => self.asked.read_keys(secret, keys, cx),
        }
    }

    fn has_namespaces(&self, secret: &SecretRef) -> bool {
        match self.options.stores.is_sops(secret.store.as_deref()) {
            true => self.encrypted.has_namespaces(secret),
            false => self.asked.has_namespaces(secret),
        }
    }
}
