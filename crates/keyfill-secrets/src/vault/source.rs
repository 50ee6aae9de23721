//! Reads secrets from Vault: which path is requested, and where in the answer the keys are.

use super::answers::{self, Envelope, Mount, Versioned};
use super::client::VaultClient;
use super::endpoints::Plain;
use super::metadata::{AskedMounts, Known};
use super::settings::VaultSettings;
use crate::{BoxFuture, Error, Keys, KvVersion, SecretData, SecretRef, Source};
use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_http::Answer;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often a read checks whether its run was cancelled.
const CANCEL_CHECK: Duration = Duration::from_millis(50);

/// What may follow the mount in the API of KV version 2. A path that contains one of them is used as it is written.
const KV2_PARTS: [&str; 7] = ["data", "metadata", "subkeys", "delete", "undelete", "destroy", "config"];

/// A source that reads secrets from Vault.
#[derive(Debug)]
pub struct VaultSource {
    client: Arc<VaultClient>,
    /// The mounts of KV version 2 that reads of paths without `data/` found.
    mounts: Mutex<Vec<KnownMount>>,
    /// The mounts that requests for metadata found.
    pub(super) asked: AskedMounts,
}

/// A mount of KV version 2.
#[derive(Debug, PartialEq, Eq)]
struct KnownMount {
    /// The namespace, if the document sets one.
    namespace: Option<String>,
    /// The path of the mount, with a slash at its end.
    path: String,
}

impl VaultSource {
    /// A source with its own client. No request is sent.
    pub fn new(settings: VaultSettings) -> Result<Self, Error> {
        Ok(Self::over(Arc::new(VaultClient::new(settings)?)))
    }

    /// A source with a client that others may use too.
    pub fn over(client: Arc<VaultClient>) -> Self {
        Self { client, mounts: Mutex::default(), asked: AskedMounts::default() }
    }

    /// The client, which has counts and warnings.
    pub fn client(&self) -> &Arc<VaultClient> {
        &self.client
    }

    async fn find(&self, secret: &SecretRef, cx: &Cx) -> Result<Arc<SecretData>, Error> {
        let path = clean_path(&secret.path)?;
        let version = match &secret.version {
            None => None,
            Some(text) => Some(text.trim().parse::<u64>().map_err(|_| {
                Error::missing(format!(
                    "there is no version {text:?} of {}: versions are numbers",
                    secret.path
                ))
            })?),
        };
        let read = Read {
            secret,
            kv: secret.kv.or(self.client.settings().kv),
            version,
            what: format!("cannot read {secret}"),
        };
        let may_move = self.client.settings().find_data_paths && read.kv != Some(KvVersion::V1);
        if let Some(moved) = may_move.then(|| self.known_data_path(secret, &path)).flatten() {
            let answer = self.ask(&Plain::read(&moved, version), &read, cx).await?;
            return self.unwrap(&read, &moved, &answer);
        }
        let answer = self.ask(&Plain::read(&path, version), &read, cx).await?;
        if !may_move || !may_lack_data(&answer) {
            return self.unwrap(&read, &path, &answer);
        }
        match self.data_path(&path, &answer, &read, cx).await? {
            Some(moved) => {
                let answer = self.ask(&Plain::read(&moved, version), &read, cx).await?;
                self.unwrap(&read, &moved, &answer)
            }
            None => self.unwrap(&read, &path, &answer),
        }
    }

    async fn ask(&self, endpoint: &Plain, read: &Read<'_>, cx: &Cx) -> Result<Answer, Error> {
        self.client.ask(endpoint, read.secret.namespace.as_deref(), &read.what, cx).await
    }

    /// The path with `data/` after its mount, if the mount is already known to be KV version 2.
    fn known_data_path(&self, secret: &SecretRef, path: &str) -> Option<String> {
        let mounts = self.mounts.lock().unwrap_or_else(PoisonError::into_inner);
        let here = mounts.iter().filter(|mount| mount.namespace == secret.namespace);
        here.filter_map(|mount| with_data(&mount.path, path)).next()
    }

