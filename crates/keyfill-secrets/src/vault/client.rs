//! Requests to one Vault with one identity: a token got when it is first needed, retries, one deadline.

use super::answers::Envelope;
use super::cache::{self, CacheFile};
use super::endpoints::{self, Plain};
use super::gate::{Gate, Held};
use super::route;
use super::session::{self, Origin, Session};
use super::settings::{Address, Auth, VaultSettings};
use crate::http::{Answer, Call, Http, Route, Target, Trouble, TroubleKind, seconds};
use crate::retry::{GaveUp, Tries, answer_may_pass, trouble_may_pass};
use crate::{Error, Secret};
use keyfill_diag::{Class, Cx, Diagnostic};
use rustify::endpoint::Endpoint;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How many tokens one read may use up: the one at hand and a new one, and one more should that end too.
const TOKENS_PER_READ: usize = 3;

/// How many tokens are remembered to keep them out of errors; older ones are of no use to anyone.
const HIDDEN_TOKENS: usize = 8;

/// A client for one Vault and one identity. It logs in when it is first asked for something, once for all
/// who ask at the same time, and can be shared for as long as its settings hold.
pub struct VaultClient {
    settings: VaultSettings,
    address: Address,
    http: Http,
    /// The client certificate's text, for the token cache's key.
    certificate: Vec<u8>,
    state: tokio::sync::Mutex<State>,
    /// Tokens in use, now and before: Vault's own words are freed of them.
    tokens: Mutex<VecDeque<Secret>>,
    warnings: Mutex<Vec<Diagnostic>>,
    counts: Arc<Counts>,
    /// Shared with the other clients of this Vault in a process that stays.
    gate: Option<Arc<Gate>>,
}

#[derive(Default)]
struct State {
    session: Option<Session>,
    generations: u64,
    /// Set once a token from the cache was refused: the next one comes from a login.
    cache_refused: bool,
}

/// What clients have done so far; several may count together.
#[derive(Default)]
pub(super) struct Counts {
    requests: AtomicU64,
    retries: AtomicU64,
    logins: AtomicU64,
    renewals: AtomicU64,
}

impl Counts {
    pub(super) fn stats(&self) -> Stats {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Stats {
            requests: read(&self.requests),
            retries: read(&self.retries),
            logins: read(&self.logins),
            renewals: read(&self.renewals),
        }
    }
}

/// What a client has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests sent, those sent again and logins among them.
    pub requests: u64,
    /// Requests sent again after trouble.
    pub retries: u64,
    /// Logins.
    pub logins: u64,
    /// Renewals of a token.
    pub renewals: u64,
}

impl VaultClient {
    /// Checks the settings and reads the certificates that they name. Nothing is sent.
    pub fn new(settings: VaultSettings) -> Result<Self, Error> {
        Self::build(settings, None, Arc::default())
    }

    /// A client that waits its turn at a gate and counts with others.
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
        let route = Route { target, tls: Arc::new(tls), proxies: route::proxies(&settings.proxy)? };
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

    /// What was done so far.
    pub fn stats(&self) -> Stats {
        self.counts.stats()
    }

