//! Vault's client, built from settings.

use crate::cli::pflag;
use crate::report::Problem;
use crate::settings::Settings;
use crate::settings::address;
use crate::settings::authority::Effective;
use crate::settings::method::Method;
use crate::values;
use anyhow::Result;
use keyfill_secrets::vault::{Auth, CacheNames, Jwt, Proxy, Tls, TokenCache, VaultSettings};
use keyfill_secrets::{Addresses, KvVersion, Secret};
use std::path::PathBuf;
use std::time::Duration;

/// The file in which Kubernetes puts the token of a pod's service account.
const SERVICE_ACCOUNT_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// The settings of a Vault client. `effective` are the store's own settings; `named` says whether it is a store of
/// the config file.
pub fn settings(settings: &Settings, effective: &Effective, named: bool) -> Result<VaultSettings> {
    with_auth(settings, effective, named, auth(effective)?)
}

/// The same without a login, for requests that need no token.
pub fn without_login(settings: &Settings, effective: &Effective) -> Result<VaultSettings> {
    with_auth(settings, effective, false, Auth::Token(Secret::new(String::new())))
}

fn with_auth(settings: &Settings, effective: &Effective, named: bool, auth: Auth) -> Result<VaultSettings> {
    // As in Vault's own client, the agent's address has priority. It does not apply if an author has set the address.
    let agent = effective.get("VAULT_AGENT_ADDR").filter(|_| !effective.address_is_authors());
    let Some(address) = agent.or_else(|| effective.get("VAULT_ADDR")) else {
        return Err(Problem::usage(
            "VAULT_ADDR must be set to Vault's address; --source file reads secrets from a file",
        )
        .into());
    };
    let kv = match effective.get("AVP_KV_VERSION").map(str::trim) {
        // AVP's default is version 2; keyfill finds the version out from Vault's response.
        None => settings.compat_avp.then_some(KvVersion::V2),
        Some(text) => Some(
            text.parse()
                .map_err(|()| Problem::usage(format!("AVP_KV_VERSION is {text:?}; it must be 1 or 2")))?,
        ),
    };
    // The file names of AVP's token cache support only one Vault.
    let names = if settings.compat_avp && !named { CacheNames::Avp } else { CacheNames::ByKey };
    Ok(VaultSettings {
        namespace: effective.get("VAULT_NAMESPACE").map(str::to_owned),
        kv,
        find_data_paths: !settings.compat_avp,
        tls: tls(effective)?,
        proxy: proxy(effective),
        patience: settings.patience,
        max_retries: effective
            .get("VAULT_MAX_RETRIES")
            .map(|n| {
                n.trim()
                    .parse()
                    .map_err(|_| Problem::usage(format!("VAULT_MAX_RETRIES is {n:?}; it must be a number")))
            })
            .transpose()?,
        request_timeout: request_timeout(effective)?,
        token_cache: settings.token_cache.clone().map(|folder| TokenCache { folder, names }),
        addresses: address::of_authors(effective, settings.compat_avp).unwrap_or(Addresses::Any),
        follow_redirects: !effective.address_is_authors(),
        ..VaultSettings::new(address, auth)
    })
}

/// Whether settings are wrong that argocd-vault-plugin checks only when it reads a secret: the address, and the
/// version of the KV engine.
pub fn is_wrong_when_read(effective: &Effective) -> bool {
    let has_address = ["VAULT_ADDR", "VAULT_AGENT_ADDR"].iter().any(|name| effective.get(name).is_some());
    let kv = effective.get("AVP_KV_VERSION").map(str::trim);
    !has_address || kv.is_some_and(|text| text.parse::<KvVersion>().is_err())
}

fn request_timeout(effective: &Effective) -> Result<Duration> {
    let Some(text) = effective.get("VAULT_CLIENT_TIMEOUT") else { return Ok(Duration::from_secs(60)) };
    Ok(values::duration(text.trim()).map_err(|e| Problem::usage(format!("VAULT_CLIENT_TIMEOUT: {e}")))?)
}