    /// Asks Vault for the mount of a path that it refused, and remembers it if it is KV version 2. Returns the path
    /// with `data/`, or `None` if the path is right as it is.
    async fn data_path(
        &self,
        path: &str,
        answer: &Answer,
        read: &Read<'_>,
        cx: &Cx,
    ) -> Result<Option<String>, Error> {
        let asked = self.ask(&Plain::mount_of(path), read, cx).await?;
        let mount = if asked.status.is_success() { Envelope::of(&asked).mount() } else { None };
        let mount = match mount {
            Some(Mount { path: mount, is_kv2 }) => is_kv2.then_some(mount),
            // Vault said that the engine is KV version 2, but not where it is mounted. Most mounts have one segment.
            None if Envelope::of(answer).wants_data_path() => {
                path.split_once('/').map(|(first, _)| format!("{first}/"))
            }
            None => None,
        };
        let Some(mount) = mount else { return Ok(None) };
        let moved = with_data(&mount, path);
        if moved.is_some() {
            let mut mounts = self.mounts.lock().unwrap_or_else(PoisonError::into_inner);
            let mount = KnownMount { namespace: read.secret.namespace.clone(), path: mount };
            if !mounts.contains(&mount) {
                mounts.push(mount);
                // The longest first, since a mount may be below another.
                mounts.sort_by_key(|m| std::cmp::Reverse(m.path.len()));
            }
        }
        Ok(moved)
    }

    fn unwrap(&self, read: &Read<'_>, path: &str, answer: &Answer) -> Result<Arc<SecretData>, Error> {
        let envelope = Envelope::of(answer);
        if answer.status == http::StatusCode::NOT_FOUND {
            return Err(self.not_found(read, path, answer));
        }
        if !answer.status.is_success() {
            return Err(self.client.refused(answer).about(&read.what));
        }
        let nothing =
            || Error::missing(format!("{}: {} answered without any keys", read.what, self.client.name()));
        let data = envelope.data().ok_or_else(nothing)?;
        let versioned = if read.kv == Some(KvVersion::V1) { None } else { Versioned::of(data) };
        let version = versioned.as_ref().map(|versioned| versioned.version);
        let keys = match read.kv {
            Some(KvVersion::V1) => data,
            Some(KvVersion::V2) => answers::data_below_data(data).ok_or_else(|| {
                Error::missing(format!("{}: the answer does not have the shape of kv version 2", read.what)).hint(
                    "check that the engine is kv version 2; for others set the annotation avp.kubernetes.io/kv-version \
                     or AVP_KV_VERSION to 1",
                )
            })?,
            None => match versioned {
                Some(versioned) => versioned.data.ok_or_else(nothing)?,
                None => data,
            },
        };
        answers::keys(keys, &read.secret.path).map(|keys| Arc::new(keys.of_version(version)))
    }

    fn not_found(&self, read: &Read<'_>, path: &str, answer: &Answer) -> Error {
        let envelope = Envelope::of(answer);
        let secret = read.secret;
        let name = self.client.name();
        if let Some(state) = envelope.version_state() {
            let (version, path) = (state.version, &secret.path);
            return if state.destroyed {
                Error::missing(format!("version {version} of {path} was destroyed in {name}"))
                    .absent()
                    .hint("its data is gone for good: write the secret again, or name another version")
            } else {
                let when = Some(&state.deletion_time)
                    .filter(|t| t.len() < 40)
                    .map_or(String::new(), |t| format!(" at {t}"));
                Error::missing(format!("version {version} of {path} was deleted{when} in {name}"))
                    .absent()
                    .hint("undelete it, write the secret again, or name another version")
            };
        }
        if envelope.wants_data_path() {
            let (mount, rest) = path.split_once('/').unwrap_or((path, ""));
            return Error::missing(format!("{secret} is not in {name}: the engine is kv version 2, whose paths have /data/ after the mount"))
                .hint(format!("did you mean {mount}/data/{rest}?"));
        }
        match self.client.words(answer) {
            Some(words) => Error::missing(format!("{secret} is not in {name}: {words}"))
                .hint("check the first part of the path: no secrets engine is mounted there"),
            None => Error::missing(format!("{secret} is not in {name}")).absent().hint(match read.version {
                Some(_) => "check the path, and that this version still exists",
                None => "check the path; for kv version 2 it is MOUNT/data/NAME",
            }),
        }
    }
}

