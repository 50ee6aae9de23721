//! Azure Key Vault (`azurekeyvault`).
//!
//! A path is the name of a vault, or its whole host in clouds other than the public one. The keys are the names of the
//! vault's secrets. A vault is never listed: only secrets that placeholders name are read. A version is the version of
//! a secret.

mod challenge;
mod credentials;
mod keys;

pub use credentials::AzureCredentials;
pub use keys::AzureKeys;

use crate::rest::{Network, Rest, Verdict, call, quoted, secret_header};
use crate::source::Store;
use crate::token::{Token, Tokens};
use crate::{BoxFuture, Error, Keys, Secret, SecretData, SecretRef, SecretValue};
use http::{HeaderMap, Method};
use keyfill_diag::Cx;
use keyfill_http::Answer;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// The domain of vaults in the public cloud.
const PUBLIC: &str = "vault.azure.net";

/// The domains of vaults in each cloud. Access tokens are sent to no other host.
const DOMAINS: [&str; 4] = [PUBLIC, "vault.azure.cn", "vault.usgovcloudapi.net", "managedhsm.azure.net"];

/// The version of the API, as a query.
const PROTOCOL: &str = "api-version=7.4";

/// Settings for Azure. Only the administrator may set them.
#[derive(Clone, Default)]
pub struct AzureSettings {
    /// A URL in place of those of all vaults, for tests and private endpoints.
    pub endpoint: Option<String>,
    /// The credentials of keyfill.
    pub credentials: AzureCredentials,
    /// Proxies and certificates.
    pub network: Network,
}

/// A source that reads secrets from Azure Key Vault.
pub struct AzureKeyVault {
    settings: AzureSettings,
    vaults: Mutex<HashMap<String, Arc<Vault>>>,
}

struct Vault {
    rest: Rest,
    tokens: Tokens,
}

impl AzureKeyVault {
    /// A source with these settings. No request is sent before the first read.
    pub fn new(settings: AzureSettings) -> Self {
        Self { settings, vaults: Mutex::default() }
    }

    /// How many requests were sent to vaults so far.
    pub fn requests(&self) -> u64 {
        self.vaults.lock().unwrap_or_else(PoisonError::into_inner).values().map(|v| v.rest.requests()).sum()
    }

    fn vault(&self, host: &str) -> Arc<Vault> {
        let mut vaults = self.vaults.lock().unwrap_or_else(PoisonError::into_inner);
        let vault = vaults.entry(host.to_owned()).or_insert_with(|| {
            let rest = Rest::new(format!("Azure Key Vault {host}"), &self.settings.network);
            Arc::new(Vault { rest, tokens: Tokens::default() })
        });
        Arc::clone(vault)
    }

    /// The value of one secret. `None` if the vault has no secret with this name, or if it is disabled.
    async fn one(
        &self,
        vault: &Vault,
        host: &str,
        name: &str,
        version: Option<&str>,
        cx: &Cx,
    ) -> Result<Option<SecretValue>, Error> {
        let fits =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !fits(name) {
            return Err(Error::missing(format!("{name:?} is not a name of a secret in Azure Key Vault"))
                .hint("names have letters, digits and dashes"));
        }
        let version = version.unwrap_or_default();
        if !version.is_empty() && !fits(version) {
            return Err(Error::usage(format!("{version:?} is no version of a secret in Azure Key Vault")));
        }
        let base = self.settings.endpoint.clone().unwrap_or_else(|| format!("https://{host}"));
        let address = format!("{}/secrets/{name}/{version}?{PROTOCOL}", base.trim_end_matches('/'));
        let make = |token: Option<&Token>| {
            let mut headers = HeaderMap::new();
            if let Some(token) = token {
                let bearer = Zeroizing::new(format!("Bearer {}", token.text.expose()));
                headers
                    .insert(http::header::AUTHORIZATION, secret_header(&bearer, "the Azure access token")?);
            }
            call(Method::GET, &address, headers, "")
        };
        // The vault says which authority and resource the token needs. That is checked against the vault's cloud.
        let fetch = || -> BoxFuture<'_, _> {
            Box::pin(async {
                let asked = vault.rest.send(|| make(None), |_| Verdict::Final, cx).await?;
                let challenge = challenge::read(&asked, host)?;
                credentials::token(&self.settings, &challenge, cx).await
            })
        };
        let answer = vault.tokens.send(&vault.rest, &fetch, |token| make(Some(token)), cx).await?;
        match answer.status.as_u16() {
            200 => value(&answer, host).map(Some),
            404 => Ok(None),
            403 if code(&answer).1 == "SecretDisabled" => Ok(None),
            _ => Err(refused(&answer, host, name)),
        }
    }
}

