//! Application default credentials of Google: a file (`GOOGLE_APPLICATION_CREDENTIALS`), else the metadata server.
//!
//! Supported are the files of a service account's key, of a user, of workload identity federation (with a token from a
//! file or a URL), and of the impersonation of a service account. Files that name a program are refused.

use super::GoogleSettings;
use crate::rest::{Rest, Verdict, call, quoted, secret_header};
use crate::token::Token;
use crate::{Error, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, Method};
use keyfill_diag::Cx;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde::Deserialize;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

/// The scope of access tokens.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// The characters that are percent-encoded in a form: all but letters, digits and `-_.~`.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// The timeout of the metadata server. It is short, since outside of Google Cloud nobody answers.
const PATIENCE: Duration = Duration::from_secs(3);
/// How deep credentials for impersonation may be nested.
const DEEPEST: u32 = 3;

/// Settings for credentials, with the environment variables that set them. Only the administrator may set them.
#[derive(Clone, Default)]
pub struct GoogleCredentials {
    /// `GOOGLE_APPLICATION_CREDENTIALS`, else the file that gcloud writes, if it exists.
    pub file: Option<PathBuf>,
    /// `GCE_METADATA_HOST`
    pub metadata_host: Option<String>,
}

/// The contents of a credentials file.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Given {
    ServiceAccount {
        client_email: String,
        private_key: Zeroizing<String>,
        private_key_id: Option<String>,
        #[serde(default = "google_tokens")]
        token_uri: String,
    },
    AuthorizedUser {
        client_id: String,
        client_secret: Zeroizing<String>,
        refresh_token: Zeroizing<String>,
        #[serde(default = "google_tokens")]
        token_uri: String,
    },
    ExternalAccount {
        audience: String,
        subject_token_type: String,
        token_url: String,
        credential_source: SubjectToken,
        service_account_impersonation_url: Option<String>,
    },
    ImpersonatedServiceAccount {
        service_account_impersonation_url: String,
        source_credentials: Box<Given>,
    },
}

fn google_tokens() -> String {
    "https://oauth2.googleapis.com/token".to_owned()
}

/// Where the token for workload identity federation comes from.
#[derive(Deserialize)]
struct SubjectToken {
    file: Option<PathBuf>,
    url: Option<String>,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, Zeroizing<String>>,
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    #[serde(rename = "type")]
    kind: String,
    subject_token_field_name: Option<String>,
}

/// An access token, with the credentials file if one is set, else from the metadata server.
pub(super) async fn token(settings: &GoogleSettings, cx: &Cx) -> Result<Token, Error> {
    let found = match &settings.credentials.file {
        Some(file) => match read(file)? {
            Some(given) => of_file(settings, &given, DEEPEST, cx).await,
            None => of_machine(settings, cx).await,
        },
        None => of_machine(settings, cx).await,
    };
    found.map_err(|error| error.within("no Google access token"))
}

/// Reads a credentials file. `None` if it does not exist, which is permitted only for the file that gcloud writes.
fn read(file: &Path) -> Result<Option<Given>, Error> {
    let name = file.display();
    let text = match std::fs::read(file) {
        Ok(text) => Zeroizing::new(text),
        Err(error)
            if error.kind() == std::io::ErrorKind::NotFound
                && file.ends_with("gcloud/application_default_credentials.json") =>
        {
            return Ok(None);
        }
        Err(error) => {
            return Err(Error::usage(format!("the credentials file {name} cannot be read: {error}")));
        }
    };
    // The error of the JSON parser is left out, since it may quote a key.
    serde_json::from_slice(&text).map(Some).map_err(|_| {
        Error::usage(format!("the credentials file {name} is not one of Google's that keyfill knows")).hint(
            "it is JSON with the type service_account, authorized_user, external_account or impersonated_service_account",
        )
    })
}

