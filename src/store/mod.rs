//! Builds the stores from settings: the store of `AVP_TYPE`, and the stores in the config file.
//!
//! Each file converts the settings of one store to those of its client. Nothing is read from a store yet, but
//! wrong settings are errors even if nothing will be read.

pub mod aws;
pub mod azure;
mod bitwarden;
mod conjur;
mod delinea;
mod doppler;
mod gitlab;
pub mod google;
mod ibm;
mod infisical;
mod kubernetes;
mod network;
mod onepassword;
mod stores;
pub mod vault;
mod yandex;

pub use stores::Stores;

use crate::report::{self, Problem};
use crate::settings::authority::Effective;
use crate::settings::{Settings, SourceKind};
use crate::sops::SopsSource;
use anyhow::Result;
use keyfill_diag::{Cx, Diagnostic};
use keyfill_secrets::file::{FileSource, FollowedFile};
use keyfill_secrets::vault::VaultSource;
use keyfill_secrets::{BoxFuture, Error, Keys, SecretData, SecretRef, Source, Traffic};
use std::path::PathBuf;
use std::sync::Arc;

/// The settings from which one store is built.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// The run's settings.
    pub settings: &'a Settings,
    /// The store's own settings.
    pub effective: &'a Effective,
    /// The name of the store in the config file, if it has one.
    pub name: Option<&'a str>,
    /// The circuit breakers of the store; only in `serve`.
    pub traffic: Option<&'a Arc<Traffic>>,
}

/// A store with wrong settings. In compatibility with AVP they are an error only if something is read.
struct Unusable(Error);

impl Source for Unusable {
    fn read_keys<'a>(
        &'a self,
        _: &'a SecretRef,
        _: &'a Keys,
        _: &'a Cx,
    ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>> {
        Box::pin(std::future::ready(Err(self.0.clone())))
    }
}

/// The stores of a command's run, and warnings about their settings.
pub fn open(settings: &Settings) -> Result<(Arc<dyn Source>, Vec<Diagnostic>)> {
    let mut warnings = Vec::new();
    let stores = Stores::build(settings, |kind, name, effective| {
        one(kind, Given { settings, effective, name, traffic: None }, &mut warnings)
    })?;
    Ok((stores, warnings))
}

/// Builds one store.
pub fn one(kind: SourceKind, given: Given<'_>, warnings: &mut Vec<Diagnostic>) -> Result<Arc<dyn Source>> {
    Ok(match kind {
        SourceKind::Vault => match vault::settings(given.settings, given.effective, given.name.is_some()) {
            Ok(settings) => Arc::new(VaultSource::new(settings)?),
            Err(error) if given.settings.compat_avp && vault::is_wrong_when_read(given.effective) => {
                let problem = report::problems(&error).remove(0);
                Arc::new(Unusable(Error::relayed(problem.class, problem.message, problem.hint, false)))
            }
            Err(error) => return Err(error),
        },
        SourceKind::File => {
            let own = given.name.and_then(|_| given.effective.get("KEYFILL_SECRETS_FILE")).map(PathBuf::from);
            let path = own.as_ref().unwrap_or(&given.settings.secrets_file);
            let file = FileSource::open(path)?;
            warnings.extend(file.warnings().iter().cloned());
            match given.traffic {
                None => Arc::new(file),
                Some(_) => Arc::new(FollowedFile::new(path, file)),
            }
        }
        SourceKind::AwsSecretsManager => aws::secrets_manager(given),
        SourceKind::AwsSsm => aws::parameter_store(given),
        SourceKind::GcpSecretManager => google::open(given),
        SourceKind::AzureKeyVault => azure::open(given),
        SourceKind::OnePasswordConnect => onepassword::open(given)?,
        SourceKind::KubernetesSecret => kubernetes::open(given)?,
        SourceKind::IbmSecretsManager => ibm::open(given)?,
        SourceKind::YandexLockbox => yandex::open(given)?,
        SourceKind::DelineaSecretServer => delinea::open(given)?,
        SourceKind::Doppler => doppler::open(given)?,
        SourceKind::Infisical => infisical::open(given)?,
        SourceKind::GitLab => gitlab::open(given)?,
        SourceKind::Conjur => conjur::open(given)?,
        SourceKind::Bitwarden => bitwarden::open(given)?,
        SourceKind::Sops => match &given.settings.encrypted {
            Some(encrypted) => Arc::new(SopsSource::new(encrypted.clone())),
            None => return Err(Problem::usage("the store sops has no tree of files here").into()),
        },
    })
}

impl<'a> Given<'a> {
    /// A setting, if the administrator has set it.
    fn get(&self, name: &str) -> Option<&'a str> {
        self.effective.administrators(name)
    }

    fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    fn secret(&self, name: &str) -> Option<keyfill_secrets::Secret> {
        self.get(name).map(keyfill_secrets::Secret::new)
    }

    /// A path in the home folder.
    fn in_home(&self, path: &str) -> Option<PathBuf> {
        self.settings.system.home.as_ref().map(|home| home.join(path))
    }

    /// A setting that the store requires.
    fn needed(&self, name: &'static str, kind: SourceKind) -> Result<&'a str> {
        let place = self.name.map(|store| format!(" (stores.{store})")).unwrap_or_default();
        self.get(name).ok_or_else(|| {
            let message = format!("{name} must be set for the store {}{place}", kind.name());
            Problem::usage(message).into()
        })
    }
}
