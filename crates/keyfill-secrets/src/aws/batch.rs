//! Several reads in one request, where a service has an operation for that and the policy allows it.
//!
//! Reads of one moment wait for each other: the first one takes along what the others ask for. Whatever the service
//! leaves out, and all where it refuses, is read one by one: only that gives a secret's own error.

use super::{Client, answers};
use crate::{Error, SecretData};
use keyfill_diag::Cx;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// An operation that reads several secrets.
pub(super) struct Batch {
    /// Its name.
    pub(super) operation: &'static str,
    /// How many it takes.
    pub(super) most: usize,
    /// What is asked.
    pub(super) ask: fn(&[&str]) -> serde_json::Value,
    /// What an answer holds.
    pub(super) found: fn(&[u8]) -> Found,
}

/// Secrets, each with the names that it goes by.
pub(super) type Found = Vec<(Vec<String>, SecretData)>;

/// Those that wait to be read together, by their region.
#[derive(Default)]
pub(super) struct Waiting {
    regions: Mutex<HashMap<String, Vec<Waiter>>>,
    /// The service or the policy does not let several be read in one request.
    refused: AtomicBool,
}

/// A secret, or why nothing can be read at all.
type Answer = Result<Arc<SecretData>, Error>;

struct Waiter {
    id: String,
    to: oneshot::Sender<Answer>,
}

impl Waiting {
    /// Joins the others; true for the first one, who asks for all.
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

/// The first one's turn. One that goes away before it has asked lets the others go on by themselves.
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
    /// A secret, read together with those that are asked for in the same moment; nothing where it has to be read by
    /// itself.
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
        // Whoever gets no answer was left out.
        answer.await.ok()
    }

    async fn ask_for(&self, batch: &Batch, region: &str, waiters: Vec<Waiter>, cx: &Cx) {
        // One alone costs as much by itself, and needs no right besides.
        if waiters.len() < 2 || self.waiting.refused.load(Ordering::Relaxed) {
            return;
        }
        let ids: Vec<&str> = waiters.iter().map(|waiter| waiter.id.as_str()).collect();
        let body = (batch.ask)(&ids).to_string();
        let answer = match self.call(region, batch.operation, body, cx).await {
            Ok(answer) => answer,
            // What keeps all of them from an answer keeps each from one.
            Err(error) => {
                // Who went away does not mind.
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
