//! Reads the administrator's keys, from the locations in which SOPS searches for them.

use crate::settings::Env;
use crate::settings::authority::Effective;
use keyfill_secrets::{Secret, SecretBytes};
use keyfill_sops::{Identities, Keys, Refusal, SecretKeys};
use std::io;
use std::path::{Path, PathBuf};

/// The file of age keys, below the user's configuration folder.
const AGE_KEYS: &str = "sops/age/keys.txt";

/// The private SSH keys, below the home folder, that SOPS tries if none is set.
const SSH_KEYS: [&str; 2] = [".ssh/id_ed25519", ".ssh/id_rsa"];

/// The setting with a file of secret PGP keys.
const PGP_KEYS: &str = "KEYFILL_SOPS_PGP_KEY_FILE";

/// The file of secret keys of GnuPG 1, which SOPS reads if GnuPG is not installed.
const PGP_RING: &str = "secring.gpg";

/// The most bytes that are read of a key file.
const MOST: u64 = 1 << 20;

/// The locations of keys.
#[derive(Clone, Default)]
pub struct KeySettings {
    age_key: Option<Secret>,
    age_key_file: Option<PathBuf>,
    ssh_key_file: Option<PathBuf>,
    pgp_key_file: Option<PathBuf>,
    gnupg_home: Option<PathBuf>,
    configurations: Option<PathBuf>,
    home: Option<PathBuf>,
}

impl std::fmt::Debug for KeySettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeySettings").field("age_key_file", &self.age_key_file).finish_non_exhaustive()
    }
}

impl KeySettings {
    /// The locations by the administrator's settings and the environment.
    pub fn of(effective: &Effective, env: &Env) -> Self {
        let path = |name: &str| effective.get(name).map(PathBuf::from);
        let home = env.get("HOME").map(PathBuf::from);
        Self {
            age_key: effective.get("SOPS_AGE_KEY").map(Secret::new),
            age_key_file: path("SOPS_AGE_KEY_FILE"),
            ssh_key_file: path("SOPS_AGE_SSH_PRIVATE_KEY_FILE"),
            pgp_key_file: path(PGP_KEYS),
            gnupg_home: env
                .get("GNUPGHOME")
                .map(PathBuf::from)
                .or_else(|| Some(home.as_ref()?.join(".gnupg"))),
            configurations: env
                .get("XDG_CONFIG_HOME")
                .map(PathBuf::from)
                .or_else(|| Some(home.as_ref()?.join(".config"))),
            home,
        }
    }

    /// Reads the keys. A key that a setting names must be readable; the default locations may be missing.
    pub(super) fn keys(&self) -> Result<Keys, Refusal> {
        Ok(Keys { identities: self.age()?, pgp: self.pgp()?, service: None })
    }

    fn pgp(&self) -> Result<SecretKeys, Refusal> {
        let mut keys = SecretKeys::default();
        if let Some(file) = &self.pgp_key_file {
            let unusable = |why: String| {
                Refusal::new(format!("{PGP_KEYS} names {}, which cannot be used: {why}", file.display()))
                    .hint("it must be secret keys that `gpg --export-secret-keys` wrote")
            };
            let bytes = read_bytes(file).map_err(|e| unusable(e.to_string()))?;
            keys.add(bytes.expose()).map_err(unusable)?;
        } else if let Some(ring) =
            self.gnupg_home.as_ref().and_then(|dir| read_bytes(&dir.join(PGP_RING)).ok())
        {
            // No setting names this file, so that a file without keys is not an error.
            drop(keys.add(ring.expose()));
        }
        Ok(keys)
    }