impl Source for VaultSource {
    fn read_keys<'a>(
        &'a self,
        secret: &'a SecretRef,
        _: &'a Keys,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>> {
        Box::pin(async move {
            let find = self.find(secret, cx);
            let stop = stopped(cx);
            tokio::select! {
                biased;
                result = find => result,
                reason = stop => Err(Error::store(format!("cannot read {secret} from {}: {reason}", self.client.name())).out_of_time()),
            }
        })
    }

    fn known<'a>(&'a self, secret: &'a SecretRef, cx: &'a Cx) -> BoxFuture<'a, Result<Option<Known>, Error>> {
        Box::pin(async move { VaultSource::known(self, secret, cx).await.map(Some) })
    }

    fn has_namespaces(&self, _: &SecretRef) -> bool {
        true
    }

    fn take_warnings(&self) -> Vec<Diagnostic> {
        self.client.take_warnings()
    }
}

/// Returns when the run is cancelled or its deadline is exceeded.
pub(crate) async fn stopped(cx: &Cx) -> keyfill_diag::Stopped {
    loop {
        if let Err(reason) = cx.check() {
            return reason;
        }
        tokio::time::sleep(CANCEL_CHECK.min(cx.time_left())).await;
    }
}

/// The parameters of one read.
struct Read<'a> {
    secret: &'a SecretRef,
    kv: Option<KvVersion>,
    version: Option<u64>,
    what: String,
}

/// Whether Vault may have refused the path because it lacks `data/`: with a warning, or with 403, since policies are
/// written for the path with `data/`.
fn may_lack_data(answer: &Answer) -> bool {
    match answer.status.as_u16() {
        403 => true,
        404 => Envelope::of(answer).wants_data_path(),
        _ => false,
    }
}

/// The path with `data/` after the mount. `None` if it is not below the mount or already names a part of the mount's
/// API.
fn with_data(mount: &str, path: &str) -> Option<String> {
    // If the path begins with a namespace, Vault reports the mount without it, and the path is not below that.
    let rest = path.strip_prefix(mount)?;
    let first = rest.split('/').next().unwrap_or_default();
    (!rest.is_empty() && !KV2_PARTS.contains(&first)).then(|| format!("{mount}data/{rest}"))
}

/// The path without empty segments. `..` is refused, since policies are checked for the path as it is written.
pub(super) fn clean_path(path: &str) -> Result<String, Error> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if parts.iter().any(|part| matches!(*part, "." | "..")) {
        return Err(Error::new(Class::Forbidden, format!("the path {path} is refused: it holds . or .."))
            .hint("write the path in full"));
    }
    if path.chars().any(char::is_control) {
        return Err(Error::missing("a path of a secret holds a control character"));
    }
    if parts.is_empty() {
        return Err(Error::missing("the path of a secret is empty"));
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{clean_path, with_data};
    use keyfill_diag::{Class, Report as _};

    #[test]
    fn empty_segments_are_removed_and_dot_segments_are_refused() {
        let clean = |path| clean_path(path).ok();
        assert_eq!(clean("/secret//data/app/").as_deref(), Some("secret/data/app"));
        assert_eq!(clean("secret/data/a..b/...").as_deref(), Some("secret/data/a..b/..."));
        for bad in ["secret/data/../x", "..", "a/./b", "", "/", "a\nb"] {
            assert!(clean_path(bad).is_err(), "{bad:?}");
        }
        assert!(clean_path("a/..").is_err_and(|e| e.class() == Class::Forbidden));
    }

    #[test]
    fn data_is_inserted_after_the_mount_only_if_it_is_missing() {
        assert_eq!(with_data("kv/", "kv/team/app").as_deref(), Some("kv/data/team/app"));
        assert_eq!(with_data("team/kv/", "team/kv/app").as_deref(), Some("team/kv/data/app"));
        for path in ["kv/data/app", "kv/metadata/app", "kv/", "other/app", "kvs/app"] {
            assert_eq!(with_data("kv/", path), None, "{path}");
        }
    }
}
