//! The token cache: files with tokens that later runs use again, in a folder that only its owner may read.
//!
//! Only the settings that a token was granted for use it: the file contains a hash of address, namespace, mount,
//! method, role and credential. An error of the cache never fails a run: it is reported once, as a warning, and the
//! run logs in.

use super::settings::{Auth, CacheNames, TokenCache, VaultSettings};
use crate::Secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

/// The largest file that is read as one of the token cache, in bytes.
const LARGEST_FILE: u64 = 64 << 10;

/// A token, and how long it is valid.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) token: Secret,
    /// When it expires; `None` if it does not expire.
    pub(crate) ends: Option<SystemTime>,
    /// The time to live that it was granted with.
    pub(crate) lease: Duration,
    pub(crate) renewable: bool,
}

/// The file in the token cache for one set of settings.
pub(crate) struct CacheFile {
    folder: PathBuf,
    path: PathBuf,
    key: String,
}

#[derive(Serialize, Deserialize)]
struct Content<'a> {
    key: &'a str,
    token: &'a str,
    ends: Option<u64>,
    lease: u64,
    renewable: bool,
}

impl CacheFile {
    pub(crate) fn new(cache: &TokenCache, settings: &VaultSettings, key: String) -> Self {
        let name = match cache.names {
            CacheNames::ByKey => format!("token-{}.json", &key[..32]),
            CacheNames::Avp => avp_name(&settings.auth),
        };
        Self { folder: cache.folder.clone(), path: cache.folder.join(name), key }
    }

    /// The token that was stored for these settings, if it has not expired. A file with other contents has no token.
    pub(crate) fn load(&self) -> Result<Option<Kept>, String> {
        if !self.folder.exists() {
            return Ok(None);
        }
        private_folder(&self.folder)?;
        let Some(text) = read_private(&self.path)? else { return Ok(None) };
        let Ok(content) = serde_json::from_slice::<Content<'_>>(&text) else { return Ok(None) };
        let kept = Kept {
            token: Secret::new(content.token),
            ends: content.ends.map(|s| UNIX_EPOCH + Duration::from_secs(s)),
            lease: Duration::from_secs(content.lease),
            renewable: content.renewable,
        };
        Ok((content.key == self.key && kept.ends.is_none_or(|ends| ends > SystemTime::now())).then_some(kept))
    }

    /// Stores a token atomically: another run sees the old file or the new one.
    pub(crate) fn store(&self, kept: &Kept) -> Result<(), String> {
        make_folder(&self.folder)?;
        private_folder(&self.folder)?;
        let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let content = Content {
            key: &self.key,
            token: kept.token.expose(),
            ends: kept.ends.map(seconds),
            lease: kept.lease.as_secs(),
            renewable: kept.renewable,
        };
        let failed =
            |e: &dyn std::fmt::Display| format!("a token cannot be kept in {}: {e}", self.folder.display());
        let text = Zeroizing::new(serde_json::to_vec(&content).map_err(|e| failed(&e))?);
        // The temporary file is created with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(&self.folder).map_err(|e| failed(&e))?;
        file.write_all(&text).map_err(|e| failed(&e))?;
        file.persist(&self.path).map_err(|e| failed(&e.error))?;
        Ok(())
    }
}

/// A hash of all that a token belongs to. Each part is hashed with its length, so that different parts never give the
/// same input.
pub(crate) fn key(settings: &VaultSettings, address: &str, credential: &[u8]) -> String {
    let role = match &settings.auth {
        Auth::Kubernetes { role, .. } => role.as_str(),
        Auth::Userpass { username, .. } => username.as_str(),
        Auth::Jwt { role, .. } | Auth::Cert { role, .. } => role.as_deref().unwrap_or_default(),
        Auth::AppRole { role_id, .. } => role_id.expose(),
        Auth::Token(_) | Auth::TokenFile(_) | Auth::Github { .. } => "",
    };
    let credential = Sha256::digest(credential);
    let login = settings.auth.login_path();
    let parts: [&[u8]; 6] = [
        address.as_bytes(),
        settings.namespace.as_deref().unwrap_or_default().as_bytes(),
        login.as_bytes(),
        settings.auth.method().as_bytes(),
        role.as_bytes(),
        &credential,
    ];
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

fn avp_name(auth: &Auth) -> String {
    let method = auth.method();
    let who = match auth {
        Auth::AppRole { role_id, .. } => role_id.expose(),
        Auth::Userpass { username, .. } => username,
        _ => "",
    };
    // The user name or role id may come from the author of an app: it must not lead to another folder.
    let who: String = who
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_@".contains(c) { c } else { '_' })
        .take(100)
        .collect();
    if who.is_empty() { format!("{method}_config.json") } else { format!("{method}_{who}_config.json") }
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> Result<(), String> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|e| format!("the token cache {} cannot be made: {e}", folder.display()))
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder)
        .map_err(|e| format!("the token cache {} cannot be made: {e}", folder.display()))
}