    fn age(&self) -> Result<Identities, Refusal> {
        let mut identities = Identities::new();
        if let Some(keys) = &self.age_key {
            identities.add_keys(keys.expose()).map_err(|e| about(e, "SOPS_AGE_KEY"))?;
        }
        if let Some(file) = &self.age_key_file {
            let keys = read(file).map_err(|e| unreadable("SOPS_AGE_KEY_FILE", file, &e))?;
            identities.add_keys(keys.expose()).map_err(|e| about(e, "SOPS_AGE_KEY_FILE"))?;
        }
        if let Some(file) = &self.ssh_key_file {
            let name = "SOPS_AGE_SSH_PRIVATE_KEY_FILE";
            let key = read(file).map_err(|e| unreadable(name, file, &e))?;
            identities.add_ssh_key(key.expose()).map_err(|e| about(e, name))?;
        }
        if let Some(keys) = self.configurations.as_ref().and_then(|dir| read(&dir.join(AGE_KEYS)).ok()) {
            identities.add_keys(keys.expose()).map_err(|e| about(e, AGE_KEYS))?;
        }
        if self.ssh_key_file.is_none() {
            let found = self.home.iter().flat_map(|home| SSH_KEYS.map(|name| read(&home.join(name)).ok()));
            // No setting names these keys: one with a passphrase, or of another type, is skipped.
            found.flatten().for_each(|key| drop(identities.add_ssh_key(key.expose())));
        }
        Ok(identities)
    }
}

fn read(path: &Path) -> io::Result<Secret> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(MOST).read_to_string(&mut text)?;
    Ok(Secret::new(text))
}

fn read_bytes(path: &Path) -> io::Result<SecretBytes> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MOST).read_to_end(&mut bytes)?;
    Ok(SecretBytes::new(bytes))
}

fn about(refusal: Refusal, setting: &str) -> Refusal {
    Refusal { message: format!("{setting}: {}", refusal.message), ..refusal }
}

fn unreadable(setting: &str, file: &Path, error: &io::Error) -> Refusal {
    Refusal::new(format!("{setting} names {}, which cannot be read: {error}", file.display()))
        .hint("mount the file of keys, as age-keygen writes it, where the setting says")
}

#[cfg(test)]
mod tests {
    use super::KeySettings;
    use keyfill_secrets::Secret;

    const KEY: &str = "AGE-SECRET-KEY-1PPKQKEKHFT4YXFNQWKUVMTZSDAXQ9M2UZ5G3S3R4V6M8YHXXJQSXJ9Z7Q";

    #[test]
    fn a_key_that_is_named_must_be_usable_and_is_never_shown() {
        let of = |settings: KeySettings| settings.keys().map(|_| ()).expect_err("no key is usable");
        let broken = of(KeySettings { age_key: Some(Secret::new(KEY)), ..KeySettings::default() });
        assert!(broken.message.starts_with("SOPS_AGE_KEY: "), "{broken:?}");
        assert!(!format!("{broken:?}").contains("PPKQ"));
        let absent = of(KeySettings { age_key_file: Some("/nowhere/keys".into()), ..KeySettings::default() });
        assert!(absent.message.contains("/nowhere/keys") && absent.hint.is_some(), "{absent:?}");
        let absent = of(KeySettings { pgp_key_file: Some("/nowhere/pgp".into()), ..KeySettings::default() });
        assert!(absent.message.contains("KEYFILL_SOPS_PGP_KEY_FILE") && absent.hint.is_some(), "{absent:?}");
        let absent = of(KeySettings { ssh_key_file: Some("/nowhere/id".into()), ..KeySettings::default() });
        assert!(absent.message.contains("SOPS_AGE_SSH_PRIVATE_KEY_FILE"), "{absent:?}");
    }

    #[test]
    fn keys_that_nobody_named_may_be_missing() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join(".ssh")).unwrap();
        std::fs::write(home.path().join(".ssh/id_ed25519"), "not a key").unwrap();
        let settings = KeySettings {
            home: Some(home.path().to_owned()),
            configurations: Some(home.path().join(".config")),
            ..KeySettings::default()
        };
        assert!(settings.keys().is_ok_and(|keys| keys.identities.is_empty() && keys.pgp.is_empty()));
    }
}
