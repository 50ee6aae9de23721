//! Secrets from a YAML file of paths and keys: for trying out, for tests and CI.

use crate::{BoxFuture, Error, Keys, Secret, SecretData, SecretRef, SecretValue, Source};
use keyfill_diag::{Cx, Diagnostic, nearest};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// A file such as
///
/// ```yaml
/// secret/data/app:
///   user: alice
///   port: 5432
/// ```
///
/// Paths are written as placeholders write them; a path with and without `data/` after its first part is
/// the same. The file knows no versions: a reference with one gets what is there.
pub struct FileSource {
    name: String,
    secrets: HashMap<String, Arc<SecretData>>,
    warnings: Vec<Diagnostic>,
}

impl FileSource {
    /// Reads a file. A mode that lets others read it leads to a warning.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let text = std::fs::read(path).map_err(|e| {
            Error::usage(format!("the secrets file {name} cannot be read: {e}"))
                .hint("name it with --secrets-file, or use a secret store")
        })?;
        let mut source = Self::parse(&name, &text)?;
        source.warnings.extend(readable_by_others(path, &name));
        Ok(source)
    }

    /// Reads the text of a file; `name` is how errors call it.
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, Error> {
        let wrong = |why: String| {
            Error::usage(format!("the secrets file {name} is not usable: {why}"))
                .hint("it is a map from paths to maps from keys to values")
        };
        // The message of the YAML reader may quote what it read, so only its place is reported.
        let root: serde_yaml::Value = serde_yaml::from_slice(text).map_err(|e| {
            wrong(e.location().map_or_else(
                || "it is not valid YAML".to_owned(),
                |at| format!("line {}, column {}: it is not valid YAML", at.line(), at.column()),
            ))
        })?;
        let paths = match root {
            serde_yaml::Value::Mapping(paths) => paths,
            serde_yaml::Value::Null => serde_yaml::Mapping::new(),
            _ => return Err(wrong("it is not a map".into())),
        };
        let mut secrets = HashMap::new();
        for (path, keys) in paths {
            let path = key_text(&path).ok_or_else(|| wrong("a path in it is not a string".into()))?;
            let data = match convert(keys) {
                Some(SecretValue::Map(entries)) => entries.into_iter().collect(),
                Some(SecretValue::Null) => SecretData::default(),
                Some(_) => return Err(wrong(format!("{path} holds no map of keys"))),
                None => return Err(wrong(format!("{path} holds a key that is not a string"))),
            };
            secrets.insert(canonical(&path), Arc::new(data));
        }
        Ok(Self { name: name.to_owned(), secrets, warnings: Vec::new() })
    }

    /// Warnings that opening led to.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// What the file holds under a path.
    pub fn get(&self, path: &str) -> Option<&Arc<SecretData>> {
        self.secrets.get(&canonical(path)).or_else(|| self.secrets.get(&canonical(&without_data(path)?)))
    }

    fn missing(&self, path: &str) -> Error {
        let error = Error::missing(format!("{path} is not in the secrets file {}", self.name)).absent();
        match nearest(path, self.secrets.keys().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error.hint(format!("add it to {}", self.name)),
        }
    }
}

impl Source for FileSource {
    fn read_keys<'a>(
        &'a self,
        secret: &'a SecretRef,
        _: &'a Keys,
        _: &'a Cx,
    ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>> {
        Box::pin(async move {
            // The file has one version of each secret, whatever its number.
            if let Some(version) =
                secret.version.as_deref().filter(|text| text.trim().parse::<i64>().is_err())
            {
                let path = &secret.path;
                let why = format!("there is no version {version:?} of {path}: versions are numbers");
                return Err(Error::missing(why));
            }
            self.get(&secret.path).cloned().ok_or_else(|| self.missing(&secret.path))
        })
    }
}

/// A file of secrets in a process that stays: it is read again when it has changed.
pub struct FollowedFile {
    path: PathBuf,
    read: Mutex<(Stamp, Arc<FileSource>)>,
}

/// What tells a changed file.
type Stamp = Option<(SystemTime, u64)>;

impl FollowedFile {
    /// Follows a file that was opened.
    pub fn new(path: &Path, opened: FileSource) -> Self {
        Self { path: path.to_owned(), read: Mutex::new((stamp(path), Arc::new(opened))) }
    }

    fn newest(&self) -> Result<Arc<FileSource>, Error> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamp(&self.path);
        if now != read.0 || now.is_none() {
            *read = (now, Arc::new(FileSource::open(&self.path)?));
        }
        Ok(Arc::clone(&read.1))
    }
}

impl Source for FollowedFile {
    fn read_keys<'a>(
        &'a self,
        secret: &'a SecretRef,
        keys: &'a Keys,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>> {
        Box::pin(async move { self.newest()?.read_keys(secret, keys, cx).await })
    }
}

