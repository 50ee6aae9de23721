//! AWS credentials of keyfill: from environment variables, a web identity (IRSA), a shared profile, the container's
//! credential service (EKS Pod Identity, ECS), or the machine's metadata service (IMDSv2).
//!
//! `credential_process` and single sign-on are not supported: the former starts programs, the latter needs a person.

mod metadata;
mod profile;
mod sts;

use super::{AwsSettings, clock};
use crate::{Error, Secret};
use keyfill_diag::Cx;
use profile::Profile;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Credentials are fetched again if they expire within this time, in seconds.
const MARGIN: u64 = 120;

/// Settings for credentials, with the environment variables that set them. Only the administrator may set them.
#[derive(Clone, Default)]
pub struct CredentialSettings {
    /// `AWS_ACCESS_KEY_ID`
    pub access_key_id: Option<String>,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret_access_key: Option<Secret>,
    /// `AWS_SESSION_TOKEN`
    pub session_token: Option<Secret>,
    /// `AWS_ROLE_ARN`, for a web identity.
    pub role_arn: Option<String>,
    /// `AWS_ROLE_SESSION_NAME`
    pub role_session_name: Option<String>,
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`
    pub web_identity_token_file: Option<PathBuf>,
    /// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`
    pub container_relative_uri: Option<String>,
    /// `AWS_CONTAINER_CREDENTIALS_FULL_URI`
    pub container_full_uri: Option<String>,
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN`
    pub container_token: Option<Secret>,
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`
    pub container_token_file: Option<PathBuf>,
    /// `AWS_EC2_METADATA_SERVICE_ENDPOINT`
    pub metadata_endpoint: Option<String>,
    /// `AWS_EC2_METADATA_DISABLED`
    pub metadata_disabled: bool,
    /// `AWS_PROFILE`
    pub profile: Option<String>,
    /// `AWS_CONFIG_FILE`, else `~/.aws/config`.
    pub config_file: Option<PathBuf>,
    /// `AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`.
    pub credentials_file: Option<PathBuf>,
}

/// Credentials that requests are signed with.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) access_key: String,
    pub(super) secret_key: Secret,
    pub(super) session_token: Option<Secret>,
    /// When they expire, in seconds since 1970; `None` if they do not expire.
    pub(super) expires: Option<u64>,
}

impl Credentials {
    fn is_fresh(&self) -> bool {
        self.expires.is_none_or(|expires| expires > clock::now() + MARGIN)
    }
}

/// Finds credentials in AWS's usual order, and keeps them until shortly before they expire.
pub(super) struct Chain {
    settings: AwsSettings,
    known: Mutex<Option<Arc<Credentials>>>,
}

impl Chain {
    pub(super) fn new(settings: &AwsSettings) -> Self {
        Self { settings: settings.clone(), known: Mutex::const_new(None) }
    }

    /// The credentials. If they were `refused`, new ones are fetched, unless they are static.
    pub(super) async fn credentials(
        &self,
        refused: Option<&Arc<Credentials>>,
        cx: &Cx,
    ) -> Result<Arc<Credentials>, Error> {
        // The lock is held during the fetch, so that concurrent callers wait for one fetch.
        let mut known = self.known.lock().await;
        if let Some(credentials) = &*known
            && credentials.is_fresh()
            && refused.is_none_or(|refused| !Arc::ptr_eq(refused, credentials))
        {
            return Ok(Arc::clone(credentials));
        }
        if let (Some(credentials), Some(_)) = (&*known, refused)
            && credentials.expires.is_none()
        {
            // Static credentials: a fetch would return the same.
            return Ok(Arc::clone(credentials));
        }
        let found = self.find(cx).await.map_err(|error| error.within("no AWS credentials"))?;
        Ok(Arc::clone(known.insert(Arc::new(found))))
    }

    async fn find(&self, cx: &Cx) -> Result<Credentials, Error> {
        let set = &self.settings.credentials;
        if let Some(name) = set.profile.as_deref().filter(|name| !name.is_empty()) {
            return self.of_profile(name, cx).await;
        }
        if let (Some(access_key), Some(secret_key)) = (&set.access_key_id, &set.secret_access_key) {
            return Ok(Credentials {
                access_key: access_key.clone(),
                secret_key: secret_key.clone(),
                session_token: set.session_token.clone(),
                expires: None,
            });
        }
        if let (Some(file), Some(role)) = (&set.web_identity_token_file, &set.role_arn) {
            return sts::with_web_identity(&self.settings, role, set.role_session_name.as_deref(), file, cx)
                .await;
        }
        if profile::exists(set, "default")? {
            return self.of_profile("default", cx).await;
        }
        if set.container_relative_uri.is_some() || set.container_full_uri.is_some() {
            return metadata::of_container(&self.settings, cx).await;
        }
        if set.metadata_disabled {
            return Err(nothing_set());
        }
        metadata::of_machine(&self.settings, cx).await
    }

    /// The credentials of a profile. If it names a role, that is assumed with the credentials of its source profile.
    async fn of_profile(&self, name: &str, cx: &Cx) -> Result<Credentials, Error> {
        let set = &self.settings.credentials;
        match profile::read(set, name)? {
            Profile::Static(credentials) => Ok(credentials),
            Profile::WebIdentity { role, session, token_file } => {
                sts::with_web_identity(&self.settings, &role, session.as_deref(), &token_file, cx).await
            }
            Profile::Role { role, session, external_id, source } => {
                let Profile::Static(own) = profile::read(set, &source)? else {
                    return Err(Error::usage(format!(
                        "the profile {source}, which {name} names as its source, holds no keys"
                    )));
                };
                sts::with_credentials(
                    &self.settings,
                    &own,
                    &role,
                    session.as_deref(),
                    external_id.as_deref(),
                    cx,
                )
                .await
            }
        }
    }
}

fn nothing_set() -> Error {
    Error::usage("nothing that says who keyfill is to AWS is set").hint(
        "give the service account a role (IRSA or EKS Pod Identity), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    )
}

/// Reads a token from a file.
fn token(file: &std::path::Path) -> Result<Secret, Error> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Secret::new(text.trim())),
        Err(error) => Err(Error::usage(format!("the token in {} cannot be read: {error}", file.display()))),
    }
}
