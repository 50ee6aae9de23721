//! Requests to one Vault with one identity: the token is got when it is first needed, and requests are retried until
//! near the deadline.
//!
//! The module `login` gets and replaces the token; `send` sends a request and retries it.

mod counts;
mod login;
mod send;

pub(super) use counts::Counts;
pub use counts::Stats;

use super::answers::{self, Envelope};
use super::foreign::Foreign;
use super::settings::{Address, Auth, VaultSettings};
use super::{endpoints, route, session};
use crate::gate::Gate;
use crate::{Error, Secret};
use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_http::{Answer, Http, Route, Target};
use login::State;
use rustify::endpoint::Endpoint;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// The most tokens that one read tries: the current one, a new one, and one more if that is refused too.
const TOKENS_PER_READ: usize = 3;

/// How many of the latest tokens are kept, to remove them from error messages. Older tokens were replaced.
const HIDDEN_TOKENS: usize = 8;

/// A client for one Vault and one identity. The first request logs in, and concurrent requests share that login. A
/// client can be shared as long as its settings do not change.
pub struct VaultClient {
    settings: VaultSettings,
    address: Address,
    http: Http,
    /// The client certificate as PEM, for the key in the token cache.
    certificate: Vec<u8>,
    state: tokio::sync::Mutex<State>,
    /// The latest tokens, which are removed from Vault's messages.
    tokens: Mutex<VecDeque<Secret>>,
    warnings: Mutex<Vec<Diagnostic>>,
    counts: Arc<Counts>,
    /// The gate of this Vault, which all of its clients share, in a long-running process.
    gate: Option<Arc<Gate>>,
}

impl VaultClient {
    /// Checks the settings and reads the certificates that they name. No request is sent.
    pub fn new(settings: VaultSettings) -> Result<Self, Error> {
        Self::build(settings, None, Arc::default())
    }

    /// A client with a gate and counters that other clients share.
    pub(super) fn shared(
        settings: VaultSettings,
        gate: Arc<Gate>,
        counts: Arc<Counts>,
    ) -> Result<Self, Error> {
        Self::build(settings, Some(gate), counts)
    }

    fn build(settings: VaultSettings, gate: Option<Arc<Gate>>, counts: Arc<Counts>) -> Result<Self, Error> {
        let address = Address::parse(&settings.address)?;
        let (tls, certificate) = route::tls(&settings.tls)?;
        if matches!(settings.auth, Auth::Cert { .. }) && !tls.has_identity() {
            return Err(Error::usage("the auth method cert needs a client certificate")
                .hint("set VAULT_CLIENT_CERT and VAULT_CLIENT_KEY"));
        }
        let target = match &address {
            Address::Url(_) => Target::Network,
            Address::Unix(path) => Target::Unix(path.clone()),
        };
        let route = Route {
            target,
            tls: Arc::new(tls),
            proxies: route::proxies(&settings.proxy, &address)?,
            addresses: settings.addresses,
            ..Route::default()
        };
        Ok(Self {
            settings,
            address,
            http: Http::new(route),
            certificate,
            state: tokio::sync::Mutex::default(),
            tokens: Mutex::default(),
            warnings: Mutex::default(),
            counts,
            gate,
        })
    }

    /// The counts so far.
    pub fn stats(&self) -> Stats {
        self.counts.stats()
    }

