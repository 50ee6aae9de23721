//! Secrets from a YAML file of paths and keys, for first steps, tests and CI.

use crate::{BoxFuture, Error, Keys, Secret, SecretData, SecretRef, SecretValue, Source};
use keyfill_diag::{Cx, Diagnostic, nearest};
use keyfill_yaml::{Entry, Limits, Node, Scalar, Style, Tag};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// Secrets from a file such as
///
/// ```yaml
/// secret/data/app:
///   user: alice
///   port: 5432
/// ```
///
/// Paths are written as in placeholders. A reference with `data/` after its mount also finds a path that the file has
/// without it. The file has one version of each secret, which a reference with any version number gets.
pub struct FileSource {
    name: String,
    secrets: HashMap<String, Arc<SecretData>>,
    warnings: Vec<Diagnostic>,
}

impl FileSource {
    /// Reads a file. If its mode lets other users read it, there is a warning.
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

    /// Parses the text of a file. `name` is the file's name in errors.
    pub fn parse(name: &str, text: &[u8]) -> Result<Self, Error> {
        let wrong = |why: String| {
            Error::usage(format!("the secrets file {name} is not usable: {why}"))
                .hint("it is a map from paths to maps from keys to values")
        };
        // The message of the YAML parser may quote the text, so only line and column are reported.
        let mut documents = keyfill_yaml::load_nodes(text, &Limits::default())
            .map_err(|e| wrong(format!("line {}, column {}: it is not valid YAML", e.line(), e.column())))?;
        if documents.len() > 1 {
            return Err(wrong("it holds more than one document".into()));
        }
        let paths = match documents.pop() {
            Some(Node::Map(paths)) => paths.entries,
            None => Vec::new(),
            Some(Node::Scalar(scalar)) if matches!(of_scalar(&scalar), SecretValue::Null) => Vec::new(),
            Some(_) => return Err(wrong("it is not a map".into())),
        };
        let mut secrets = HashMap::new();
        for Entry { key, value } in paths {
            let path = key.text.as_str().to_owned();
            let data = match convert(value) {
                SecretValue::Map(entries) => entries.into_iter().collect(),
                SecretValue::Null => SecretData::default(),
                _ => return Err(wrong(format!("{path} holds no map of keys"))),
            };
            secrets.insert(canonical(&path), Arc::new(data));
        }
        Ok(Self { name: name.to_owned(), secrets, warnings: Vec::new() })
    }