    /// Takes the warnings since the last call: a token cache that cannot be used.
    pub fn take_warnings(&self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn settings(&self) -> &VaultSettings {
        &self.settings
    }

    /// `Vault at ADDRESS`, with the namespace where one is set, as errors name it.
    pub(super) fn name(&self) -> String {
        match &self.settings.namespace {
            Some(namespace) => format!("Vault at {} (namespace {namespace})", self.address),
            None => format!("Vault at {}", self.address),
        }
    }

    /// Sends a request with a token; a token that Vault does not take any more is replaced. The answer may
    /// still be a refusal. `what` says what it is for: "cannot read secret/data/app".
    pub(super) async fn ask(&self, endpoint: &impl Endpoint, what: &str, cx: &Cx) -> Result<Answer, Error> {
        let call = endpoints::call(&self.address.base(), endpoint)
            .map_err(|why| Error::missing(format!("{what}: {why}")))?;
        let mut tokens = 1;
        loop {
            let session = self.session(what, cx).await?;
            let answer = self.send(self.with_token(&call, &session.kept.token)?, what, cx).await?;
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

    /// What Vault says of a refusal, without any credential, should it repeat one.
    pub(super) fn words(&self, answer: &Answer) -> Option<String> {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hidden = session::hidden(&self.settings.auth);
        hidden.extend(tokens.iter());
        Envelope::of(answer).errors(&hidden)
    }

    /// `answered 403: permission denied`
    fn describe(&self, answer: &Answer) -> String {
        let words = self.words(answer).map_or_else(String::new, |words| format!(": {words}"));
        format!("answered {}{words}", answer.status.as_u16())
    }

    fn hide(&self, token: &Secret) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if !tokens.contains(token) {
            tokens.truncate(HIDDEN_TOKENS - 1);
            tokens.push_front(token.clone());
        }
    }

    /// The error for an answer that is a refusal.
    pub(super) fn refused(&self, what: &str, answer: &Answer) -> Error {
        let error = Error::store(format!("{what}: {} {}", self.name(), self.describe(answer)));
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

    /// The token to use now: the one in use, one from the cache, or one from a login. Callers wait for one
    /// another here, so that all of them share one login.
    async fn session(&self, what: &str, cx: &Cx) -> Result<Session, Error> {
        let mut state = self.state.lock().await;
        let now = SystemTime::now();
        if let Some(session) = state.session.clone() {
            if session.lives(now) {
                if !session.wants_renewal(now) {
                    return Ok(session);
                }
                return Ok(self.renew(&mut state, session, cx).await);
            }
            state.session = None;
        }
        let (kept, origin) = match &self.settings.auth {
            Auth::Token(token) => (session::lasting(token.clone()), Origin::Given),
            Auth::TokenFile(path) => {
                (session::lasting(session::read_file(path, "the Vault token")?), Origin::File)
            }
            _ => self.log_in(state.cache_refused, what, cx).await?,
        };
        self.hide(&kept.token);
        state.generations += 1;
        let session = Session::new(kept, origin, state.generations);
        state.session = Some(session.clone());
        Ok(session)
    }

    /// Puts a token away that Vault refused, unless another caller has done so already. False when there is
    /// no other token to be had.
    async fn give_up(&self, refused: &Session) -> bool {
        let mut state = self.state.lock().await;
        let current = state.session.as_ref().is_some_and(|s| s.generation == refused.generation);
        if !current {
            return true;
        }
        if let Auth::TokenFile(path) = &self.settings.auth {
            let replaced =
                session::read_file(path, "the Vault token").is_ok_and(|token| token != refused.kept.token);
            if !replaced {
                return false;
            }
        }
        state.cache_refused |= refused.origin == Origin::Cache;
        state.session = None;
        true
    }

    /// A token from the cache, or from a login which the cache then keeps.
    async fn log_in(&self, cache_refused: bool, what: &str, cx: &Cx) -> Result<(cache::Kept, Origin), Error> {
        let auth = &self.settings.auth;
        let jwt = session::jwt(auth)?;
        self.hide(&jwt);
        let file = self.cache_file(&jwt);
        if let Some(file) = file.as_ref().filter(|_| !cache_refused) {
            match file.load() {
                Ok(Some(kept)) => return Ok((kept, Origin::Cache)),
                Ok(None) => {}
                Err(why) => self.warn(why),
            }
        }
        let place = format!("auth/{}/login", auth.mount());
        let what = format!("{what}: cannot log in with {} at {place}", auth.method());
        let call = match endpoints::login(&self.address.base(), auth, jwt.expose()) {
            Some(call) => call.map_err(|why| Error::usage(format!("{what}: {why}")))?,
            None => return Err(Error::usage(format!("{what}: this method has no login"))),
        };
        self.counts.logins.fetch_add(1, Ordering::Relaxed);
        let answer = self.send(self.with_namespace(call)?, &what, cx).await?;
        if !answer.status.is_success() {
            return Err(self.login_refused(&what, &answer));
        }
        let granted = Envelope::of(&answer).granted();
        let granted = match granted {
            Some(granted) if granted.wants_mfa => {
                return Err(Error::store(format!(
                    "{what}: Vault asks for a second factor, which only a person has"
                )));
            }
            Some(granted) if !granted.token.is_empty() => granted,
            _ => return Err(Error::store(format!("{what}: {} answered without a token", self.name()))),
        };
        let kept = session::granted(granted);
        if let Some(Err(why)) = file.map(|file| file.store(&kept)) {
            self.warn(why);
        }
        Ok((kept, Origin::Login))
    }

    fn login_refused(&self, what: &str, answer: &Answer) -> Error {
        Error::store(format!("{what}: {} {}", self.name(), self.describe(answer)))
            .hint("check the auth method's mount, the role and the credential")
    }

    /// Lengthens the life of a token. When that fails it is used to its end, and replaced then.
    async fn renew(&self, state: &mut State, session: Session, cx: &Cx) -> Session {
        let Ok(call) = endpoints::call(&self.address.base(), &Plain::renew_self()) else { return session };
        let Ok(call) = self.with_token(&call, &session.kept.token) else { return session };
        self.counts.renewals.fetch_add(1, Ordering::Relaxed);
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        let limit = self.settings.request_timeout.min(cx.time_left());
        let answer = self.http.send(&call, limit).await.ok().filter(|a| a.status.is_success());
        let mut renewed = session.kept.clone();
        match answer.as_ref().and_then(|a| Envelope::of(a).granted()) {
            Some(granted) => {
                let fresh = session::granted(granted);
                (renewed.ends, renewed.lease, renewed.renewable) = (fresh.ends, fresh.lease, fresh.renewable);
            }
            // Not asked again for this token.
            None => renewed.renewable = false,
        }
        let file = session::jwt(&self.settings.auth).ok().and_then(|jwt| self.cache_file(&jwt));
        if let Some(Err(why)) = file.map(|file| file.store(&renewed)) {
            self.warn(why);
        }
        let session = Session { kept: renewed, ..session };
        state.session = Some(session.clone());
        session
    }

    fn cache_file(&self, jwt: &Secret) -> Option<CacheFile> {
        let cache = self.settings.token_cache.as_ref()?;
        let credential = zeroize::Zeroizing::new(session::credential(&self.settings, jwt, &self.certificate));
        let key = cache::key(&self.settings, &self.address.to_string(), &credential);
        Some(CacheFile::new(cache, &self.settings, key))
    }

    fn warn(&self, why: String) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.iter().any(|w| w.message == why) {
            warnings.push(Diagnostic::warning(Class::Usage, why));
        }
    }

    fn with_namespace(&self, mut call: Call) -> Result<Call, Error> {
        if let Some(namespace) = &self.settings.namespace {
            let value = http::HeaderValue::from_str(namespace).map_err(|_| {
                Error::usage(format!("the Vault namespace {namespace:?} cannot be sent in a header"))
            })?;
            call.headers.insert("x-vault-namespace", value);
        }
        Ok(call)
    }

    fn with_token(&self, call: &Call, token: &Secret) -> Result<Call, Error> {
        let mut value = http::HeaderValue::from_str(token.expose()).map_err(|_| {
            Error::usage("the Vault token holds a character that cannot be sent in a header")
                .hint("check that the token was copied without a line break")
        })?;
        value.set_sensitive(true);
        let mut call = self.with_namespace(call.clone())?;
        call.headers.insert("x-vault-token", value);
        Ok(call)
    }

    /// Sends a request until there is an answer that is final, or no time is left.
    async fn send(&self, call: Call, what: &str, cx: &Cx) -> Result<Answer, Error> {
        let started = Instant::now();
        let mut tries = Tries::new(started, cx.deadline, self.settings.max_retries);
        loop {
            cx.check().map_err(|stopped| Error::store(format!("{what}: {stopped}")).passing())?;
            let (asked, error) = match self.exchange(&call, &tries, what).await? {
                Ok(answer) if !answer_may_pass(&answer) => return Ok(answer),
                Ok(answer) => (answer.retry_after(), self.refused(what, &answer)),
                Err(trouble) if !trouble_may_pass(&trouble) => return Err(self.unreachable(what, &trouble)),
                Err(trouble) => (None, self.unreachable(what, &trouble)),
            };
            match tries.next(Instant::now(), asked) {
                Ok(wait) => self.pause(wait, asked.is_some()).await,
                Err(gave_up) => {
                    let ending = ending(&gave_up, asked, tries.retries(), started.elapsed());
                    return Err(error.more(&ending).passing());
                }
            }
            self.counts.retries.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits before another try. Where others see Vault come back first, the wait ends then, unless Vault
    /// asked for it.
    async fn pause(&self, wait: Duration, asked: bool) {
        match &self.gate {
            Some(gate) if !asked => {
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = gate.recovery() => {}
                }
            }
            _ => tokio::time::sleep(wait).await,
        }
    }

    /// One try, after waiting for leave. The outer error is that there was no leave in time.
    async fn exchange(
        &self,
        call: &Call,
        tries: &Tries,
        what: &str,
    ) -> Result<Result<Answer, Trouble>, Error> {
        let Some(gate) = &self.gate else { return Ok(self.redirected_send(call, tries).await) };
        let pass = gate.enter(tries.until()).await.map_err(|held| {
            let name = self.name();
            Error::store(match held {
                Held::Down(reason) => {
                    format!("{what}: {name} is down, waited for it until near the deadline: {reason}")
                }
                Held::Busy => {
                    format!("{what}: {name} has too many requests waiting, none was possible in time")
                }
            })
            .passing()
        })?;
        let result = self.redirected_send(call, tries).await;
        pass.done(match &result {
            Ok(answer) => matches!(answer.status.as_u16(), 502..=504).then(|| self.describe(answer)),
            Err(trouble) => Some(trouble.reason.clone()),
        });
        Ok(result)
    }

    /// One request, and one more when Vault's standby points to the active node, as Vault's own client does.
    async fn redirected_send(&self, call: &Call, tries: &Tries) -> Result<Answer, Trouble> {
        let limit = self.settings.request_timeout.min(tries.time_left(Instant::now()));
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        let answer = self.http.send(call, limit).await?;
        match self.redirected(call, &answer) {
            Some(call) => self.http.send(&call, limit).await,
            None => Ok(answer),
        }
    }

    fn redirected(&self, call: &Call, answer: &Answer) -> Option<Call> {
        let (Address::Url(base), 301 | 302 | 307 | 308) = (&self.address, answer.status.as_u16()) else {
            return None;
        };
        let location = answer.headers.get(http::header::LOCATION)?.to_str().ok()?;
        let to = url::Url::parse(&call.uri.to_string()).ok()?.join(location).ok()?;
        // Never from https to http: the token would travel in the open.
        if base.scheme() == "https" && to.scheme() != "https" {
            return None;
        }
        Some(Call { uri: to.as_str().parse().ok()?, ..call.clone() })
    }

    fn unreachable(&self, what: &str, trouble: &Trouble) -> Error {
        let name = self.name();
        let reason = &trouble.reason;
        match trouble.kind {
            TroubleKind::Connect => Error::store(format!("{what}: {name} is not reachable: {reason}"))
                .hint("check VAULT_ADDR, and that this host may reach it"),
            TroubleKind::Tls => Error::store(format!("{what}: no trusted connection to {name}: {reason}"))
                .hint("set VAULT_CACERT to the authority that signed Vault's certificate"),
            TroubleKind::Broken => Error::store(format!("{what}: the connection to {name} broke: {reason}")),
            TroubleKind::Timeout => Error::store(format!("{what}: {name} is too slow: {reason}")),
            TroubleKind::Unusable => Error::store(format!("{what}: {name}: {reason}")),
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

/// What is said after the last error: how often and how long it was tried.
fn ending(gave_up: &GaveUp, asked: Option<Duration>, retries: u32, time: Duration) -> String {
    let tried = match retries {
        0 => String::new(),
        1 => format!(", tried again once in {}", seconds(time)),
        n => format!(", tried again {n} times in {}", seconds(time)),
    };
    match (gave_up, asked) {
        (GaveUp::Deadline, Some(asked)) => {
            format!("{tried}; it asks to wait {}, beyond the deadline", seconds(asked))
        }
        (GaveUp::Deadline, None) => format!("{tried}, until near the deadline"),
        (GaveUp::Retries, _) => tried,
    }
}
