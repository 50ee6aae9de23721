//! Master keys, and how the data key of a file is decrypted with them.

use crate::age::Identities;
use crate::metadata::Metadata;
use crate::{Error, Hidden, shamir};
use keyfill_diag::{Class, Cx};
use keyfill_pgp::{SecretKeys, Undecrypted};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The most bytes of a data key or of a share of one. Valid ones have 32 and 33 bytes.
const LONGEST_KEY: usize = 256;

/// A master key of a file, and the data key, or a share of it, that was encrypted with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MasterKey {
    /// A recipient of age, and the armored file that holds the data key.
    Age {
        /// The public key: `age1...` or `ssh-...`.
        recipient: String,
        /// The armored file.
        enc: String,
    },
    /// A key of PGP, and the armored message that holds the data key.
    Pgp {
        /// The key's fingerprint.
        fingerprint: String,
        /// The armored message.
        enc: String,
    },
    /// A key of AWS' key management service.
    AwsKms {
        /// The key's name, with its region.
        arn: String,
        /// A role that the file asks to assume; empty for none.
        role: String,
        /// The encryption context.
        context: Vec<(String, String)>,
        /// A profile that the file asks for; empty for none.
        profile: String,
        /// The ciphertext in base64.
        enc: String,
    },
    /// A key of Google's key management service.
    GcpKms {
        /// `projects/P/locations/L/keyRings/R/cryptoKeys/K`
        resource_id: String,
        /// The ciphertext in base64.
        enc: String,
    },
    /// A key of Huawei's key management service, which is not supported.
    HuaweiKms {
        /// The key's id.
        key_id: String,
    },
    /// A key in Azure's key vault.
    AzureKeyVault {
        /// The vault's address.
        vault_url: String,
        /// The name of the key.
        name: String,
        /// The key's version.
        version: String,
        /// The ciphertext in base64 for URLs.
        enc: String,
    },
    /// A key of Vault's transit engine.
    VaultTransit {
        /// The address of Vault that the file names. A key service only compares it with its own address: it never
        /// connects to an address because a file names it.
        address: String,
        /// The path at which the engine is mounted.
        engine_path: String,
        /// The name of the key.
        key_name: String,
        /// The ciphertext in Vault's form, `vault:v1:...`.
        enc: String,
    },
}

impl MasterKey {
    /// The size of all its texts, in bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Age { recipient, enc } => recipient.len() + enc.len(),
            Self::Pgp { fingerprint, enc } => fingerprint.len() + enc.len(),
            Self::AwsKms { arn, role, context, profile, enc } => {
                let pairs: usize = context.iter().map(|(name, value)| name.len() + value.len()).sum();
                arn.len() + role.len() + pairs + profile.len() + enc.len()
            }
            Self::GcpKms { resource_id, enc } => resource_id.len() + enc.len(),
            Self::HuaweiKms { key_id } => key_id.len(),
            Self::AzureKeyVault { vault_url, name, version, enc } => {
                vault_url.len() + name.len() + version.len() + enc.len()
            }
            Self::VaultTransit { address, engine_path, key_name, enc } => {
                address.len() + engine_path.len() + key_name.len() + enc.len()
            }
        }
    }

    /// The key as errors name it.
    pub fn name(&self) -> String {
        match self {
            Self::Age { recipient, .. } => format!("age {recipient}"),
            Self::Pgp { fingerprint, .. } => format!("PGP {fingerprint}"),
            Self::AwsKms { arn, .. } => format!("AWS KMS {arn}"),
            Self::GcpKms { resource_id, .. } => format!("Google KMS {resource_id}"),
            Self::HuaweiKms { key_id } => format!("Huawei KMS {key_id}"),
            Self::AzureKeyVault { vault_url, name, .. } => format!("Azure Key Vault {vault_url}/keys/{name}"),
            Self::VaultTransit { address, engine_path, key_name, .. } => {
                format!("Vault {address}/v1/{engine_path}/keys/{key_name}")
            }
        }
    }
}

/// Why a master key did not give the data key or its share. The texts become part of an error, so they hold no
/// secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// What went wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Refusal {
    /// A refusal without a hint.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Decrypts data keys outside of this process: with Vault's transit engine, or the key services of cloud providers.
pub trait KeyService: Send + Sync {
    /// Decrypts the data key, or the share of it, of a master key. It may block until the deadline.
    ///
    /// An author writes the file. So the service must decide which addresses, roles and profiles may be used.
    fn decrypt(&self, key: &MasterKey, cx: &Cx) -> Result<Hidden, Refusal>;
}

