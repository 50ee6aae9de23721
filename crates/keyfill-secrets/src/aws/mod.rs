//! AWS: Secrets Manager and the Parameter Store of Systems Manager.
//!
//! Requests to both are JSON over POST, signed with Signature Version 4. The region is that of the ARN in a path, else
//! that of the settings.

mod answers;
mod batch;
mod clock;
mod credentials;
mod kms;
mod parameters;
mod secrets_manager;
mod sigv4;

pub use credentials::CredentialSettings;
pub use kms::Kms;
pub use parameters::ParameterStore;
pub use secrets_manager::SecretsManager;

use crate::rest::{Network, Rest, Verdict};
use crate::{Error, SecretData, SecretRef};
use batch::{Batch, Waiting};
use credentials::{Chain, Credentials};
use http::HeaderMap;
use keyfill_diag::Cx;
use keyfill_http::Answer;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The region if none is set, as in argocd-vault-plugin.
const DEFAULT_REGION: &str = "us-east-2";

/// Settings for AWS. Only the administrator may set them.
#[derive(Clone, Default)]
pub struct AwsSettings {
    /// The region for paths that name none.
    pub region: Option<String>,
    /// URLs in place of those of a service, by service: `AWS_ENDPOINT_URL_SECRETS_MANAGER`, `_SSM`, `_KMS`, `_STS`.
    pub endpoints: HashMap<String, String>,
    /// A URL in place of those of all services: `AWS_ENDPOINT_URL`.
    pub endpoint: Option<String>,
    /// The credentials of keyfill.
    pub credentials: CredentialSettings,
    /// Proxies and certificates.
    pub network: Network,
}

impl AwsSettings {
    fn region(&self) -> &str {
        self.region.as_deref().filter(|region| !region.is_empty()).unwrap_or(DEFAULT_REGION)
    }

    /// The URL of a service in a region.
    fn address(&self, service: &Service, region: &str) -> String {
        let set = self.endpoints.get(service.setting).or(self.endpoint.as_ref());
        match set {
            Some(address) => address.trim_end_matches('/').to_owned(),
            None => {
                let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
                format!("https://{}.{region}.{domain}", service.name)
            }
        }
    }
}

/// A service of AWS.
pub(crate) struct Service {
    /// The name in URLs and signatures.
    name: &'static str,
    /// The prefix of the header `X-Amz-Target`, before the operation.
    target: &'static str,
    /// The name in `AWS_ENDPOINT_URL_...`.
    setting: &'static str,
    /// The name in errors.
    title: &'static str,
    /// The content type of requests.
    content_type: &'static str,
}

/// A client of one service in all regions.
pub(crate) struct Client {
    service: Service,
    settings: AwsSettings,
    chain: Chain,
    regions: Mutex<HashMap<String, Arc<Rest>>>,
    waiting: Waiting,
}

/// How a service reads one secret, or several.
struct Reading {
    /// The operation that reads one secret.
    operation: &'static str,
    /// Makes the body of the request.
    ask: fn(&SecretRef) -> serde_json::Value,
    /// Parses the body of an answer. The text is the secret's path in errors.
    data: fn(&[u8], &str) -> Result<SecretData, Error>,
    /// The name of the secret in the answer for several secrets.
    id: fn(&SecretRef) -> String,
    /// The operation that reads several secrets, each in its latest version.
    batch: Batch,
}

impl Client {
    fn new(service: Service, settings: AwsSettings) -> Self {
        let chain = Chain::new(&settings);
        Self { service, settings, chain, regions: Mutex::default(), waiting: Waiting::default() }
    }

    fn rest(&self, region: &str) -> Arc<Rest> {
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = regions.entry(region.to_owned()).or_insert_with(|| {
            let name = format!("{} in {region}", self.service.title);
            Arc::new(Rest::new(name, &self.settings.network))
        });
        Arc::clone(rest)
    }