impl Store for AzureKeyVault {
    async fn get(&self, secret: &SecretRef, keys: &Keys, cx: &Cx) -> Result<Arc<SecretData>, Error> {
        let host = host(&secret.path)?;
        let Keys::These(keys) = keys else {
            return Err(Error::usage("all keys were asked for, and keyfill does not list a vault of Azure")
                .hint("name each secret of the vault in a placeholder of its own"));
        };
        let vault = self.vault(&host);
        let mut reads: Vec<BoxFuture<'_, _>> = Vec::with_capacity(keys.len());
        for key in keys {
            reads.push(Box::pin(self.one(&vault, &host, key, secret.version.as_deref(), cx)));
        }
        let found = futures_util::future::join_all(reads).await;
        let entries = found.into_iter().zip(keys).filter_map(|(found, key)| match found {
            Ok(value) => value.map(|value| Ok((key.clone(), value))),
            Err(error) => Some(Err(error)),
        });
        entries.collect::<Result<SecretData, Error>>().map(Arc::new)
    }

    fn reads_by_key(&self, _: &SecretRef) -> bool {
        true
    }
}

/// The canonical form of a path: the name of a vault in the public cloud, the host of a vault in another cloud.
pub fn canonical(path: &str) -> Result<String, Error> {
    let host = host(path)?;
    Ok(host.strip_suffix(PUBLIC).and_then(|name| name.strip_suffix('.')).unwrap_or(&host).to_owned())
}

/// The host of a vault. `path` is the name of a vault in the public cloud, or the host of a vault in any cloud.
fn host(path: &str) -> Result<String, Error> {
    // The `//` of a URL may have become one slash, since canonical paths have no two slashes in a row.
    let path = path.trim().trim_start_matches("https:").trim_matches('/').to_ascii_lowercase();
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if is_label(&path) {
        return Ok(format!("{path}.{PUBLIC}"));
    }
    let of_cloud = DOMAINS.iter().any(|domain| {
        path.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.')).is_some_and(is_label)
    });
    if of_cloud {
        return Ok(path);
    }
    Err(Error::usage(format!("{path:?} is no vault of Azure"))
        .hint("write the vault's name, or its whole host such as NAME.vault.azure.cn"))
}

fn value(answer: &Answer, host: &str) -> Result<SecretValue, Error> {
    #[derive(serde::Deserialize)]
    struct Given {
        value: Zeroizing<String>,
    }
    let given: Given = serde_json::from_slice(&answer.body)
        .map_err(|_| Error::store(format!("the answer of Azure Key Vault {host} is not JSON of a secret")))?;
    Ok(SecretValue::Str(Secret::new(given.value.as_str())))
}

/// The message and the inner error code of an error.
fn code(answer: &Answer) -> (String, String) {
    #[derive(serde::Deserialize)]
    struct ErrorBody {
        error: Inner,
    }
    #[derive(serde::Deserialize)]
    struct Inner {
        #[serde(default)]
        message: String,
        innererror: Option<Box<Code>>,
    }
    #[derive(serde::Deserialize)]
    struct Code {
        #[serde(default)]
        code: String,
    }
    match serde_json::from_slice::<ErrorBody>(&answer.body) {
        Ok(ErrorBody { error }) => {
            (quoted(&error.message), error.innererror.map(|inner| inner.code).unwrap_or_default())
        }
        Err(_) => Default::default(),
    }
}

fn refused(answer: &Answer, host: &str, name: &str) -> Error {
    let (reason, _) = code(answer);
    match answer.status.as_u16() {
        401 => Error::store(format!("Azure Key Vault {host} does not take the access token: {reason}")),
        403 => Error::store(format!("Azure Key Vault {host} refuses {name}: {reason}")).hint(
            "grant the role Key Vault Secrets User (or get on secrets) to the identity that keyfill uses",
        ),
        status => Error::store(format!("Azure Key Vault {host} answered {status}: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{canonical, host};

    #[test]
    fn a_path_is_the_name_of_a_vault_or_a_host_in_a_domain_of_azure() {
        assert_eq!(host("Team-1").ok().as_deref(), Some("team-1.vault.azure.net"));
        assert_eq!(host("team.vault.azure.cn").ok().as_deref(), Some("team.vault.azure.cn"));
        assert_eq!(host("https://team.vault.azure.net/").ok().as_deref(), Some("team.vault.azure.net"));
        assert_eq!(canonical("https:/Team.vault.azure.net").ok().as_deref(), Some("team"));
        assert_eq!(canonical("team.vault.azure.cn").ok().as_deref(), Some("team.vault.azure.cn"));
        for bad in [
            "",
            "evil.example",
            "team.vault.azure.net.evil",
            "a@vault.azure.net",
            "a.b.vault.azure.net",
            "vault.azure.net",
            "a/b",
        ] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }
}