/// The secret keys and key services that files are decrypted with.
#[derive(Clone, Default)]
pub struct Keys {
    /// Secret keys of age.
    pub identities: Identities,
    /// Secret keys of PGP.
    pub pgp: SecretKeys,
    /// The service that decrypts with all other master keys.
    pub service: Option<Arc<dyn KeyService>>,
}

impl Keys {
    /// The data key of a file: from the only group of master keys, or from the shares of several groups.
    pub(crate) fn data_key(&self, metadata: &Metadata, cx: &Cx) -> Result<Hidden, Error> {
        let mut refusals = Vec::new();
        let mut shares = Vec::new();
        for group in &metadata.groups {
            if let Some(share) = self.share(group, &mut refusals, cx)? {
                shares.push(share);
            }
            if shares.len() == metadata.threshold {
                break;
            }
        }
        if shares.len() < metadata.threshold {
            return Err(no_data_key(metadata, shares.len(), refusals));
        }
        if metadata.groups.len() == 1 {
            return Ok(shares.remove(0));
        }
        shamir::combine(&shares)
            .ok_or_else(|| Error::file("the shares of the data key do not belong together"))
    }

    /// The share of a group, from the first of its keys that gives it. Keys of age come first, since they need no
    /// request.
    fn share(
        &self,
        group: &[MasterKey],
        refusals: &mut Vec<(String, Refusal)>,
        cx: &Cx,
    ) -> Result<Option<Hidden>, Error> {
        for key in group {
            cx.check().map_err(Error::stopped)?;
            match self.decrypt(key, cx) {
                Ok(share) => return Ok(Some(share)),
                Err(refusal) => refusals.push((key.name(), refusal)),
            }
        }
        Ok(None)
    }

    /// Decrypts the data key, or the share of it, of one master key. Keys of age and PGP are decrypted with the
    /// secret keys here; if there are none, by the service, which may ask another process that has them.
    pub fn decrypt(&self, key: &MasterKey, cx: &Cx) -> Result<Hidden, Refusal> {
        match (key, &self.service) {
            (MasterKey::Age { .. }, Some(service)) if self.identities.is_empty() => service.decrypt(key, cx),
            (MasterKey::Age { enc, .. }, _) => self.identities.decrypt(enc),
            (MasterKey::Pgp { .. }, Some(service)) if self.pgp.is_empty() => service.decrypt(key, cx),
            (MasterKey::Pgp { enc, .. }, _) => by_pgp(&self.pgp, enc),
            (MasterKey::HuaweiKms { .. }, _) => Err(Refusal::new("keyfill does not know this key service")
                .hint("add an age recipient to the file's keys: `sops rotate --in-place --add-age RECIPIENT FILE`")),
            (_, Some(service)) => service.decrypt(key, cx),
            (_, None) => Err(Refusal::new("no key service is set up")),
        }
    }
}

fn by_pgp(keys: &SecretKeys, message: &str) -> Result<Hidden, Refusal> {
    if keys.is_empty() {
        return Err(Refusal::new("no secret key of PGP is set up").hint(
            "export it with `gpg --armor --export-secret-keys FINGERPRINT`, and name the file in KEYFILL_SOPS_PGP_KEY_FILE",
        ));
    }
    let hint = |why: &Undecrypted| match why {
        Undecrypted::OtherKeys { .. } => {
            Some("export the secret key of one of them, and add it to the file of keys")
        }
        Undecrypted::Passphrase { .. } => Some(
            "nobody is asked for a passphrase: export the key without one (`gpg --edit-key FINGERPRINT passwd`), and keep the file secret",
        ),
        Undecrypted::NoSecret { .. } => {
            Some("a key on a card cannot be exported: add another recipient to the file")
        }
        Undecrypted::Broken(_) => None,
    };
    match keys.decrypt(message, LONGEST_KEY) {
        Ok(key) => Ok(Hidden::new(key.as_slice())),
        Err(why) => {
            let refusal = Refusal::new(why.to_string());
            Err(match hint(&why) {
                Some(hint) => refusal.hint(hint),
                None => refusal,
            })
        }
    }
}

/// The error if no data key was found. It lists every key that was tried, and has the first hint.
fn no_data_key(metadata: &Metadata, shares: usize, refusals: Vec<(String, Refusal)>) -> Error {
    let mut message = if metadata.groups.len() == 1 {
        String::from("no master key of the SOPS file gives its data key")
    } else {
        format!(
            "the data key of the SOPS file needs {} key groups, and {shares} of {} gave their share",
            metadata.threshold,
            metadata.groups.len()
        )
    };
    let mut hint = None;
    for (name, refusal) in refusals {
        message.push_str(&format!("; {name}: {}", refusal.message));
        hint = hint.or(refusal.hint);
    }
    let error = Error::new(Class::Store, message);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
