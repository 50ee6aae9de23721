//! AWS Secrets Manager (`awssecretsmanager`).
//!
//! A path is a secret's name or ARN. If the secret is a JSON object, its keys are the keys; the whole text, JSON or
//! not, has the key `SecretString`, and bytes have the key `SecretBinary`. A version is a staging label (`AWSCURRENT`,
//! `AWSPREVIOUS` or another one) or a version id.

use super::batch::{Batch, Found};
use super::{AwsSettings, Client, Reading, Service};
use crate::{BoxFuture, Error, Keys, Secret, SecretBytes, SecretData, SecretRef, SecretValue, Source};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfill_diag::Cx;
use serde_json::json;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A version with at least this many characters is a version id; a shorter one is a staging label.
const SHORTEST_ID: usize = 32;

/// A source that reads secrets from AWS Secrets Manager.
pub struct SecretsManager(Client);

impl SecretsManager {
    /// A source with these settings. No request is sent before the first read.
    pub fn new(settings: AwsSettings) -> Self {
        let service = Service {
            name: "secretsmanager",
            target: "secretsmanager",
            setting: "SECRETS_MANAGER",
            title: "AWS Secrets Manager",
            content_type: "application/x-amz-json-1.1",
        };
        Self(Client::new(service, settings))
    }

    /// How many requests were sent to Secrets Manager so far.
    pub fn requests(&self) -> u64 {
        self.0.requests()
    }
}

impl Source for SecretsManager {
    fn read_keys<'a>(
        &'a self,
        secret: &'a SecretRef,
        _: &'a Keys,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>> {
        Box::pin(self.0.read(secret, &READING, cx))
    }
}

const READING: Reading = Reading {
    operation: "GetSecretValue",
    ask,
    data,
    id: |secret| secret.path.clone(),
    batch: Batch {
        operation: "BatchGetSecretValue",
        most: 20,
        ask: |ids| json!({ "SecretIdList": ids }),
        found,
    },
};

fn ask(secret: &SecretRef) -> serde_json::Value {
    let mut body = json!({ "SecretId": secret.path });
    match secret.version.as_deref() {
        None | Some("") => {}
        Some(id) if id.len() >= SHORTEST_ID => body["VersionId"] = id.into(),
        Some(stage) => body["VersionStage"] = stage.into(),
    }
    body
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    secret_string: Option<Zeroizing<String>>,
    secret_binary: Option<Zeroizing<String>>,
    name: Option<String>,
    #[serde(rename = "ARN")]
    arn: Option<String>,
}

fn unusable(what: &str) -> Error {
    Error::store(format!("the answer of AWS Secrets Manager is not usable: {what}"))
}

fn data(body: &[u8], path: &str) -> Result<SecretData, Error> {
    let given: Given = serde_json::from_slice(body).map_err(|_| unusable("it is not JSON of a secret"))?;
    value(given, path)
}

/// Parses the secrets in the answer of a batch. An unusable one is left out: it is read on its own, which returns why.
fn found(body: &[u8]) -> Found {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct All {
        #[serde(default)]
        secret_values: Vec<Given>,
    }
    let all = serde_json::from_slice(body).unwrap_or(All { secret_values: Vec::new() });
    let one = |mut given: Given| {
        let names: Vec<String> = given.name.take().into_iter().chain(given.arn.take()).collect();
        let data = value(given, names.first()?).ok()?;
        Some((names, data))
    };
    all.secret_values.into_iter().filter_map(one).collect()
}

fn value(given: Given, path: &str) -> Result<SecretData, Error> {
    if let Some(text) = given.secret_string {
        return Ok(of_text(&text, "SecretString", path));
    }
    let binary = given.secret_binary.ok_or_else(|| unusable("it holds no value"))?;
    let bytes = STANDARD.decode(binary.as_bytes()).map_err(|_| unusable("its bytes are not base64"))?;
    Ok([("SecretBinary".to_owned(), SecretValue::Bytes(SecretBytes::new(bytes)))].into_iter().collect())
}

/// The keys of a JSON object, and the whole text under the key `whole`, unless the object has such a key itself.
pub(super) fn of_text(text: &str, whole: &str, what: &str) -> SecretData {
    let keys = SecretData::from_json(text, what).unwrap_or_default();
    let all = (whole.to_owned(), SecretValue::Str(Secret::new(text)));
    [all].into_iter().chain(keys.iter().map(|(key, value)| (key.to_owned(), value.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::data;
    use crate::SecretValue;

    fn keys(body: &str) -> Vec<(String, &'static str)> {
        let data = data(body.as_bytes(), "p").expect("it is good");
        data.iter().map(|(key, value)| (key.to_owned(), value.type_name())).collect()
    }

    #[test]
    fn the_keys_are_those_of_the_json_object_and_one_for_the_whole_text() {
        let some = |list: &[(&str, &'static str)]| -> Vec<(String, &'static str)> {
            list.iter().map(|(key, kind)| ((*key).to_owned(), *kind)).collect()
        };
        let object = r#"{"SecretString": "{\"user\":\"a\",\"n\":1.10}"}"#;
        assert_eq!(keys(object), some(&[("SecretString", "string"), ("n", "number"), ("user", "string")]));
        let own = r#"{"SecretString": "{\"SecretString\": 7}"}"#;
        assert_eq!(keys(own), some(&[("SecretString", "number")]));
        for text in ["hush", "[1]", "null", ""] {
            let body = serde_json::json!({ "SecretString": text }).to_string();
            assert_eq!(keys(&body), some(&[("SecretString", "string")]), "{text}");
        }
        assert_eq!(keys(r#"{"SecretBinary": "AAEC/w=="}"#), some(&[("SecretBinary", "binary")]));
    }

    #[test]
    fn errors_for_unusable_answers_do_not_contain_their_text() {
        for body in ["hush", "{}", r#"{"SecretBinary": "hush!"}"#, "[]"] {
            let error = data(body.as_bytes(), "p").expect_err("it is no secret");
            assert!(!error.to_string().contains("hush"), "{error}");
        }
        let data = data(br#"{"SecretBinary": "aHVzaA=="}"#, "p").expect("it is good");
        let debug = format!("{data:?} {:?}", data.get("SecretBinary"));
        assert!(
            !debug.contains("hush") && matches!(data.get("SecretBinary"), Some(SecretValue::Bytes(_))),
            "{debug}"
        );
    }
}