fn stamp(path: &Path) -> Stamp {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

/// The path without slashes around it.
fn canonical(path: &str) -> String {
    path.trim_matches('/').to_owned()
}

/// `secret/data/app` as `secret/app`; `None` when there is no `data` part.
fn without_data(path: &str) -> Option<String> {
    let path = path.trim_matches('/');
    let (mount, rest) = path.split_once("/data/")?;
    Some(format!("{mount}/{rest}"))
}

fn key_text(key: &serde_yaml::Value) -> Option<String> {
    match key {
        serde_yaml::Value::String(s) => Some(s.clone()),
        serde_yaml::Value::Number(n) => Some(n.to_string()),
        serde_yaml::Value::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}

/// `None` for a map with a key that no JSON object could have.
fn convert(value: serde_yaml::Value) -> Option<SecretValue> {
    Some(match value {
        serde_yaml::Value::Null => SecretValue::Null,
        serde_yaml::Value::Bool(b) => SecretValue::Bool(b),
        serde_yaml::Value::Number(n) => SecretValue::Number(Secret::new(n.to_string())),
        serde_yaml::Value::String(s) => SecretValue::Str(Secret::new(s)),
        serde_yaml::Value::Sequence(items) => {
            SecretValue::List(items.into_iter().map(convert).collect::<Option<_>>()?)
        }
        serde_yaml::Value::Mapping(entries) => {
            let read = entries.into_iter().map(|(k, v)| Some((key_text(&k)?, convert(v)?)));
            SecretValue::Map(read.collect::<Option<_>>()?)
        }
        serde_yaml::Value::Tagged(tagged) => convert(tagged.value)?,
    })
}

#[cfg(unix)]
fn readable_by_others(path: &Path, name: &str) -> Option<Diagnostic> {
    use keyfill_diag::Class;
    use std::os::unix::fs::PermissionsExt;
    let mode = path.metadata().ok()?.permissions().mode();
    (mode & 0o077 != 0).then(|| {
        Diagnostic::warning(
            Class::Usage,
            format!("others may read the secrets file {name} (mode {:04o})", mode & 0o7777),
        )
        .hint(format!("chmod 600 {name}"))
    })
}

/// Only unix has modes.
#[cfg(not(unix))]
fn readable_by_others(_: &Path, _: &str) -> Option<Diagnostic> {
    None
}

#[cfg(test)]
mod tests {
    use super::FileSource;
    use crate::SecretValue;
    use keyfill_diag::{Class, Report as _};

    const TEXT: &str =
        "secret/data/app:\n  user: alice\n  port: 5432\n  tls: {on: true}\nkv/team: {k: '81111e1'}\nempty:\n";

    #[test]
    fn paths_are_found_as_written_and_without_data() {
        let source = FileSource::parse("s.yaml", TEXT.as_bytes()).expect("it is good");
        for path in ["secret/data/app", "/secret/data/app/"] {
            assert_eq!(source.get(path).map(|d| d.len()), Some(3), "{path}");
        }
        assert_eq!(source.get("kv/data/team").map(|d| d.len()), Some(1));
        let k = source.get("kv/team").and_then(|d| d.get("k").cloned());
        assert!(matches!(k, Some(SecretValue::Str(s)) if s.expose() == "81111e1"));
        assert!(source.get("empty").is_some_and(|d| d.is_empty()));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_missing_path_names_a_near_one() {
        use crate::{SecretRef, Source};
        let source = FileSource::parse("s.yaml", TEXT.as_bytes()).expect("it is good");
        let error = source.read(&SecretRef::latest("secret/data/ap"), &keyfill_diag::Cx::default()).await;
        let error = error.expect_err("it is missing");
        assert_eq!(error.class(), Class::Missing);
        assert_eq!(error.to_string(), "secret/data/ap is not in the secrets file s.yaml");
        assert_eq!(error.advice(), Some("did you mean secret/data/app?"));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_version_is_a_number() {
        use crate::{SecretRef, Source};
        let source = FileSource::parse("s.yaml", TEXT.as_bytes()).expect("it is good");
        let read = async |version: &str| {
            let secret = SecretRef { version: Some(version.to_owned()), ..SecretRef::latest("kv/team") };
            source.read(&secret, &keyfill_diag::Cx::default()).await.map(drop)
        };
        assert!(read("3").await.is_ok());
        let error = read("version3").await.expect_err("it is no number");
        assert_eq!(error.to_string(), "there is no version \"version3\" of kv/team: versions are numbers");
    }

    #[test]
    fn errors_hold_no_value() {
        for text in ["a: hush", "- hush", "a: {b: 'hush", "a:\n  ? [hush]\n  : 1", "a: *hush"] {
            let error = FileSource::parse("s.yaml", text.as_bytes()).err().expect(text);
            assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_read_leads_to_a_warning() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("s.yaml");
        std::fs::write(&path, TEXT).expect("it can be written");
        for (mode, warnings) in [(0o600, 0), (0o644, 1), (0o640, 1)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))
                .expect("its mode can be set");
            assert_eq!(FileSource::open(&path).expect("it is good").warnings().len(), warnings, "{mode:o}");
        }
    }
}
