//! Parses Vault's answers. Secrets in an answer are copied only when they are used.

use crate::{Secret, SecretData};
use keyfill_http::Answer;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::time::Duration;

/// The longest text of Vault's error messages that an error repeats, in characters.
const LONGEST_TEXT: usize = 400;

/// The outer object of every answer. Fields that an answer does not have are empty.
#[derive(Default, Deserialize)]
pub(crate) struct Envelope<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    warnings: Option<Vec<String>>,
    #[serde(default)]
    errors: Option<Vec<String>>,
    #[serde(default)]
    auth: Option<Auth>,
}

#[derive(Deserialize)]
struct Auth {
    #[serde(default)]
    client_token: String,
    #[serde(default)]
    lease_duration: u64,
    #[serde(default)]
    renewable: bool,
    #[serde(default)]
    mfa_requirement: Option<serde::de::IgnoredAny>,
}

/// The token that a login or a renewal returned.
pub(crate) struct Granted {
    pub(crate) token: Secret,
    /// The time to live; zero if the token does not expire.
    pub(crate) lease: Duration,
    pub(crate) renewable: bool,
    pub(crate) wants_mfa: bool,
}

/// The state of a secret's version that has no data any more, since it was deleted or destroyed.
#[derive(Deserialize)]
pub(crate) struct VersionState {
    pub(crate) version: u64,
    #[serde(rename = "created_time")]
    _created_time: serde::de::IgnoredAny,
    #[serde(default)]
    pub(crate) deletion_time: String,
    #[serde(default)]
    pub(crate) destroyed: bool,
}

/// The mount of a secrets engine.
pub(crate) struct Mount {
    /// The path of the mount, with a slash at its end.
    pub(crate) path: String,
    pub(crate) is_kv2: bool,
}

impl<'a> Envelope<'a> {
    /// Parses an answer. One that is not JSON, for example a proxy's page, counts as empty.
    pub(crate) fn of(answer: &'a Answer) -> Self {
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    /// The `data` of the answer, as JSON; `None` if there is none.
    pub(crate) fn data(&self) -> Option<&'a str> {
        self.data.map(RawValue::get).filter(|text| *text != "null")
    }

    /// Whether Vault warns that the path lacks `data/`, which KV version 2 needs.
    pub(crate) fn wants_data_path(&self) -> bool {
        self.warnings.iter().flatten().any(|w| w.contains("versioned K/V"))
    }

    /// The token of a login or a renewal; `None` if the answer has none.
    pub(crate) fn granted(self) -> Option<Granted> {
        let auth = self.auth?;
        Some(Granted {
            token: Secret::new(auth.client_token),
            lease: Duration::from_secs(auth.lease_duration),
            renewable: auth.renewable,
            wants_mfa: auth.mfa_requirement.is_some(),
        })
    }

    /// The mount, in the answer to a request for the mount of a path.
    pub(crate) fn mount(&self) -> Option<Mount> {
        #[derive(Deserialize)]
        struct Data {
            path: String,
            r#type: String,
            #[serde(default)]
            options: Option<std::collections::HashMap<String, String>>,
        }
        let data: Data = serde_json::from_str(self.data()?).ok()?;
        let version = data.options.as_ref().and_then(|o| o.get("version"));
        let is_kv2 = data.r#type == "kv" && version.is_some_and(|v| v == "2");
        Some(Mount { path: data.path, is_kv2 })
    }

    /// The state of a deleted or destroyed version, if the answer is about one.
    pub(crate) fn version_state(&self) -> Option<VersionState> {
        Versioned::of(self.data()?)?.state
    }

    /// The messages of Vault's errors, on one line. The texts in `hidden` are replaced, if Vault repeats one of them.
    pub(crate) fn errors(&self, hidden: &[&Secret]) -> Option<String> {
        let mut parts: Vec<String> = Vec::new();
        for error in self.errors.iter().flatten() {
            for line in error.lines().map(str::trim) {
                let part = line.strip_prefix("* ").unwrap_or(line);
                let heading = part.ends_with(" occurred:") && error.contains("\n\t* ");
                if !part.is_empty() && !heading {
                    parts.push(part.chars().filter(|c| !c.is_control()).collect());
                }
            }
        }
        let mut text = parts.join("; ");
        for secret in hidden.iter().filter(|s| !s.is_empty()) {
            text = without(&text, secret.expose());
        }
        if let Some((end, _)) = text.char_indices().nth(LONGEST_TEXT) {
            text.truncate(end);
            text.push_str("...");
        }
        (!text.is_empty()).then_some(text)
    }

    /// Whether Vault says that the token is invalid, and not only that the token may not read the path.
    pub(crate) fn says_invalid_token(&self) -> bool {
        self.errors.iter().flatten().any(|e| e.contains("invalid token") || e.contains("token not found"))
    }
}

/// The data of an answer of KV version 2.
pub(crate) struct Versioned<'a> {
    /// The keys with their values, as JSON; `None` if the version has no data any more.
    pub(crate) data: Option<&'a str>,
    /// The version that was read.
    pub(crate) version: u64,
    /// The state of the version, if it has no data any more.
    state: Option<VersionState>,
}

impl<'a> Versioned<'a> {
    /// `None` if the data does not have the shape of KV version 2: `data` beside a `metadata` with a version and the
    /// time when it was created.
    pub(crate) fn of(data: &'a str) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Shape<'a> {
            #[serde(borrow)]
            data: Option<&'a RawValue>,
            #[serde(borrow)]
            metadata: &'a RawValue,
        }
        let shape: Shape<'a> = serde_json::from_str(data).ok()?;
        let state: VersionState = serde_json::from_str(shape.metadata.get()).ok()?;
        let inner = shape.data.map(RawValue::get).filter(|text| *text != "null");
        if inner.is_some_and(|text| !text.starts_with('{')) {
            return None;
        }
        let version = state.version;
        Some(Self { data: inner, version, state: inner.is_none().then_some(state) })
    }
}