async fn of_file(settings: &GoogleSettings, given: &Given, depth: u32, cx: &Cx) -> Result<Token, Error> {
    match given {
        Given::ServiceAccount { client_email, private_key, private_key_id, token_uri } => {
            let assertion = assertion(client_email, private_key, private_key_id.as_deref(), token_uri)?;
            let form = [
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                ("assertion", assertion.expose()),
            ];
            post(settings, token_uri, &form, cx).await
        }
        Given::AuthorizedUser { client_id, client_secret, refresh_token, token_uri } => {
            let form = [
                ("grant_type", "refresh_token"),
                ("client_id", client_id.as_str()),
                ("client_secret", client_secret.as_str()),
                ("refresh_token", refresh_token.as_str()),
            ];
            post(settings, token_uri, &form, cx).await
        }
        Given::ExternalAccount {
            audience,
            subject_token_type,
            token_url,
            credential_source,
            service_account_impersonation_url,
        } => {
            let subject = subject_token(settings, credential_source, cx).await?;
            let form = [
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
                ("audience", audience.as_str()),
                ("scope", SCOPE),
                ("subject_token_type", subject_token_type.as_str()),
                ("subject_token", subject.expose()),
            ];
            let token = post(settings, token_url, &form, cx).await?;
            match service_account_impersonation_url {
                Some(url) => impersonate(settings, url, &token, cx).await,
                None => Ok(token),
            }
        }
        Given::ImpersonatedServiceAccount { service_account_impersonation_url, source_credentials } => {
            let depth =
                depth.checked_sub(1).ok_or_else(|| Error::usage("the credentials name each other"))?;
            let own = Box::pin(of_file(settings, source_credentials, depth, cx)).await?;
            impersonate(settings, service_account_impersonation_url, &own, cx).await
        }
    }
}

