//! A login: a user with a password, a token, or a source that is asked for them when a server requires a login.

use crate::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfill_http::{Credential, Origin};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;
use url::Url;
use zeroize::Zeroizing;

/// The future result of a [`LoginSource`]: `None` if it has no login.
pub type Asked<'a> = Pin<Box<dyn Future<Output = Result<Option<Login>, String>> + Send + 'a>>;

/// A source of a login that is asked only when a server requires one.
pub trait LoginSource: Send + Sync {
    /// Identifies the source. A run with the same id may use from the store what was fetched with its login.
    fn id(&self) -> String;

    /// Asks for the login; `until` is the deadline.
    fn ask(&self, until: Instant) -> Asked<'_>;
}

/// A login for a server, known or to be asked for.
#[derive(Clone)]
pub struct Login(LoginKind);

#[derive(Clone)]
enum LoginKind {
    Known {
        authorization: Zeroizing<String>,
        /// A token that the registry's token server exchanges for a short-lived one.
        identity_token: Option<Zeroizing<String>>,
    },
    Asked(Arc<dyn LoginSource>),
}

impl Login {
    /// A user and a password.
    pub fn basic(user: &str, password: &str) -> Self {
        let pair = Zeroizing::new(format!("{user}:{password}"));
        Self::of(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
    }

    /// A bearer token.
    pub fn bearer(token: &str) -> Self {
        Self::of(format!("Bearer {token}"))
    }

    /// A user and a token that a registry's token server exchanges for a short-lived one.
    pub fn identity(user: &str, password: &str, token: &str) -> Self {
        match Self::basic(user, password).0 {
            LoginKind::Known { authorization, .. } => {
                let identity_token = Some(Zeroizing::new(token.to_owned()));
                Self(LoginKind::Known { authorization, identity_token })
            }
            asked @ LoginKind::Asked(_) => Self(asked),
        }
    }

    /// A login that is asked for when a server requires one.
    pub fn from_source(source: Arc<dyn LoginSource>) -> Self {
        Self(LoginKind::Asked(source))
    }

    fn of(authorization: String) -> Self {
        Self(LoginKind::Known { authorization: authorization.into(), identity_token: None })
    }

    /// The login as a credential for the origin of a URL; `None` if its source was not asked yet.
    pub(crate) fn credential(&self, url: &Url) -> Option<Credential> {
        match &self.0 {
            LoginKind::Known { authorization, .. } => Credential::new(Origin::of(url), authorization),
            LoginKind::Asked(_) => None,
        }
    }

    pub(crate) fn identity_token(&self) -> Option<&str> {
        match &self.0 {
            LoginKind::Known { identity_token, .. } => identity_token.as_ref().map(|token| token.as_str()),
            LoginKind::Asked(_) => None,
        }
    }

    /// The login itself; its source is asked if there is one.
    pub(crate) async fn known(&self, until: Instant) -> Result<Option<Self>, String> {
        match &self.0 {
            LoginKind::Known { .. } => Ok(Some(self.clone())),
            LoginKind::Asked(source) => source.ask(until).await,
        }
    }

    /// Identifies a login in the store, where it is hashed once more, with a salt.
    pub(crate) fn id(&self) -> String {
        match &self.0 {
            LoginKind::Known { authorization, identity_token } => {
                let token = identity_token.as_ref().map_or("", |token| token.as_str());
                Digest::of(Zeroizing::new(format!("{}\n{token}", **authorization)).as_bytes()).hex()
            }
            LoginKind::Asked(source) => source.id(),
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}
