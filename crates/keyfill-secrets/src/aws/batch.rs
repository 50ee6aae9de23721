//! Reads of several secrets in one request, if the service has an operation for it and the policy permits that.
//!
//! Reads that start at the same moment join: the first one sends a request for all of them. A secret that the answer
//! leaves out is then read on its own, and so are all secrets if the batch is refused: only a request for one secret
//! returns the error of that secret.

use super::{Client, answers};
use crate::{Error, SecretData};
use keyfill_diag::Cx;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// An operation that reads several secrets.
pub(super) struct Batch {
    /// The name of the operation.
    pub(super) operation: &'static str,
    /// The most secrets in one request.
    pub(super) most: usize,
    /// Makes the body of the request from the names of the secrets.
    pub(super) ask: fn(&[&str]) -> serde_json::Value,
    /// Parses the body of an answer.
    pub(super) found: fn(&[u8]) -> Found,
}

/// Secrets, each with all names that a reference may have for it.
pub(super) type Found = Vec<(Vec<String>, SecretData)>;

/// The reads that wait for a common request, by region.
#[derive(Default)]
pub(super) struct Waiting {
    regions: Mutex<HashMap<String, Vec<Waiter>>>,
    /// Whether the service or the policy refused a batch. Then no further one is tried.
    refused: AtomicBool,
}

/// A secret, or the error that every secret of the batch has.
type Answer = Result<Arc<SecretData>, Error>;

struct Waiter {
    id: String,
    to: oneshot::Sender<Answer>,
}

impl Waiting {
    /// Adds a read. Returns true for the first one, which sends the request for all.
    fn join(&self, region: &str, waiter: Waiter) -> bool {
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        let waiters = regions.entry(region.to_owned()).or_default();
        waiters.push(waiter);
        waiters.len() == 1
    }

    fn take(&self, region: &str) -> Vec<Waiter> {
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        regions.remove(region).unwrap_or_default()
    }
}

/// The reads that the first one collects. If it is dropped before it has sent the request, the others read on their
/// own.
struct Turn<'a> {
    waiting: &'a Waiting,
    region: &'a str,
    taken: bool,
}

impl Turn<'_> {
    fn take(mut self) -> Vec<Waiter> {
        self.taken = true;
        self.waiting.take(self.region)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.taken {
            self.waiting.take(self.region);
        }
    }
}

impl Client {
    /// A secret, read in one request with those whose reads start at the same moment. `None` if it has to be read on
    /// its own.
    pub(super) async fn together(&self, batch: &Batch, region: &str, id: &str, cx: &Cx) -> Option<Answer> {
        if self.waiting.refused.load(Ordering::Relaxed) {
            return None;
        }
        let (to, answer) = oneshot::channel();
        if self.waiting.join(region, Waiter { id: id.to_owned(), to }) {
            let turn = Turn { waiting: &self.waiting, region, taken: false };
            tokio::task::yield_now().await;
            let mut waiters = turn.take();
            while !waiters.is_empty() {
                let rest = waiters.split_off(waiters.len().min(batch.most));
                self.ask_for(batch, region, std::mem::replace(&mut waiters, rest), cx).await;
            }
        }
        // A read without an answer was left out of the batch.
        answer.await.ok()
    }

    async fn ask_for(&self, batch: &Batch, region: &str, waiters: Vec<Waiter>, cx: &Cx) {
        // For one secret a batch saves no request, and it would need a further permission.
        if waiters.len() < 2 || self.waiting.refused.load(Ordering::Relaxed) {
            return;
        }
        let ids: Vec<&str> = waiters.iter().map(|waiter| waiter.id.as_str()).collect();
        let body = (batch.ask)(&ids).to_string();
        let answer = match self.call(region, batch.operation, body, cx).await {
            Ok(answer) => answer,
            // An error without an answer, for example of the connection, would be the same for each secret.
            Err(error) => {
                // The receiver is gone if a read was cancelled.
                waiters.into_iter().for_each(|waiter| drop(waiter.to.send(Err(error.clone()))));
                return;
            }
        };
        if answer.status != http::StatusCode::OK {
            if !answers::is_throttled(&answer) {
                self.waiting.refused.store(true, Ordering::Relaxed);
            }
            return;
        }
        let mut found = HashMap::new();
        for (names, data) in (batch.found)(&answer.body) {
            let data = Arc::new(data);
            found.extend(names.into_iter().map(|name| (name, Arc::clone(&data))));
        }
        for waiter in waiters {
            if let Some(data) = found.get(&waiter.id) {
                drop(waiter.to.send(Ok(Arc::clone(data))));
            }
        }
    }
}
