//! The Parameter Store of AWS Systems Manager (`awsssm`).
//!
//! A path is a parameter's name or ARN. The key `Value` is the whole value; if the value is a JSON object, its keys are
//! keys too. A `StringList` has in addition the key `Values` with a list. A version is a number or a label.

use super::batch::{Batch, Found};
use super::secrets_manager::of_text;
use super::{AwsSettings, Client, Reading, Service};
use crate::{BoxFuture, Error, Keys, Secret, SecretData, SecretRef, SecretValue, Source};
use keyfill_diag::Cx;
use serde_json::json;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A source that reads parameters from AWS Parameter Store.
pub struct ParameterStore(Client);

impl ParameterStore {
    /// A source with these settings. No request is sent before the first read.
    pub fn new(settings: AwsSettings) -> Self {
        let service = Service {
            name: "ssm",
            target: "AmazonSSM",
            setting: "SSM",
            title: "AWS Parameter Store",
            content_type: "application/x-amz-json-1.1",
        };
        Self(Client::new(service, settings))
    }

    /// How many requests were sent to the Parameter Store so far.
    pub fn requests(&self) -> u64 {
        self.0.requests()
    }
}

impl Source for ParameterStore {
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
    operation: "GetParameter",
    ask,
    data,
    id: name,
    batch: Batch {
        operation: "GetParameters",
        most: 10,
        ask: |ids| json!({ "Names": ids, "WithDecryption": true }),
        found,
    },
};

/// The name of a parameter. In a hierarchy it begins with a slash, which a path need not have.
fn name(secret: &SecretRef) -> String {
    let path = secret.path.as_str();
    let slash = path.contains('/') && !path.starts_with('/') && !path.starts_with("arn:");
    format!("{}{path}", if slash { "/" } else { "" })
}

fn ask(secret: &SecretRef) -> serde_json::Value {
    let mut name = name(secret);
    if let Some(version) = secret.version.as_deref().filter(|version| !version.is_empty()) {
        name = format!("{name}:{version}");
    }
    json!({ "Name": name, "WithDecryption": true })
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    r#type: Option<String>,
    value: Zeroizing<String>,
    name: Option<String>,
    #[serde(rename = "ARN")]
    arn: Option<String>,
}

fn data(body: &[u8], path: &str) -> Result<SecretData, Error> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Given {
        parameter: Parameter,
    }
    let given: Given = serde_json::from_slice(body).map_err(|_| {
        Error::store("the answer of AWS Parameter Store is not usable: it is not JSON of a parameter")
    })?;
    Ok(value(&given.parameter, path))
}

/// Parses the parameters in the answer of a batch.
fn found(body: &[u8]) -> Found {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct All {
        #[serde(default)]
        parameters: Vec<Parameter>,
    }
    let all = serde_json::from_slice(body).unwrap_or(All { parameters: Vec::new() });
    let one = |parameter: Parameter| {
        let names: Vec<String> = parameter.name.iter().chain(&parameter.arn).cloned().collect();
        let data = value(&parameter, names.first()?);
        Some((names, data))
    };
    all.parameters.into_iter().filter_map(one).collect()
}

fn value(parameter: &Parameter, path: &str) -> SecretData {
    let value = &parameter.value;
    let data = of_text(value, "Value", path);
    if parameter.r#type.as_deref() != Some("StringList") {
        return data;
    }
    let items = value.split(',').map(|item| SecretValue::Str(Secret::new(item))).collect();
    let list = ("Values".to_owned(), SecretValue::List(items));
    data.iter().map(|(key, value)| (key.to_owned(), value.clone())).chain([list]).collect()
}

#[cfg(test)]
mod tests {
    use super::data;

    #[test]
    fn a_parameter_has_the_key_value_and_those_of_its_json_object() {
        let keys = |body: &str| -> Vec<String> {
            data(body.as_bytes(), "p").expect("it is good").keys().map(str::to_owned).collect()
        };
        assert_eq!(keys(r#"{"Parameter": {"Type": "SecureString", "Value": "hush"}}"#), ["Value"]);
        assert_eq!(keys(r#"{"Parameter": {"Type": "String", "Value": "{\"a\": 1}"}}"#), ["Value", "a"]);
        assert_eq!(keys(r#"{"Parameter": {"Type": "StringList", "Value": "a,b"}}"#), ["Value", "Values"]);
        assert!(data(b"<html>hush", "p").is_err_and(|e| !e.to_string().contains("hush")));
    }
}