/// Refuses a folder that another user owns or may read.
#[cfg(unix)]
fn private_folder(folder: &Path) -> Result<(), String> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let name = folder.display();
    let meta =
        fs::symlink_metadata(folder).map_err(|e| format!("the token cache {name} cannot be read: {e}"))?;
    if !meta.is_dir() {
        return Err(format!("the token cache {name} is not a folder"));
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(format!("the token cache {name} is not used: it belongs to another user"));
    }
    let mode = meta.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(format!(
            "the token cache {name} is not used: others may read it (mode {mode:04o}), chmod 700 {name}"
        ));
    }
    Ok(())
}

/// Outside of unix there are no modes: the permissions of the user's profile folder must suffice.
#[cfg(not(unix))]
fn private_folder(_: &Path) -> Result<(), String> {
    Ok(())
}

/// The contents of a file. `None` if there is none, if it is not a regular file, too large, or if others may read it.
fn read_private(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(format!("the cached token {} cannot be read: {e}", path.display())),
    };
    #[cfg(unix)]
    let open_to_others = std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o077 != 0;
    #[cfg(not(unix))]
    let open_to_others = false;
    if !meta.is_file() || meta.len() > LARGEST_FILE || open_to_others {
        return Ok(None);
    }
    match fs::read(path) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(e) => Err(format!("the cached token {} cannot be read: {e}", path.display())),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::{CacheFile, Kept, key};
    use crate::vault::{Auth, CacheNames, TokenCache, VaultSettings};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, SystemTime};

    fn approle(role: &str, secret: &str) -> VaultSettings {
        let auth = Auth::AppRole { mount: "approle".into(), role_id: role.into(), secret_id: secret.into() };
        VaultSettings::new("http://v:8200", auth)
    }

    fn kept(seconds: u64) -> Kept {
        let ends = Some(SystemTime::now() + Duration::from_secs(seconds));
        Kept { token: "hvs.hush".into(), ends, lease: Duration::from_secs(seconds), renewable: true }
    }

    fn file(
        folder: &std::path::Path,
        names: CacheNames,
        settings: &VaultSettings,
        credential: &str,
    ) -> CacheFile {
        let cache = TokenCache { folder: folder.join("cache"), names };
        CacheFile::new(&cache, settings, key(settings, &settings.address, credential.as_bytes()))
    }

    #[test]
    fn a_token_is_loaded_only_with_the_settings_it_was_stored_for() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for names in [CacheNames::ByKey, CacheNames::Avp] {
            let settings = approle("r1", "s1");
            let mine = file(folder.path(), names, &settings, "s1");
            mine.store(&kept(60)).expect("it is kept");
            let token = mine.load().expect("it can be read").map(|k| k.token.expose().to_owned());
            assert_eq!(token.as_deref(), Some("hvs.hush"));
            let mut others = vec![
                (approle("r1", "s2"), "s2"),
                (approle("r2", "s1"), "s1"),
                (settings.clone(), "s1"),
                (settings.clone(), "s1"),
            ];
            others[2].0.address = "http://w:8200".into();
            others[3].0.namespace = Some("team".into());
            for (settings, credential) in others {
                assert!(
                    file(folder.path(), names, &settings, credential).load().expect("readable").is_none()
                );
            }
        }
    }

    #[test]
    fn the_folder_has_mode_0700_and_the_file_0600() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mine = file(folder.path(), CacheNames::Avp, &approle("a/../b", "s"), "s");
        mine.store(&kept(60)).expect("it is kept");
        let mode = |p: &std::path::Path| fs::metadata(p).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode(&mine.folder), 0o700);
        assert_eq!(mode(&mine.path), 0o600);
        assert_eq!(mine.path.file_name().and_then(|n| n.to_str()), Some("approle_a____b_config.json"));
    }

    #[test]
    fn files_that_others_may_read_or_that_are_invalid_or_expired_are_not_used() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mine = file(folder.path(), CacheNames::ByKey, &approle("r", "s"), "s");
        mine.store(&kept(60)).expect("it is kept");
        fs::set_permissions(&mine.path, fs::Permissions::from_mode(0o644)).expect("its mode can be set");
        assert!(mine.load().expect("readable").is_none());
        mine.store(&kept(0)).expect("it is kept");
        assert!(mine.load().expect("readable").is_none());
        fs::write(&mine.path, "oops").expect("it can be written");
        assert!(mine.load().expect("readable").is_none());
        fs::set_permissions(&mine.folder, fs::Permissions::from_mode(0o755)).expect("its mode can be set");
        let refused = mine.load().err().expect("the folder is open to others");
        assert!(refused.contains("others may read it") && mine.store(&kept(60)).is_err(), "{refused}");
    }
}