/// The keys below `data`, whatever else there is: what `kv-version: 2` in the document demands.
pub(crate) fn data_below_data(data: &str) -> Option<&str> {
    #[derive(Deserialize)]
    struct Shape<'a> {
        #[serde(borrow)]
        data: &'a RawValue,
    }
    let shape: Shape<'_> = serde_json::from_str(data).ok()?;
    Some(shape.data.get()).filter(|text| text.starts_with('{'))
}

/// Parses the JSON object with the keys of an answer. `path` is the secret's path in errors.
pub(crate) fn keys(data: &str, path: &str) -> Result<SecretData, crate::Error> {
    SecretData::from_json(data, &format!("the answer for {path}"))
}

/// A credential shorter than this may be a part of an ordinary word, so it is hidden only where it is a whole word.
const SHORT: usize = 8;
/// A credential shorter than this may even be an ordinary word, so it is hidden only in quotes.
const TINY: usize = 4;

/// The text with each occurrence of a credential replaced by `(hidden)`.
pub(crate) fn without(text: &str, secret: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(secret) {
        let before = out.chars().next_back().filter(|_| at == 0).or_else(|| rest[..at].chars().next_back());
        let after = rest[at + secret.len()..].chars().next();
        let stands_alone = match secret.len() {
            0..TINY => before == after && matches!(after, Some('"' | '\'' | '`')),
            TINY..SHORT => ![before, after].into_iter().flatten().any(char::is_alphanumeric),
            _ => true,
        };
        out.push_str(&rest[..at]);
        out.push_str(if stands_alone { "(hidden)" } else { secret });
        rest = &rest[at + secret.len()..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::{Envelope, Versioned, without};
    use crate::Secret;
    use keyfill_http::Answer;

    #[test]
    fn a_credential_of_one_letter_is_not_hidden_in_words() {
        let page = "an HTML page: \"Bad Gateway\"";
        assert_eq!(without(page, "e"), page);
        assert_eq!(without("a page for hush-4711!", "hush-4711"), "a page for (hidden)!");
    }

    fn answer(body: &str) -> Answer {
        Answer {
            status: http::StatusCode::OK,
            headers: http::HeaderMap::new(),
            body: body.as_bytes().to_vec().into(),
        }
    }

    #[test]
    fn the_messages_of_vault_are_put_on_one_line_without_credentials() {
        let errors = |body: &str| Envelope::of(&answer(body)).errors(&[&Secret::new("hush")]);
        let two = r#"{"errors":["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}"#;
        assert_eq!(errors(two).as_deref(), Some("permission denied; invalid token"));
        assert_eq!(errors(r#"{"errors":["role hush unknown"]}"#).as_deref(), Some("role (hidden) unknown"));
        assert_eq!(errors(r#"{"errors":[]}"#), None);
        assert_eq!(errors("<html>hush</html>"), None);
        assert!(errors(&format!(r#"{{"errors":["{}"]}}"#, "x".repeat(5_000))).is_some_and(|t| t.len() < 500));
        assert!(Envelope::of(&answer(two)).says_invalid_token());
    }

    #[test]
    fn short_credentials_are_hidden_only_as_words_or_in_quotes() {
        for (text, secret, expected) in [
            ("permission denied", "e", "permission denied"),
            ("a role is needed", "a", "a role is needed"),
            ("role \"a\" is unknown", "a", "role \"(hidden)\" is unknown"),
            ("permission denied for root", "root", "permission denied for (hidden)"),
            ("rootless", "root", "rootless"),
            ("token=s.hushhushhush1 is bad", "s.hushhushhush1", "token=(hidden) is bad"),
            ("xs.hushhushhush1x", "s.hushhushhush1", "x(hidden)x"),
        ] {
            assert_eq!(without(text, secret), expected);
        }
    }

    #[test]
    fn the_shape_of_kv_version_2_is_distinguished_from_keys_with_the_same_names() {
        let meta = r#"{"created_time":"t","version":2,"deletion_time":"","destroyed":false}"#;
        let shape = |data: &str| Versioned::of(data).map(|v| v.data.map(str::to_owned));
        assert_eq!(
            shape(&format!(r#"{{"data":{{"a":1.10}},"metadata":{meta}}}"#)),
            Some(Some(r#"{"a":1.10}"#.into()))
        );
        assert_eq!(shape(&format!(r#"{{"data":null,"metadata":{meta}}}"#)), Some(None));
        assert_eq!(shape(&format!(r#"{{"data":"text","metadata":{meta}}}"#)), None);
        assert_eq!(shape(r#"{"data":{"a":1},"metadata":{"mine":1}}"#), None);
        assert_eq!(shape(r#"{"data":{"a":1}}"#), None);
        assert_eq!(shape(&format!(r#"{{"data":{{}},"metadata":{meta},"more":1}}"#)), None);
    }

    #[test]
    fn the_answer_about_a_mount_contains_its_kv_version() {
        let kv2 = answer(r#"{"data":{"path":"team/kv/","type":"kv","options":{"version":"2"},"config":{}}}"#);
        let mount = Envelope::of(&kv2).mount().expect("a mount");
        assert_eq!((mount.path.as_str(), mount.is_kv2), ("team/kv/", true));
        let cubbyhole = answer(r#"{"data":{"path":"cubbyhole/","type":"cubbyhole","options":null}}"#);
        assert!(Envelope::of(&cubbyhole).mount().is_some_and(|m| !m.is_kv2));
    }
}