/// Vault's own proxy settings apply to every address. The system's proxies do not apply to hosts in `NO_PROXY` and
/// to localhost, as in Go.
fn proxy(effective: &Effective) -> Proxy {
    if let Some(all) = effective.get("VAULT_PROXY_ADDR").or_else(|| effective.get("VAULT_HTTP_PROXY")) {
        return Proxy { http: Some(Secret::new(all)), https: Some(Secret::new(all)), no_proxy: None };
    }
    let this_machine = "localhost,127.0.0.0/8,::1";
    let no_proxy = effective
        .get("NO_PROXY")
        .map_or_else(|| this_machine.to_owned(), |named| format!("{named},{this_machine}"));
    Proxy {
        http: effective.get("HTTP_PROXY").map(Secret::new),
        https: effective.get("HTTPS_PROXY").map(Secret::new),
        no_proxy: Some(no_proxy),
    }
}

fn tls(effective: &Effective) -> Result<Tls> {
    let path = |name: &str| effective.get(name).map(PathBuf::from);
    let skip_verify = match effective.get("VAULT_SKIP_VERIFY") {
        None => false,
        Some(text) => pflag::parse_bool(text).ok_or_else(|| {
            Problem::usage(format!("VAULT_SKIP_VERIFY is {text:?}, which is no boolean: write true or false"))
        })?,
    };
    Ok(Tls {
        ca_bytes: effective.get("VAULT_CACERT_BYTES").map(str::to_owned),
        ca_file: path("VAULT_CACERT"),
        ca_dir: path("VAULT_CAPATH"),
        client_cert: path("VAULT_CLIENT_CERT"),
        client_key: path("VAULT_CLIENT_KEY"),
        skip_verify,
        server_name: effective.get("VAULT_TLS_SERVER_NAME").map(str::to_owned),
    })
}

/// The login: with the method that is set, else with the method to which the credentials belong.
fn auth(effective: &Effective) -> Result<Auth> {
    let method = match (effective.method(), effective.get("AVP_AUTH_TYPE")) {
        (Some(method), _) => method,
        (None, Some(other)) => {
            return Err(Problem::usage(format!(
                "AVP_AUTH_TYPE is {:?}, which is no way to log in that keyfill knows; it must be {}",
                other.trim(),
                Method::names()
            ))
            .into());
        }
        (None, None) => {
            return Err(Problem::usage(
                "no way to log in to Vault is set: set AVP_AUTH_TYPE and its credentials, or VAULT_TOKEN",
            )
            .into());
        }
    };
    let mount = effective.get("AVP_MOUNT_PATH").unwrap_or(method.default_mount()).to_owned();
    let needed = |name: &str| required(effective, name, method).map(str::to_owned);
    let secret = |name: &str| required(effective, name, method).map(Secret::new);
    Ok(match method {
        Method::Token => match (effective.get("VAULT_TOKEN"), effective.get("VAULT_TOKEN_FILE")) {
            (None, Some(path)) => Auth::TokenFile(path.into()),
            _ => Auth::Token(secret("VAULT_TOKEN")?),
        },
        Method::AppRole => {
            Auth::AppRole { mount, role_id: secret("AVP_ROLE_ID")?, secret_id: secret("AVP_SECRET_ID")? }
        }
        Method::Kubernetes => Auth::Kubernetes {
            mount: effective.get("AVP_K8S_MOUNT_PATH").map_or(mount, str::to_owned),
            role: needed("AVP_K8S_ROLE")?,
            jwt: effective.get("AVP_K8S_TOKEN_PATH").unwrap_or(SERVICE_ACCOUNT_TOKEN).into(),
        },
        Method::Userpass => {
            Auth::Userpass { mount, username: needed("AVP_USERNAME")?, password: secret("AVP_PASSWORD")? }
        }
        Method::Github => Auth::Github { mount, token: secret("AVP_GITHUB_TOKEN")? },
        Method::Jwt => Auth::Jwt {
            mount,
            role: effective.get("AVP_JWT_ROLE").map(str::to_owned),
            jwt: match effective.get("AVP_JWT_PATH") {
                Some(path) if effective.get("AVP_JWT").is_none() => Jwt::File(path.into()),
                _ => Jwt::Text(secret("AVP_JWT")?),
            },
        },
        Method::Cert => {
            needed("VAULT_CLIENT_CERT")?;
            needed("VAULT_CLIENT_KEY")?;
            Auth::Cert { mount, role: effective.get("AVP_CERT_ROLE").map(str::to_owned) }
        }
    })
}

fn required<'a>(effective: &'a Effective, name: &str, method: Method) -> Result<&'a str, Problem> {
    let missing = || Problem::usage(format!("{name} must be set for the auth method {}", method.name()));
    effective.get(name).ok_or_else(missing)
}
