//! One login: a user with a password, a token, or somebody who is asked for them when a server wants to see one.

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

/// What a [`LoginSource`] answers: no login is an answer, too.
pub type Asked<'a> = Pin<Box<dyn Future<Output = Result<Option<Login>, String>> + Send + 'a>>;

/// Who is asked for a login when a server wants to see one.
pub trait LoginSource: Send + Sync {
    /// What tells it from others: who may use what was fetched with its login.
    fn id(&self) -> String;

    /// Asks for it, until then.
    fn ask(&self, until: Instant) -> Asked<'_>;
}

/// A user with a password, or a token.
#[derive(Clone)]
pub struct Login(LoginKind);

#[derive(Clone)]
enum LoginKind {
    Known {
        authorization: Zeroizing<String>,
        /// A token that is exchanged for a short-lived one at the registry's token server.
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

    /// One that is asked for when a server wants to see it.
    pub fn from_source(source: Arc<dyn LoginSource>) -> Self {
        Self(LoginKind::Asked(source))
    }

    fn of(authorization: String) -> Self {
        Self(LoginKind::Known { authorization: authorization.into(), identity_token: None })
    }

    /// The login as it goes to the origin of a URL; none where it was not asked for yet.
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

    /// The login itself, asked for where that is needed.
    pub(crate) async fn known(&self, until: Instant) -> Result<Option<Self>, String> {
        match &self.0 {
            LoginKind::Known { .. } => Ok(Some(self.clone())),
            LoginKind::Asked(source) => source.ask(until).await,
        }
    }

    /// What tells one login from another in the store; it is hashed there once more, with a salt.
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
