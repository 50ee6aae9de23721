//! Sends a request and retries it after temporary failures.

use super::VaultClient;
use crate::gate::pause;
use crate::retry::{GaveUp, Tries, answer_may_pass, failure_may_pass};
use crate::vault::foreign::Foreign;
use crate::vault::settings::Address;
use crate::{Error, Secret};
use keyfill_diag::Cx;
use keyfill_http::{Answer, Call, Failure, FailureKind, seconds};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// The header with the namespace.
const NAMESPACE: &str = "x-vault-namespace";

/// Sets the namespace of a request.
pub(super) fn in_namespace(mut call: Call, namespace: &str) -> Result<Call, Error> {
    let value = http::HeaderValue::from_str(namespace)
        .map_err(|_| Error::usage(format!("the Vault namespace {namespace:?} cannot be sent in a header")))?;
    call.headers.insert(NAMESPACE, value);
    Ok(call)
}

impl VaultClient {
    /// Sets the namespace of the settings, unless the request already has one.
    pub(super) fn with_namespace(&self, call: Call) -> Result<Call, Error> {
        match &self.settings.namespace {
            Some(namespace) if !call.headers.contains_key(NAMESPACE) => in_namespace(call, namespace),
            _ => Ok(call),
        }
    }

    pub(super) fn with_token(&self, call: &Call, token: &Secret) -> Result<Call, Error> {
        let mut value = http::HeaderValue::from_str(token.expose()).map_err(|_| {
            Error::usage("the Vault token holds a character that cannot be sent in a header")
                .hint("check that the token was copied without a line break")
        })?;
        value.set_sensitive(true);
        let mut call = self.with_namespace(call.clone())?;
        call.headers.insert("x-vault-token", value);
        Ok(call)
    }