    /// The warnings from opening the file.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The secret at a path.
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
            // Any version number is accepted, since the file has one version of each secret.
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

/// A file of secrets in a long-running process: it is read again when it has changed.
pub struct FollowedFile {
    path: PathBuf,
    read: Mutex<(Stamp, Arc<FileSource>)>,
}

/// The modification time and the size of a file, by which a change is noticed. `None` if they cannot be read.
type Stamp = Option<(SystemTime, u64)>;

impl FollowedFile {
    /// Follows a file that was opened before.
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

/// The path without slashes at its start and end.
fn canonical(path: &str) -> String {
    path.trim_matches('/').to_owned()
}

/// `secret/app` for `secret/data/app`; `None` if there is no `data` part.
fn without_data(path: &str) -> Option<String> {
    let path = path.trim_matches('/');
    let (mount, rest) = path.split_once("/data/")?;
    Some(format!("{mount}/{rest}"))
}

fn convert(node: Node) -> SecretValue {
    match node {
        Node::Scalar(scalar) => of_scalar(&scalar),
        Node::Seq(seq) => SecretValue::List(seq.items.into_iter().map(convert).collect()),
        Node::Map(map) => {
            let entry = |entry: Entry| (entry.key.text.as_str().to_owned(), convert(entry.value));
            SecretValue::Map(map.entries.into_iter().map(entry).collect())
        }
    }
}

/// A number that is valid in JSON keeps its text, however many digits it has. A number in a form that only YAML has,
/// such as `0x1f` or `.5`, is rewritten as JSON writes it.
fn of_scalar(scalar: &Scalar) -> SecretValue {
    let text = scalar.text.as_str();
    let is_plain = scalar.style == Style::Plain && scalar.tag == Tag::None;
    if is_plain && is_json_number(text) {
        return SecretValue::Number(Secret::new(text));
    }
    // Only short texts are resolved: no null, boolean or number is longer.
    let resolved = if is_plain && text.len() <= 64 { serde_yaml::from_str(text).ok() } else { None };
    match resolved {
        Some(serde_yaml::Value::Null) => SecretValue::Null,
        Some(serde_yaml::Value::Bool(is_true)) => SecretValue::Bool(is_true),
        Some(serde_yaml::Value::Number(number)) => SecretValue::Number(Secret::new(number.to_string())),
        _ => SecretValue::Str(Secret::new(text)),
    }
}

/// Whether a text is a number in JSON, such as `-12.50e3`: without leading zeros, a fraction and an exponent optional.
fn is_json_number(text: &str) -> bool {
    fn digits(text: &str) -> (usize, &str) {
        let count = text.bytes().take_while(u8::is_ascii_digit).count();
        (count, &text[count..])
    }
    let text = text.strip_prefix('-').unwrap_or(text);
    let (whole, mut rest) = digits(text);
    if whole == 0 || whole > 1 && text.starts_with('0') {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix('.') {
        let (count, behind) = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = behind;
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let (count, behind) = digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
        if count == 0 {
            return false;
        }
        rest = behind;
    }
    rest.is_empty()
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

/// There are no modes outside of unix.
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
    fn a_path_is_found_as_written_and_if_only_the_reference_has_data() {
        let source = FileSource::parse("s.yaml", TEXT.as_bytes()).expect("it is good");
        for path in ["secret/data/app", "/secret/data/app/"] {
            assert_eq!(source.get(path).map(|d| d.len()), Some(3), "{path}");
        }
        assert_eq!(source.get("kv/data/team").map(|d| d.len()), Some(1));
        let k = source.get("kv/team").and_then(|d| d.get("k").cloned());
        assert!(matches!(k, Some(SecretValue::Str(s)) if s.expose() == "81111e1"));
        assert!(source.get("empty").is_some_and(|d| d.is_empty()));
    }

    #[test]
    fn numbers_keep_their_text_and_other_scalars_their_type() {
        for (written, want) in [
            ("1234567890123456789012345678901234567890", "number 1234567890123456789012345678901234567890"),
            ("18446744073709551616", "number 18446744073709551616"),
            ("-170141183460469231731687303715884105729", "number -170141183460469231731687303715884105729"),
            ("1.10", "number 1.10"),
            ("1e400", "number 1e400"),
            ("0x1F", "number 31"),
            ("0xffffffffffffffffffffffffffffffffff", "string 0xffffffffffffffffffffffffffffffffff"),
            ("007", "string 007"),
            ("'12'", "string 12"),
            ("!!str 12", "string 12"),
            ("2026-01-02", "string 2026-01-02"),
            ("1_000", "string 1_000"),
            ("yes", "string yes"),
            ("true", "bool true"),
            ("~", "null"),
            ("", "null"),
            ("null", "null"),
            ("1.2.3", "string 1.2.3"),
            ("-", "list"),
        ] {
            let text =
                if written == "-" { "a:\n  k:\n  - 1\n".to_owned() } else { format!("a:\n  k: {written}\n") };
            let source =
                FileSource::parse("s.yaml", text.as_bytes()).unwrap_or_else(|e| panic!("{written}: {e}"));
            let found = match source.get("a").and_then(|data| data.get("k").cloned()) {
                Some(SecretValue::Number(text)) => format!("number {}", text.expose()),
                Some(SecretValue::Str(text)) => format!("string {}", text.expose()),
                Some(SecretValue::Bool(is_true)) => format!("bool {is_true}"),
                Some(SecretValue::Null) => "null".to_owned(),
                Some(SecretValue::List(_)) => "list".to_owned(),
                other => panic!("{written}: {}", other.is_some()),
            };
            assert_eq!(found, want, "{written}");
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn an_error_for_a_missing_path_suggests_a_similar_one() {
        use crate::{SecretRef, Source};
        let source = FileSource::parse("s.yaml", TEXT.as_bytes()).expect("it is good");
        let error = source.read(&SecretRef::latest("secret/data/ap"), &keyfill_diag::Cx::default()).await;
        let error = error.expect_err("it is missing");
        assert_eq!(error.class(), Class::Missing);
        assert_eq!(error.to_string(), "secret/data/ap is not in the secrets file s.yaml");
        assert_eq!(error.advice(), Some("did you mean secret/data/app?"));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_version_that_is_not_a_number_is_refused() {
        use crate::{SecretRef, Source};
        let source = FileSource::parse("s.yaml", TEXT.as_bytes()).expect("it is good");
        let read = async |version: &str| {
            let secret = SecretRef { version: Some(version.to_owned()), ..SecretRef::latest("kv/team") };
            source.read(&secret, &keyfill_diag::Cx::default()).await.map(drop)
        };
        assert!(read("3").await.is_ok());
        let error = read("version3").await.expect_err("it is not a number");
        assert_eq!(error.to_string(), "there is no version \"version3\" of kv/team: versions are numbers");
    }

    #[test]
    fn errors_contain_no_value() {
        for text in ["a: hush", "- hush", "a: {b: 'hush", "a:\n  ? [hush]\n  : 1", "a: *hush"] {
            let error = FileSource::parse("s.yaml", text.as_bytes()).err().expect(text);
            assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_other_users_may_read_leads_to_a_warning() {
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
