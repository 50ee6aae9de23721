//! AWS Key Management Service: decrypts data keys of encrypted files.

use super::{AwsSettings, Client, Service, answers, check_region, region_of};
use crate::{Error, SecretBytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfill_diag::Cx;
use serde_json::json;
use zeroize::Zeroizing;

/// A client of AWS KMS.
pub struct Kms(Client);

impl Kms {
    /// A client with these settings. No request is sent before the first key is decrypted.
    pub fn new(settings: AwsSettings) -> Self {
        let service = Service {
            name: "kms",
            target: "TrentService",
            setting: "KMS",
            title: "AWS KMS",
            content_type: "application/x-amz-json-1.1",
        };
        Self(Client::new(service, settings))
    }

    /// How many requests were sent so far.
    pub fn requests(&self) -> u64 {
        self.0.requests()
    }

    /// Decrypts a data key with the key `arn`, whose ARN names the region. KMS refuses a ciphertext of another key.
    /// `ciphertext` is base64.
    pub async fn decrypt(
        &self,
        arn: &str,
        context: &[(String, String)],
        ciphertext: &str,
        cx: &Cx,
    ) -> Result<SecretBytes, Error> {
        let region = region_of(arn).ok_or_else(|| {
            Error::usage(format!("{arn:?} is no ARN of a key"))
                .hint("write it as arn:aws:kms:REGION:ACCOUNT:key/ID")
        })?;
        let context: serde_json::Map<String, serde_json::Value> =
            context.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let mut body = json!({ "CiphertextBlob": ciphertext.trim(), "KeyId": arn });
        if !context.is_empty() {
            body["EncryptionContext"] = context.into();
        }
        let answer = self.0.call(check_region(region)?, "Decrypt", body.to_string(), cx).await?;
        if answer.status != http::StatusCode::OK {
            return Err(answers::error(&answer, &self.0.service, "kms:Decrypt", arn));
        }
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Given {
            plaintext: Zeroizing<String>,
        }
        let unusable = || Error::store("the answer of AWS KMS is not usable: it holds no decrypted key");
        let given: Given = serde_json::from_slice(&answer.body).map_err(|_| unusable())?;
        Ok(SecretBytes::new(STANDARD.decode(given.plaintext.as_bytes()).map_err(|_| unusable())?))
    }
}
