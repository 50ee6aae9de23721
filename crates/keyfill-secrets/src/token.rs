//! Access tokens of stores: fetched when they are needed, kept until shortly before they expire, fetched anew once
//! when a store does not take one.

use crate::rest::{Rest, Verdict};
use crate::{BoxFuture, Error, Secret};
use keyfill_diag::Cx;
use keyfill_http::{Answer, Call};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A token is fetched anew when it expires within this time.
const MARGIN: Duration = Duration::from_secs(120);

/// An access token.
pub(crate) struct Token {
    /// It.
    pub(crate) text: Secret,
    /// Until when it is good.
    pub(crate) expires: Instant,
}

impl Token {
    /// A token of an answer that says for how many seconds it is good.
    pub(crate) fn lasting(text: Secret, seconds: u64) -> Self {
        // A day is long enough for any of them, and an addition that cannot overflow.
        Self { text, expires: Instant::now() + Duration::from_secs(seconds.min(86_400)) }
    }
}

/// Keeps a token.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<Option<Arc<Token>>>);

impl Tokens {
    /// The token; another one than that which was refused.
    async fn get<'f>(
        &self,
        refused: Option<&Arc<Token>>,
        fetch: &(dyn Fn() -> BoxFuture<'f, Result<Token, Error>> + Sync),
    ) -> Result<Arc<Token>, Error> {
        // Who comes second waits for the first one's answer.
        let mut known = self.0.lock().await;
        if let Some(token) = &*known
            && token.expires > Instant::now() + MARGIN
            && refused.is_none_or(|refused| !Arc::ptr_eq(refused, token))
        {
            return Ok(Arc::clone(token));
        }
        Ok(Arc::clone(known.insert(Arc::new(fetch().await?))))
    }

    /// Sends a request with the token, and once more with a fresh one when the answer is 401.
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
