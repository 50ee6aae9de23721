//! Azure credentials of keyfill: a client secret, workload identity, or managed identity.

use super::AzureSettings;
use super::challenge::Challenge;
use crate::rest::{Rest, Verdict, call, quoted, secret_header};
use crate::token::Token;
use crate::{Error, Secret};
use http::{HeaderMap, HeaderValue, Method};
use keyfill_diag::Cx;
use keyfill_http::Answer;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// The characters that are percent-encoded in a form: all but letters, digits and `-_.~`.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The address of the machine's metadata service.
const MACHINE: &str = "http://169.254.169.254";
/// The timeout of the metadata service. It is short, since outside of Azure nobody answers at that address.
const PATIENCE: Duration = Duration::from_secs(3);

/// Settings for credentials, with the environment variables that set them. Only the administrator may set them.
#[derive(Clone, Default)]
pub struct AzureCredentials {
    /// `AZURE_TENANT_ID`
    pub tenant: Option<String>,
    /// `AZURE_CLIENT_ID`
    pub client_id: Option<String>,
    /// `AZURE_CLIENT_SECRET`
    pub client_secret: Option<Secret>,
    /// `AZURE_FEDERATED_TOKEN_FILE`
    pub federated_token_file: Option<PathBuf>,
    /// `AZURE_AUTHORITY_HOST`, else the authority that the vault names.
    pub authority: Option<String>,
    /// `IDENTITY_ENDPOINT`, which App Service sets.
    pub identity_endpoint: Option<String>,
    /// `IDENTITY_HEADER`
    pub identity_header: Option<Secret>,
    /// A URL in place of that of the metadata service.
    pub metadata_endpoint: Option<String>,
}

/// The authorities of Azure's clouds. A vault names one of them; credentials are sent to no other that a vault names.
const AUTHORITIES: [&str; 4] = [
    "https://login.microsoftonline.com",
    "https://login.windows.net",
    "https://login.microsoftonline.us",
    "https://login.chinacloudapi.cn",
];

/// An access token for the resource of a challenge.
pub(super) async fn token(settings: &AzureSettings, challenge: &Challenge, cx: &Cx) -> Result<Token, Error> {
    let set = &settings.credentials;
    let found = match (&set.client_id, &set.client_secret, &set.federated_token_file) {
        (Some(id), Some(secret), _) => {
            let form = [("client_id", id.as_str()), ("client_secret", secret.expose())];
            of_tenant(settings, challenge, &form, cx).await
        }
        (Some(id), None, Some(file)) => {
            let token =
                Zeroizing::new(std::fs::read_to_string(file).map_err(|e| {
                    Error::usage(format!("the token in {} cannot be read: {e}", file.display()))
                })?);
            let form = [
                ("client_id", id.as_str()),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", token.trim()),
            ];
            of_tenant(settings, challenge, &form, cx).await
        }
        _ => of_machine(settings, challenge, cx).await,
    };
    found.map_err(|error| error.within("no Azure access token"))
}

async fn of_tenant(
    settings: &AzureSettings,
    challenge: &Challenge,
    who: &[(&str, &str)],
    cx: &Cx,
) -> Result<Token, Error> {
    let set = &settings.credentials;
    let authority = match &set.authority {
        Some(authority) => authority.trim_end_matches('/'),
        None if AUTHORITIES.contains(&challenge.authority.as_str()) => &challenge.authority,
        None => {
            return Err(Error::store(format!(
                "the vault names the authority {}, which is none of Azure's",
                challenge.authority
            ))
            .hint("set AZURE_AUTHORITY_HOST when this is right"));
        }
    };
    let tenant = set.tenant.as_deref().unwrap_or(&challenge.tenant);
    if tenant.is_empty() || !tenant.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')) {
        return Err(Error::usage(format!("{tenant:?} is no tenant of Azure")).hint("set AZURE_TENANT_ID"));
    }
    let scope = format!("{}/.default", challenge.resource);
    let fixed = [("grant_type", "client_credentials"), ("scope", scope.as_str())];
    let mut body = Zeroizing::new(String::new());
    for (name, value) in fixed.iter().chain(who) {
        if !body.is_empty() {
            body.push('&');
        }
        body.push_str(name);
        body.push('=');
        body.extend(utf8_percent_encode(value, FORM));
    }
    let address = format!("{authority}/{tenant}/oauth2/v2.0/token");
    let make = || {
        let mut headers = HeaderMap::new();
        headers.insert(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        call(Method::POST, &address, headers, body.as_bytes())
    };
    let rest = Rest::new("Azure's login service", &settings.network);
    read(&rest.send(make, |_| Verdict::Final, cx).await?, "Azure's login service")
}

/// A token for the managed identity of the machine or of the App Service.
async fn of_machine(settings: &AzureSettings, challenge: &Challenge, cx: &Cx) -> Result<Token, Error> {
    let set = &settings.credentials;
    let resource = utf8_percent_encode(&challenge.resource, FORM);
    let client = set.client_id.as_ref().map(|id| format!("&client_id={}", utf8_percent_encode(id, FORM)));
    let client = client.unwrap_or_default();
    let app_service = set.identity_endpoint.as_ref().zip(set.identity_header.as_ref());
    let address = match app_service {
        Some((endpoint, _)) => format!("{endpoint}?api-version=2019-08-01&resource={resource}{client}"),
        None => {
            let base = set.metadata_endpoint.as_deref().unwrap_or(MACHINE).trim_end_matches('/');
            format!(
                "{base}/metadata/identity/oauth2/token?api-version=2018-02-01&resource={resource}{client}"
            )
        }
    };
    let make = || {
        let mut headers = HeaderMap::new();
        match app_service {
            Some((_, header)) => {
                headers.insert("x-identity-header", secret_header(header.expose(), "IDENTITY_HEADER")?);
            }
            None => {
                headers.insert("metadata", HeaderValue::from_static("true"));
            }
        }
        call(Method::GET, &address, headers, "")
    };
    let rest = Rest::direct("Azure's metadata service", &settings.network);
    let cx = Cx { deadline: cx.deadline.min(Instant::now() + PATIENCE), ..cx.clone() };
    let answer = rest.send(make, |_| Verdict::Final, &cx).await.map_err(|error| {
        Error::usage(format!("nothing that says who keyfill is to Azure is set ({error})")).hint(
            "give the service account workload identity, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
        )
    })?;
    read(&answer, "Azure's metadata service")
}

fn read(answer: &Answer, who: &str) -> Result<Token, Error> {
    #[derive(serde::Deserialize)]
    struct Given {
        access_token: Zeroizing<String>,
        /// In seconds; a number, or a string with a number.
        expires_in: Option<serde_json::Value>,
    }
    #[derive(serde::Deserialize)]
    struct ErrorBody {
        #[serde(default)]
        error: String,
        #[serde(default)]
        error_description: String,
    }
    if answer.status == http::StatusCode::OK
        && let Ok(given) = serde_json::from_slice::<Given>(&answer.body)
    {
        let seconds = given.expires_in.and_then(|n| n.as_u64().or_else(|| n.as_str()?.parse().ok()));
        return Ok(Token::lasting(Secret::new(given.access_token.as_str()), seconds.unwrap_or(300)));
    }
    let reason: Option<ErrorBody> = serde_json::from_slice(&answer.body).ok();
    let reason =
        reason.map(|reason| format!(", {}: {}", reason.error, reason.error_description)).unwrap_or_default();
    Err(Error::store(format!("{who} answered {}{}", answer.status.as_u16(), quoted(&reason))))
}
