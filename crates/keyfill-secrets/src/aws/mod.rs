//! AWS: Secrets Manager and the Parameter Store of Systems Manager.
//!
//! Both speak JSON over POST, signed with Signature Version 4. The region stands in an ARN, else in the settings.

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

/// The region where none is set: argocd-vault-plugin's.
const DEFAULT_REGION: &str = "us-east-2";

/// How AWS is reached. All of it is the administrator's.
#[derive(Clone, Default)]
pub struct AwsSettings {
    /// The region of what names none.
    pub region: Option<String>,
    /// An address in place of the services' own: `AWS_ENDPOINT_URL_SECRETS_MANAGER`, `_SSM`, `_KMS`, `_STS`.
    pub endpoints: HashMap<String, String>,
    /// An address in place of those of all services: `AWS_ENDPOINT_URL`.
    pub endpoint: Option<String>,
    /// Who one is.
    pub credentials: CredentialSettings,
    /// Proxies and certificates.
    pub network: Network,
}

impl AwsSettings {
    fn region(&self) -> &str {
        self.region.as_deref().filter(|region| !region.is_empty()).unwrap_or(DEFAULT_REGION)
    }

    /// The address of a service in a region.
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
    /// Its name in addresses and signatures.
    name: &'static str,
    /// What its requests' targets begin with.
    target: &'static str,
    /// Its name in `AWS_ENDPOINT_URL_...`.
    setting: &'static str,
    /// How errors call it.
    title: &'static str,
    /// The kind of its JSON.
    content_type: &'static str,
}

/// A client of one service, for all regions.
pub(crate) struct Client {
    service: Service,
    settings: AwsSettings,
    chain: Chain,
    regions: Mutex<HashMap<String, Arc<Rest>>>,
    waiting: Waiting,
}

/// How a service is asked for one secret, and for several.
struct Reading {
    /// The operation that reads one.
    operation: &'static str,
    /// What it is asked.
    ask: fn(&SecretRef) -> serde_json::Value,
    /// What its answer holds.
    data: fn(&[u8], &str) -> Result<SecretData, Error>,
    /// The name under which the answer for several has a secret.
    id: fn(&SecretRef) -> String,
    /// The operation that reads several, at their newest version.
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

    /// Calls an operation. Credentials that were refused as expired are fetched anew, once.
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

    /// Reads a secret: with others where that can be, else by itself.
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

    /// How many requests were sent to the service.
    fn requests(&self) -> u64 {
        let regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        regions.values().map(|rest| rest.requests()).sum()
    }
}

/// The region of an ARN (`arn:PARTITION:SERVICE:REGION:...`), as argocd-vault-plugin finds it: the fourth part of
/// what has as many colons.
fn region_of(path: &str) -> Option<&str> {
    let mut parts = path.split(':');
    let region = parts.nth(3)?;
    parts.next()?;
    Some(region).filter(|region| !region.is_empty())
}

/// Whether a text may stand in an address as a region: what an author writes must not name another host.
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
    fn the_region_stands_in_an_arn() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-AbCdEf";
        assert_eq!(region_of(arn), Some("eu-west-1"));
        assert_eq!(region_of("team/app"), None);
        assert_eq!(region_of("a:b:c"), None);
    }

    #[test]
    fn no_author_names_another_host() {
        for region in ["eu-west-1", "us-gov-east-1", "cn-north-1"] {
            assert!(check_region(region).is_ok());
        }
        for region in ["", "evil.example/", "eu west", "EU", "a@b", &"a".repeat(40)] {
            assert!(check_region(region).is_err(), "{region}");
        }
    }
}
