//! The client's token: got once for concurrent callers, renewed, and replaced if Vault refuses it.

use super::VaultClient;
use crate::vault::answers::Envelope;
use crate::vault::cache::{self, CacheFile, Kept};
use crate::vault::endpoints::{self, Plain};
use crate::vault::session::{self, Origin, Session};
use crate::vault::settings::Auth;
use crate::{Error, Secret};
use keyfill_diag::Cx;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};
use zeroize::Zeroizing;

/// The timeout of a renewal. All callers wait for it, though the token is still valid.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long callers get the error of a refused login, without another login. The credential would be the same, and auth
/// methods lock users after several failed logins.
const REFUSAL_HOLDS: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct State {
    session: Option<Session>,
    generations: u64,
    /// Whether a token from the token cache was refused. Then the next token comes from a login.
    cache_refused: bool,
    failure: Option<Failure>,
}

/// The last attempt to get a token, which failed.
struct Failure {
    error: Error,
    when: Instant,
    /// The deadline of that attempt.
    deadline: Instant,
}

impl Failure {
    /// Whether a caller that asked at the time `asked` gets this error instead of trying again.
    fn answers(&self, asked: Instant, cx: &Cx) -> bool {
        if self.error.may_pass() {
            // The caller waited for the attempt, and its deadline is not later.
            self.when >= asked && cx.deadline <= self.deadline
        } else {
            self.when + REFUSAL_HOLDS > Instant::now()
        }
    }
}

impl VaultClient {
    /// The token to use now: the current one, one from the token cache, or one from a login. Callers wait for one
    /// another here, so that all of them share one login.
    pub(super) async fn session(&self, cx: &Cx) -> Result<Session, Error> {
        let asked = Instant::now();
        let mut state = self.state.lock().await;
        if let Some(failure) = state.failure.as_ref().filter(|failure| failure.answers(asked, cx)) {
            return Err(failure.error.clone());
        }
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
        let (kept, origin) = match self.token(state.cache_refused, cx).await {
            Ok(got) => got,
            Err(error) => {
                state.failure =
                    Some(Failure { error: error.clone(), when: Instant::now(), deadline: cx.deadline });
                return Err(error);
            }
        };
        state.failure = None;
        self.hide(&kept.token);
        state.generations += 1;
        let session = Session::new(kept, origin, state.generations);
        state.session = Some(session.clone());
        Ok(session)
    }

    async fn token(&self, cache_refused: bool, cx: &Cx) -> Result<(Kept, Origin), Error> {
        match &self.settings.auth {
            Auth::Token(token) => Ok((session::lasting(token.clone()), Origin::Given)),
            Auth::TokenFile(path) => {
                Ok((session::lasting(session::read_file(path, "the Vault token")?), Origin::File))
            }
            _ => self.cached_or_new(cache_refused, cx).await,
        }
    }

    /// Drops a token that Vault refused, unless another caller has already replaced it. Returns false if there is no
    /// other token.
    pub(super) async fn give_up(&self, refused: &Session) -> bool {
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

    /// A token from the token cache; else from a login, whose token is then stored in the cache.
    async fn cached_or_new(&self, cache_refused: bool, cx: &Cx) -> Result<(Kept, Origin), Error> {
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
        let place = format!("cannot log in with {} at {}", auth.method(), auth.login_path());
        let kept = self.log_in(&jwt, cx).await.map_err(|error| error.within(&place))?;
        if let Some(Err(why)) = file.map(|file| file.store(&kept)) {
            self.warn(why);
        }
        Ok((kept, Origin::Login))
    }

    async fn log_in(&self, jwt: &Secret, cx: &Cx) -> Result<Kept, Error> {
        let call = endpoints::login(&self.address.base(), &self.settings.auth, jwt.expose())
            .ok_or_else(|| Error::usage("this method has no login"))?
            .map_err(Error::usage)?;
        self.counts.logins.fetch_add(1, Ordering::Relaxed);
        let answer = self.send(self.with_namespace(call)?, cx).await?;
        if !answer.status.is_success() {
            return Err(Error::store(format!("{} {}", self.name(), self.describe(&answer)))
                .hint("check the auth method's mount, the role and the credential"));
        }
        match Envelope::of(&answer).granted() {
            Some(granted) if granted.wants_mfa => {
                Err(Error::store("Vault asks for a second factor, which only a person has"))
            }
            Some(granted) if !granted.token.is_empty() => Ok(session::granted(granted)),
            _ => Err(Error::store(format!("{} answered without a token", self.name()))),
        }
    }

    /// Renews a token. If this fails, the token is used until it expires, and then replaced.
    async fn renew(&self, state: &mut State, session: Session, cx: &Cx) -> Session {
        let Ok(call) = endpoints::call(&self.address.base(), &Plain::renew_self()) else { return session };
        let Ok(call) = self.with_token(&call, &session.kept.token) else { return session };
        self.counts.renewals.fetch_add(1, Ordering::Relaxed);
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        let limit = RENEWAL_TIMEOUT.min(self.settings.request_timeout).min(cx.time_left());
        let answer = self.http.send(&call, limit).await.ok().filter(|a| a.status.is_success());
        let mut renewed = session.kept.clone();
        match answer.as_ref().and_then(|a| Envelope::of(a).granted()) {
            Some(granted) => {
                let fresh = session::granted(granted);
                (renewed.ends, renewed.lease, renewed.renewable) = (fresh.ends, fresh.lease, fresh.renewable);
            }
            // No further renewal of this token is tried.
            None => renewed.renewable = false,
        }
        let jwt = session::jwt(&self.settings.auth).ok().filter(|_| renewed.renewable);
        if let Some(Err(why)) = jwt.and_then(|jwt| self.cache_file(&jwt)).map(|file| file.store(&renewed)) {
            self.warn(why);
        }
        let session = Session { kept: renewed, ..session };
        state.session = Some(session.clone());
        session
    }

    fn cache_file(&self, jwt: &Secret) -> Option<CacheFile> {
        let cache = self.settings.token_cache.as_ref()?;
        let credential = Zeroizing::new(session::credential(&self.settings, jwt, &self.certificate));
        let key = cache::key(&self.settings, &self.address.to_string(), &credential);
        Some(CacheFile::new(cache, &self.settings, key))
    }
}
