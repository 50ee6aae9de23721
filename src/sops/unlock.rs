//! Decrypts data keys: with the administrator's secret keys, or with key management services.
//!
//! Files come from authors. A file names keys, addresses, roles and profiles. The administrator decides which keys
//! an app may use (`KEYFILL_SOPS_KEYS`), and a file cannot choose an address or an identity.

use crate::fill::PathPolicy;
use crate::settings::Settings;
use crate::store;
use keyfill_diag::Cx;
use keyfill_secrets::aws::Kms;
use keyfill_secrets::azure::AzureKeys;
use keyfill_secrets::gcp::GoogleKms;
use keyfill_secrets::vault::VaultClient;
use keyfill_secrets::{Error, SecretBytes};
use keyfill_sops::{Hidden, KeyService, Keys, MasterKey, Refusal};
use std::sync::OnceLock;

/// The setting with the globs of allowed keys.
pub const ALLOWED_KEYS: &str = "KEYFILL_SOPS_KEYS";

/// The largest entry for one key in a file's metadata, in bytes; an age entry with many recipients is much smaller.
const LONGEST: usize = 256 << 10;

/// A key service with a run's settings. Keys are read and connections made only when the first data key is needed.
pub struct Unlocks {
    settings: Settings,
    allowed: Option<PathPolicy>,
    own: OnceLock<Result<Keys, Refusal>>,
    vault: OnceLock<Result<VaultClient, Refusal>>,
    aws: OnceLock<Kms>,
    google: OnceLock<GoogleKms>,
    azure: OnceLock<AzureKeys>,
}

impl Unlocks {
    /// The key service of a run.
    pub fn of(settings: &Settings) -> Self {
        let globs = settings.effective.get(ALLOWED_KEYS);
        Self {
            allowed: globs.map(|globs| PathPolicy::default().allow_checked(globs, &settings.fill.app)),
            settings: settings.clone(),
            own: OnceLock::new(),
            vault: OnceLock::new(),
            aws: OnceLock::new(),
            google: OnceLock::new(),
            azure: OnceLock::new(),
        }
    }

    fn check(&self, key: &MasterKey) -> Result<(), Refusal> {
        let name = name(key);
        if self.allowed.as_ref().is_none_or(|allowed| allowed.matches(&name)) {
            return Ok(());
        }
        Err(Refusal::new(format!("{name} is not among the keys that {ALLOWED_KEYS} allows this app"))
            .hint("an administrator lists a key there; all keys of age together are called age"))
    }

    /// The administrator's own secret keys.
    fn own(&self) -> Result<&Keys, Refusal> {
        self.own.get_or_init(|| self.settings.sops_keys.keys()).as_ref().map_err(Refusal::clone)
    }

    async fn ask(&self, key: &MasterKey, cx: &Cx) -> Result<SecretBytes, Refusal> {
        let settings = &self.settings;
        let given = || store::Given { settings, effective: &settings.effective, name: None, traffic: None };
        match key {
            MasterKey::AwsKms { arn, role, context, enc, .. } => {
                if !role.is_empty() {
                    return Err(Refusal::new(format!(
                        "the file asks to assume the role {role}, which it may not"
                    ))
                    .hint(
                        "let the identity of keyfill use the key itself, and leave the role out of the file",
                    ));
                }
                let kms = self.aws.get_or_init(|| store::aws::kms(given()));
                kms.decrypt(arn, context, enc, cx).await.map_err(|e| refusal(&e))
            }
            MasterKey::GcpKms { resource_id, enc } => {
                let kms = self.google.get_or_init(|| store::google::kms(given()));
                kms.decrypt(resource_id, enc, cx).await.map_err(|e| refusal(&e))
            }
            MasterKey::AzureKeyVault { vault_url, name, version, enc } => {
                let keys = self.azure.get_or_init(|| store::azure::keys(given()));
                keys.decrypt(vault_url, name, version, enc, cx).await.map_err(|e| refusal(&e))
            }
            MasterKey::VaultTransit { address, engine_path, key_name, enc } => {
                let client = self.vault.get_or_init(|| self.client()).as_ref().map_err(Refusal::clone)?;
                if !client.is_at(address) {
                    let message =
                        format!("the file's key is in Vault at {address}, which is not keyfill's Vault");
                    return Err(Refusal::new(message).hint("no file chooses where keyfill sends its token"));
                }
                client.transit_decrypt(engine_path, key_name, enc, cx).await.map_err(|e| refusal(&e))
            }
            MasterKey::Age { .. } | MasterKey::Pgp { .. } | MasterKey::HuaweiKms { .. } => {
                Err(Refusal::new("no service has this key"))
            }
        }
    }

    fn client(&self) -> Result<VaultClient, Refusal> {
        let settings = store::vault::settings(&self.settings, &self.settings.effective, false);
        let settings = settings.map_err(|error| Refusal::new(format!("{error:#}")))?;
        VaultClient::new(settings).map_err(|e| refusal(&e))
    }
}

impl KeyService for Unlocks {
    fn decrypt(&self, key: &MasterKey, cx: &Cx) -> Result<Hidden, Refusal> {
        self.check(key)?;
        if key.bytes() > LONGEST {
            return Err(Refusal::new("its entry in the metadata is too long"));
        }
        match key {
            MasterKey::Age { .. } | MasterKey::Pgp { .. } | MasterKey::HuaweiKms { .. } => {
                self.own()?.decrypt(key, cx)
            }
            // A separate thread, since the caller may already be inside of a tokio runtime.
            _ => std::thread::scope(|scope| {
                let asked = scope.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                    let runtime =
                        runtime.map_err(|e| Refusal::new(format!("no request can be sent: {e}")))?;
                    runtime.block_on(self.ask(key, cx))
                });
                asked.join().unwrap_or_else(|_| Err(Refusal::new("the key could not be used")))
            })
            .map(|bytes| Hidden::new(bytes.expose())),
        }
    }
}

/// The name of a key for the administrator's globs.
fn name(key: &MasterKey) -> String {
    match key {
        MasterKey::Age { .. } => "age".to_owned(),
        MasterKey::Pgp { .. } => "pgp".to_owned(),
        MasterKey::HuaweiKms { key_id } => key_id.clone(),
        MasterKey::AwsKms { arn, .. } => arn.clone(),
        MasterKey::GcpKms { resource_id, .. } => resource_id.clone(),
        MasterKey::AzureKeyVault { vault_url, name, .. } => {
            format!("{}/keys/{name}", vault_url.trim_end_matches('/'))
        }
        MasterKey::VaultTransit { engine_path, key_name, .. } => {
            format!("{}/keys/{key_name}", engine_path.trim_matches('/'))
        }
    }
}

fn refusal(error: &Error) -> Refusal {
    let refusal = Refusal::new(error.to_string());
    match error.advice() {
        Some(advice) => refusal.hint(advice),
        None => refusal,
    }
}