    /// Returns the warnings since the last call, for example that the token cache cannot be used.
    pub fn take_warnings(&self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn settings(&self) -> &VaultSettings {
        &self.settings
    }

    /// The client's Vault as errors name it: `Vault at ADDRESS`, with the namespace if one is set.
    pub(super) fn name(&self) -> String {
        match &self.settings.namespace {
            Some(namespace) => format!("Vault at {} (namespace {namespace})", self.address),
            None => format!("Vault at {}", self.address),
        }
    }

    /// Sends a request with a token. If Vault refuses the token, it is replaced and the request is sent again. The
    /// answer may still be a refusal. `what` is the purpose in errors: "cannot read secret/data/app". `namespace`
    /// replaces the namespace of the settings for this request; the login stays in the one of the settings.
    pub(super) async fn ask(
        &self,
        endpoint: &impl Endpoint,
        namespace: Option<&str>,
        what: &str,
        cx: &Cx,
    ) -> Result<Answer, Error> {
        self.ask_with_token(endpoint, namespace, cx).await.map_err(|error| error.about(what))
    }

    /// Sends a request without a token.
    pub(super) async fn ask_openly(
        &self,
        endpoint: &impl Endpoint,
        what: &str,
        cx: &Cx,
    ) -> Result<Answer, Error> {
        let call = endpoints::call(&self.address.base(), endpoint).map_err(Error::missing)?;
        self.send(call, cx).await.map_err(|error| error.about(what))
    }

    async fn ask_with_token(
        &self,
        endpoint: &impl Endpoint,
        namespace: Option<&str>,
        cx: &Cx,
    ) -> Result<Answer, Error> {
        let mut call = endpoints::call(&self.address.base(), endpoint).map_err(Error::missing)?;
        if let Some(namespace) = namespace {
            call = send::in_namespace(call, namespace)?;
        }
        let mut tokens = 1;
        loop {
            let session = self.session(cx).await?;
            let answer = self.send(self.with_token(&call, &session.kept.token)?, cx).await?;
            if answer.status != http::StatusCode::FORBIDDEN || tokens == TOKENS_PER_READ {
                return Ok(answer);
            }
            let says_invalid = Envelope::of(&answer).says_invalid_token();
            if !session.may_be_dead(says_invalid) || !self.give_up(&session).await {
                return Ok(answer);
            }
            tokens += 1;
        }
    }

    /// Vault's messages in a refusal, with any credential replaced.
    pub(super) fn words(&self, answer: &Answer) -> Option<String> {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hidden = session::hidden(&self.settings.auth);
        hidden.extend(tokens.iter());
        Envelope::of(answer).errors(&hidden)
    }

    /// The answer in words: `answered 403: permission denied`.
    fn describe(&self, answer: &Answer) -> String {
        let status = answer.status.as_u16();
        match (self.words(answer), Foreign::of(answer)) {
            (Some(words), _) => format!("answered {status}: {words}"),
            (None, Some(foreign)) => {
                format!("answered {status} with {}", self.hidden_in(foreign.to_string()))
            }
            (None, None) => format!("answered {status}"),
        }
    }

    /// A text from a server, with any credential replaced.
    fn hidden_in(&self, mut text: String) -> String {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let hidden = session::hidden(&self.settings.auth);
        for secret in hidden.into_iter().chain(tokens.iter()).filter(|secret| !secret.is_empty()) {
            text = answers::without(&text, secret.expose());
        }
        text
    }

    fn hide(&self, token: &Secret) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if !tokens.contains(token) {
            tokens.truncate(HIDDEN_TOKENS - 1);
            tokens.push_front(token.clone());
        }
    }

    /// The error for an answer that is a refusal.
    pub(super) fn refused(&self, answer: &Answer) -> Error {
        let error = Error::store(format!("{} {}", self.name(), self.describe(answer)));
        if let Some(foreign) = Foreign::of(answer) {
            return error.hint(foreign.advice());
        }
        match answer.status.as_u16() {
            401 | 403 => error.hint(match self.settings.auth {
                Auth::Token(_) | Auth::TokenFile(_) => {
                    "check that the token is valid and that its policies may read this path"
                }
                _ => "check that the role's policies may read this path",
            }),
            429 => error.hint("Vault limits the rate of requests: raise its quota or try again later"),
            503 => error.hint("Vault is sealed or in maintenance: unseal it"),
            _ => error,
        }
    }

    fn warn(&self, why: String) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.iter().any(|w| w.message == why) {
            warnings.push(Diagnostic::warning(Class::Usage, why));
        }
    }
}

impl std::fmt::Debug for VaultClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VaultClient")
            .field("settings", &self.settings)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