    /// Calls an operation. If the credentials have expired, they are fetched again, and the request is sent once more.
    async fn call(&self, region: &str, operation: &str, body: String, cx: &Cx) -> Result<Answer, Error> {
        let credentials = self.chain.credentials(None, cx).await?;
        let answer = self.signed(region, operation, &body, &credentials, cx).await?;
        if !answers::is_about_expired_credentials(&answer) {
            return Ok(answer);
        }
        let fresh = self.chain.credentials(Some(&credentials), cx).await?;
        if Arc::ptr_eq(&fresh, &credentials) {
            return Ok(answer);
        }
        self.signed(region, operation, &body, &fresh, cx).await
    }

    /// Reads a secret: in one request with others if possible, else on its own.
    async fn read(
        &self,
        secret: &SecretRef,
        reading: &'static Reading,
        cx: &Cx,
    ) -> Result<Arc<SecretData>, Error> {
        let read = async {
            let path = secret.path.as_str();
            let region = check_region(region_of(path).unwrap_or(self.settings.region()))?;
            let is_newest = secret.version.as_deref().is_none_or(str::is_empty);
            if is_newest
                && let Some(answer) = self.together(&reading.batch, region, &(reading.id)(secret), cx).await
            {
                return answer;
            }
            let operation = reading.operation;
            let answer = self.call(region, operation, (reading.ask)(secret).to_string(), cx).await?;
            if answer.status != http::StatusCode::OK {
                let permission = format!("{}:{operation}", self.service.name);
                return Err(answers::error(&answer, &self.service, &permission, path));
            }
            (reading.data)(&answer.body, path).map(Arc::new)
        };
        read.await.map_err(|error| error.about(format!("cannot read {secret}")))
    }

    async fn signed(
        &self,
        region: &str,
        operation: &str,
        body: &str,
        credentials: &Credentials,
        cx: &Cx,
    ) -> Result<Answer, Error> {
        let address = self.settings.address(&self.service, region);
        let target = format!("{}.{operation}", self.service.target);
        let make = || {
            let mut headers = HeaderMap::new();
            let fixed = |text: &str| http::HeaderValue::from_str(text).map_err(|_| Error::usage("no header"));
            headers.insert(http::header::CONTENT_TYPE, fixed(self.service.content_type)?);
            headers.insert("x-amz-target", fixed(&target)?);
            let mut call = crate::rest::call(http::Method::POST, &format!("{address}/"), headers, body)?;
            sigv4::sign(&mut call, credentials, region, self.service.name, clock::now())?;
            Ok(call)
        };
        let verdict =
            |answer: &Answer| if answers::is_throttled(answer) { Verdict::MayPass } else { Verdict::Final };
        self.rest(region).send(make, verdict, cx).await
    }

    /// How many requests were sent to the service so far.
    fn requests(&self) -> u64 {
        let regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        regions.values().map(|rest| rest.requests()).sum()
    }
}

/// The region of an ARN (`arn:PARTITION:SERVICE:REGION:...`). As in argocd-vault-plugin, it is the fourth part of any
/// path with at least four colons.
fn region_of(path: &str) -> Option<&str> {
    let mut parts = path.split(':');
    let region = parts.nth(3)?;
    parts.next()?;
    Some(region).filter(|region| !region.is_empty())
}

/// Refuses a text that is not the name of a region. Authors write it, and it becomes a part of the host in a URL.
fn check_region(region: &str) -> Result<&str, Error> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !region.is_empty() && region.len() <= 32 && region.bytes().all(fits) {
        Ok(region)
    } else {
        Err(Error::usage(format!("{region:?} is not the name of an AWS region"))
            .hint("the region is the fourth part of an ARN: arn:aws:secretsmanager:eu-west-1:..."))
    }
}

#[cfg(test)]
mod tests {
    use super::{check_region, region_of};

    #[test]
    fn the_region_is_the_fourth_part_of_an_arn() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-AbCdEf";
        assert_eq!(region_of(arn), Some("eu-west-1"));
        assert_eq!(region_of("team/app"), None);
        assert_eq!(region_of("a:b:c"), None);
    }

    #[test]
    fn a_region_cannot_contain_another_host() {
        for region in ["eu-west-1", "us-gov-east-1", "cn-north-1"] {
            assert!(check_region(region).is_ok());
        }
        for region in ["", "evil.example/", "eu west", "EU", "a@b", &"a".repeat(40)] {
            assert!(check_region(region).is_err(), "{region}");
        }
    }
}
