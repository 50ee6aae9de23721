//! The fill stage in a worker: its source of secrets is the supervisor.
//!
//! The stage asks for all its secrets before it waits for the first. So [`drive`] polls the stage without a
//! runtime: when it is pending, all that it has asked for is sent to the supervisor in one question.

use super::OrderError;
use super::shared_channel::SharedChannel;
use crate::serve::orders::{Answer, Wanted};
use keyfill_diag::Cx;
use keyfill_secrets::{BoxFuture, Error, Keys, SecretData, SecretRef, Source};
use std::collections::{HashMap, HashSet};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

type Read = Result<Arc<SecretData>, Error>;

/// The limit of concurrent reads. It is higher than the number of references of any run, so that all of them go to
/// the supervisor in one question.
pub const READS: usize = 1 << 20;

/// The supervisor as a source of secrets.
#[derive(Default)]
pub struct Asked(Mutex<State>);

#[derive(Default)]
struct State {
    known: HashMap<SecretRef, Read>,
    /// The secrets that were asked for, with or without an answer yet.
    asked: HashSet<SecretRef>,
    /// The secrets that are asked for with the next question.
    wanted: Vec<(SecretRef, Keys)>,
    waiting: Vec<Waker>,
}

impl Asked {
    /// A source that has some answers already.
    pub fn knowing(secrets: Vec<(Wanted, Answer)>) -> Self {
        let known =
            secrets.into_iter().map(|(wanted, answer)| (wanted.read().0, answer.into_result())).collect();
        Self(Mutex::new(State { known, ..State::default() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(&self, secret: &SecretRef, keys: &Keys, cx: &Context<'_>) -> Poll<Read> {
        let mut state = self.lock();
        if let Some(read) = state.known.get(secret) {
            return Poll::Ready(read.clone());
        }
        if state.asked.insert(secret.clone()) {
            state.wanted.push((secret.clone(), keys.clone()));
        }
        state.waiting.push(cx.waker().clone());
        Poll::Pending
    }

    /// Stores answers, and wakes the tasks that wait for them.
    fn answered(&self, wanted: Vec<(SecretRef, Keys)>, answers: Vec<Answer>) {
        let mut state = self.lock();
        let secrets = wanted.into_iter().map(|(secret, _)| secret);
        state.known.extend(secrets.zip(answers.into_iter().map(Answer::into_result)));
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Source for Asked {
    fn read<'a>(&'a self, secret: &'a SecretRef, cx: &'a Cx) -> BoxFuture<'a, Read> {
        self.read_keys(secret, &Keys::All, cx)
    }

    fn read_keys<'a>(&'a self, secret: &'a SecretRef, keys: &'a Keys, _: &'a Cx) -> BoxFuture<'a, Read> {
        Box::pin(poll_fn(|cx| self.poll(secret, keys, cx)))
    }

    /// The supervisor checks whether the store has namespaces.
    fn has_namespaces(&self, _: &SecretRef) -> bool {
        true
    }
}

/// Polls work that reads from `asked` until it is done. `None` if the supervisor has told the worker to give it up.
pub fn drive<T>(
    work: impl Future<Output = T>,
    asked: &Asked,
    channel: &SharedChannel,
) -> Result<Option<T>, OrderError> {
    let mut work = pin!(work);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(done) = work.as_mut().poll(&mut cx) {
            return Ok(Some(done));
        }
        let wanted = std::mem::take(&mut asked.lock().wanted);
        if wanted.is_empty() {
            // The work is pending and has asked for no secret, so it would wait forever.
            return Err(anyhow::anyhow!("the fill stage came to a halt").into());
        }
        let question = wanted.iter().map(Wanted::of).collect();
        match channel.ask(question).map_err(OrderError::Protocol)? {
            Some(answers) => asked.answered(wanted, answers),
            None => return Ok(None),
        }
    }
}