    /// Sends a request and retries it until there is a final answer or no time is left.
    pub(super) async fn send(&self, call: Call, cx: &Cx) -> Result<Answer, Error> {
        let started = Instant::now();
        let mut tries = Tries::new(started, cx.deadline, self.settings.max_retries);
        loop {
            cx.check().map_err(|stopped| Error::store(stopped.to_string()).out_of_time())?;
            let mut nobody_there = false;
            let (asked, error) = match self.exchange(&call, &tries).await? {
                Ok(answer) if !answer_may_pass(&answer) => return self.vaults_own(answer),
                Ok(answer) => (answer.retry_after(), self.refused(&answer)),
                Err(failure) if !failure_may_pass(&failure) => return Err(self.unreachable(&failure)),
                Err(failure) => {
                    nobody_there = matches!(failure.kind, FailureKind::Connect | FailureKind::ProxyConnect);
                    (None, self.unreachable(&failure))
                }
            };
            let is_over = self.settings.patience.is_some_and(|patience| started.elapsed() >= patience);
            let next = if nobody_there && is_over {
                Err(GaveUp::Patience)
            } else {
                tries.next(Instant::now(), asked)
            };
            match next {
                Ok(wait) => pause(self.gate.as_deref(), wait, asked.is_some()).await,
                Err(gave_up) => {
                    let ending = ending(&gave_up, asked, tries.retries(), started.elapsed());
                    let error = error.more(&ending);
                    return Err(match gave_up {
                        GaveUp::Deadline if asked.is_none() => error.out_of_time(),
                        // Reads of other secrets could not connect either.
                        GaveUp::Patience => error.out_of_time(),
                        // There is time left for reads of other secrets.
                        GaveUp::Deadline | GaveUp::Retries => error.passing(),
                    });
                }
            }
            self.counts.retries.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// One try, after waiting for a permit. The outer error is that there was no permit in time.
    async fn exchange(&self, call: &Call, tries: &Tries) -> Result<Result<Answer, Failure>, Error> {
        let limit = || self.settings.request_timeout.min(tries.time_left(Instant::now()));
        let Some(gate) = &self.gate else { return Ok(self.redirected_send(call, limit()).await) };
        let pass = gate.enter(tries.until()).await.map_err(|held| held.error(&self.name()))?;
        let limit = limit();
        let result = self.redirected_send(call, limit).await;
        pass.outcome(&result, limit, |answer| self.describe(answer));
        Ok(result)
    }

    /// Sends a request. If a standby node redirects to the active node, follows that once, as Vault's own client does.
    async fn redirected_send(&self, call: &Call, limit: Duration) -> Result<Answer, Failure> {
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
        if !self.settings.follow_redirects {
            return None;
        }
        let location = answer.headers.get(http::header::LOCATION)?.to_str().ok()?;
        let to = url::Url::parse(&call.uri.to_string()).ok()?.join(location).ok()?;
        // Never from https to http: the token would be sent unencrypted.
        if base.scheme() == "https" && to.scheme() != "https" {
            return None;
        }
        Some(Call { uri: to.as_str().parse().ok()?, ..call.clone() })
    }

    fn unreachable(&self, failure: &Failure) -> Error {
        let name = self.name();
        let reason = &failure.reason;
        let untrusted = || Error::store(format!("no trusted connection to {name}: {reason}"));
        match failure.kind {
            FailureKind::Connect => Error::store(format!("{name} is not reachable: {reason}"))
                .hint("check VAULT_ADDR, and that this host may reach it"),
            FailureKind::NoTls => Error::store(format!("no trusted connection to {name}: {reason}"))
                .hint("where Vault listens without TLS, write http:// in VAULT_ADDR; else check its port"),
            FailureKind::WrongName => untrusted().hint(
                "set VAULT_TLS_SERVER_NAME to a name that the certificate is for, or use that name in VAULT_ADDR",
            ),
            FailureKind::NoName => untrusted()
                .hint("make a certificate for Vault's listener whose subjectAltName holds the host of VAULT_ADDR"),
            FailureKind::Expired => {
                untrusted().hint("renew the certificate of Vault's listener, and check this host's clock")
            }
            FailureKind::UnknownIssuer => untrusted().hint(
                "set VAULT_CACERT to the certificate of that authority, or to the server's own certificate",
            ),
            FailureKind::ClientCertificate => {
                untrusted().hint("set VAULT_CLIENT_CERT and VAULT_CLIENT_KEY to a certificate that it takes")
            }
            FailureKind::Tls => untrusted(),
            FailureKind::Proxy | FailureKind::ProxyConnect => {
                Error::store(format!("{name} is not reachable: {reason}")).hint(
                    "the proxy is the one of VAULT_PROXY_ADDR, HTTPS_PROXY or HTTP_PROXY; NO_PROXY names \
                     hosts that are reached without it",
                )
            }
            FailureKind::Broken => {
                let error = Error::store(format!("the connection to {name} broke: {reason}"));
                match &self.address {
                    Address::Url(url) if url.scheme() == "http" => {
                        error.hint("where Vault listens with TLS, write https:// in VAULT_ADDR")
                    }
                    _ => error,
                }
            }
            FailureKind::Timeout => Error::store(format!("{name} is too slow: {reason}")),
            FailureKind::Address => Error::store(format!("{name} may not be connected to: {reason}"))
                .hint("an administrator lists further addresses for apps with KEYFILL_APP_ADDRESSES"),
            FailureKind::Unusable => Error::store(format!("{name}: {reason}")),
        }
    }

    /// Refuses a final answer that is not from Vault, for example from a proxy before it.
    fn vaults_own(&self, answer: Answer) -> Result<Answer, Error> {
        let Some(foreign) = Foreign::of(&answer) else { return Ok(answer) };
        let (name, status) = (self.name(), answer.status.as_u16());
        let shown = self.hidden_in(foreign.to_string());
        let error =
            Error::store(format!("what answers as {name} is not Vault: status {status} with {shown}"));
        Err(error.hint(foreign.advice()))
    }
}

/// The end of the message of the last error: how often and how long the request was retried.
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
        (GaveUp::Patience, _) => format!("{tried}; --wait or KEYFILL_DEADLINE waits longer"),
        (GaveUp::Retries, _) => tried,
    }
}
