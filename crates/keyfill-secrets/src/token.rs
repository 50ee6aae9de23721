//! Access tokens of stores: fetched when needed, kept until shortly before they expire, and fetched again once if a
//! store answers 401.

use crate::rest::{Rest, Verdict};
use crate::{BoxFuture, Error, Secret};
use keyfill_diag::Cx;
use keyfill_http::{Answer, Call};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A token is fetched again if it expires within this time.
const MARGIN: Duration = Duration::from_secs(120);

/// An access token.
pub(crate) struct Token {
    /// The token itself.
    pub(crate) text: Secret,
    /// When it expires.
    pub(crate) expires: Instant,
}

impl Token {
    /// A token that is valid for this many seconds, as the answer with the token says.
    pub(crate) fn lasting(text: Secret, seconds: u64) -> Self {
        // At most a day: a longer time to live is of no use, and the addition could overflow.
        Self { text, expires: Instant::now() + Duration::from_secs(seconds.min(86_400)) }
    }
}

/// The access token of a store, which concurrent requests share.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<Option<Arc<Token>>>);

impl Tokens {
    /// The kept token, if it is valid long enough and is not the one that was `refused`; else a new one.
    async fn get<'f>(
        &self,
        refused: Option<&Arc<Token>>,
        fetch: &(dyn Fn() -> BoxFuture<'f, Result<Token, Error>> + Sync),
    ) -> Result<Arc<Token>, Error> {
        // The lock is held during the fetch, so that concurrent callers wait for one fetch.
        let mut known = self.0.lock().await;
        if let Some(token) = &*known
            && token.expires > Instant::now() + MARGIN
            && refused.is_none_or(|refused| !Arc::ptr_eq(refused, token))
        {
            return Ok(Arc::clone(token));
        }
        Ok(Arc::clone(known.insert(Arc::new(fetch().await?))))
    }

    /// Sends a request with the token. If the answer is 401, sends it once more with a new token.
    pub(crate) async fn send<'f>(
        &self,
        rest: &Rest,
        fetch: &(dyn Fn() -> BoxFuture<'f, Result<Token, Error>> + Sync),
        call: impl Fn(&Token) -> Result<Call, Error>,
        cx: &Cx,
    ) -> Result<Answer, Error> {
        let token = self.get(None, fetch).await?;
        let answer = rest.send(|| call(&token), |_| Verdict::Final, cx).await?;
        if answer.status != http::StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let fresh = self.get(Some(&token), fetch).await?;
        rest.send(|| call(&fresh), |_| Verdict::Final, cx).await
    }
}