/// A JWT that requests an access token for the account, signed with the account's key.
fn assertion(email: &str, key: &str, id: Option<&str>, audience: &str) -> Result<Secret, Error> {
    let wrong = || Error::usage("the private key in the credentials file is not usable");
    let der: String = key.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    let der = Zeroizing::new(STANDARD.decode(Zeroizing::new(der).as_bytes()).map_err(|_| wrong())?);
    let pair = RsaKeyPair::from_pkcs8(&der).map_err(|_| wrong())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": id.unwrap_or_default() });
    let claims = json!({ "iss": email, "scope": SCOPE, "aud": audience, "iat": now, "exp": now + 3600 });
    let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let text = format!("{}.{}", part(&header), part(&claims));
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .map_err(|_| wrong())?;
    Ok(Secret::new(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

async fn subject_token(settings: &GoogleSettings, source: &SubjectToken, cx: &Cx) -> Result<Secret, Error> {
    let text = match (&source.file, &source.url) {
        (Some(file), _) => Zeroizing::new(
            std::fs::read_to_string(file)
                .map_err(|e| Error::usage(format!("the token in {} cannot be read: {e}", file.display())))?,
        ),
        (None, Some(url)) => {
            let make = || {
                let mut headers = HeaderMap::new();
                for (name, value) in &source.headers {
                    let name: http::HeaderName = name
                        .parse()
                        .map_err(|_| Error::usage(format!("{name:?} is not a name of a header")))?;
                    headers.insert(name, secret_header(value, "a header of the credential source")?);
                }
                call(Method::GET, url, headers, "")
            };
            let rest = Rest::new("the source of the identity's token", &settings.network);
            let answer = rest.send(make, |_| Verdict::Final, cx).await?;
            if answer.status != http::StatusCode::OK {
                return Err(Error::store(format!(
                    "the source of the identity's token answered {}",
                    answer.status.as_u16()
                )));
            }
            Zeroizing::new(String::from_utf8_lossy(&answer.body).into_owned())
        }
        (None, None) => {
            return Err(Error::usage("the credential source names neither a file nor a url")
                .hint("keyfill starts no programs, and signs no requests to AWS for Google"));
        }
    };
    match &source.format {
        Some(Format { kind, subject_token_field_name: Some(field) }) if kind == "json" => {
            let wrong = || Error::usage(format!("the identity's token is not JSON with the field {field}"));
            let object: std::collections::BTreeMap<String, serde_json::Value> =
                serde_json::from_str(&text).map_err(|_| wrong())?;
            object.get(field).and_then(|value| value.as_str()).map(Secret::new).ok_or_else(wrong)
        }
        _ => Ok(Secret::new(text.trim())),
    }
}

/// An access token of a service account that `own` may impersonate. `url` is where it is requested.
async fn impersonate(settings: &GoogleSettings, url: &str, own: &Token, cx: &Cx) -> Result<Token, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answered {
        access_token: Zeroizing<String>,
    }
    let make = || {
        let mut headers = HeaderMap::new();
        let bearer = Zeroizing::new(format!("Bearer {}", own.text.expose()));
        headers.insert(http::header::AUTHORIZATION, secret_header(&bearer, "the Google access token")?);
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        call(Method::POST, url, headers, json!({ "scope": [SCOPE], "lifetime": "3600s" }).to_string())
    };
    let rest = Rest::new("Google's IAM credentials service", &settings.network);
    let answer = rest.send(make, |_| Verdict::Final, cx).await?;
    let answered: Option<Answered> = serde_json::from_slice(&answer.body).ok();
    match answered.filter(|_| answer.status == http::StatusCode::OK) {
        Some(answered) => Ok(Token::lasting(Secret::new(answered.access_token.as_str()), 3600)),
        None => Err(Error::store(format!(
            "the service account cannot be impersonated: {}",
            answer.status.as_u16()
        ))
        .hint("grant roles/iam.serviceAccountTokenCreator on it to the account that keyfill starts from")),
    }
}

#[derive(Deserialize)]
struct Answered {
    access_token: Zeroizing<String>,
    #[serde(default)]
    expires_in: u64,
}

async fn post(settings: &GoogleSettings, url: &str, form: &[(&str, &str)], cx: &Cx) -> Result<Token, Error> {
    let mut body = Zeroizing::new(String::new());
    for (name, value) in form {
        if !body.is_empty() {
            body.push('&');
        }
        body.push_str(name);
        body.push('=');
        body.extend(utf8_percent_encode(value, FORM));
    }
    let make = || {
        let mut headers = HeaderMap::new();
        headers.insert(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        call(Method::POST, url, headers, body.as_bytes())
    };
    let rest = Rest::new("Google's token service", &settings.network);
    let answer = rest.send(make, |_| Verdict::Final, cx).await?;
    if answer.status == http::StatusCode::OK
        && let Ok(answered) = serde_json::from_slice::<Answered>(&answer.body)
    {
        return Ok(Token::lasting(Secret::new(answered.access_token.as_str()), answered.expires_in));
    }
    #[derive(Deserialize)]
    struct ErrorBody {
        error: Option<String>,
        error_description: Option<String>,
    }
    let reason: Option<ErrorBody> = serde_json::from_slice(&answer.body).ok();
    let reason = reason.map(|reason| {
        format!(", {}: {}", reason.error.unwrap_or_default(), reason.error_description.unwrap_or_default())
    });
    let status = answer.status.as_u16();
    Err(Error::store(format!(
        "Google's token service answered {status}{}",
        quoted(&reason.unwrap_or_default())
    )))
}

/// An access token from the metadata server, for the service account of the pod or machine.
async fn of_machine(settings: &GoogleSettings, cx: &Cx) -> Result<Token, Error> {
    let host = settings.credentials.metadata_host.as_deref().unwrap_or("metadata.google.internal");
    let address = format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/token");
    let make = || {
        let mut headers = HeaderMap::new();
        headers.insert("metadata-flavor", HeaderValue::from_static("Google"));
        call(Method::GET, &address, headers, "")
    };
    let rest = Rest::direct("Google's metadata server", &settings.network);
    let cx = Cx { deadline: cx.deadline.min(Instant::now() + PATIENCE), ..cx.clone() };
    let nothing = |why: &str| {
        Error::usage(format!("nothing that says who keyfill is to Google is set ({why})")).hint(
            "give the service account workload identity, or set GOOGLE_APPLICATION_CREDENTIALS to a credentials file",
        )
    };
    let answer =
        rest.send(make, |_| Verdict::Final, &cx).await.map_err(|error| nothing(&error.to_string()))?;
    match serde_json::from_slice::<Answered>(&answer.body) {
        Ok(answered) if answer.status == http::StatusCode::OK => {
            Ok(Token::lasting(Secret::new(answered.access_token.as_str()), answered.expires_in))
        }
        _ => Err(nothing(&format!("the metadata server answered {}", answer.status.as_u16()))),
    }
}
