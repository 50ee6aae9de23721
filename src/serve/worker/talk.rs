//! A worker's conversation in the middle of an order: it says what it has, and asks for what it needs.

use super::{read, send};
use crate::serve::fetch_orders::{Found, NotFetched, Question};
use crate::serve::orders::{Answer, Order, Report, Wanted};
use keyfill_sops::{Hidden, MasterKey, Refusal};
use keyfill_workers::{Channel, Received};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The conversation. Clones are the same one, for those who ask from inside of an engine: one question at a time.
#[derive(Clone)]
pub struct Talk(Arc<Mutex<Channel>>);

impl Talk {
    /// Over a channel.
    pub fn new(channel: Channel) -> Self {
        Self(Arc::new(Mutex::new(channel)))
    }

    fn lock(&self) -> MutexGuard<'_, Channel> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next order; nothing when the supervisor has closed its end.
    pub fn receive(&self) -> io::Result<Option<Received>> {
        self.lock().receive()
    }

    /// Says something that needs no answer, with a tail of these parts.
    pub fn say(&self, report: &Report, tail: &[&[u8]]) -> io::Result<()> {
        send(&mut self.lock(), report, tail)
    }

    fn question(&self, report: &Report) -> io::Result<(Order, Received)> {
        let mut channel = self.lock();
        send(&mut channel, report, &[])?;
        let Some(received) = channel.receive()? else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        Ok((read(&received.content)?, received))
    }

    /// Asks for secrets. Nothing when the work is to be given up.
    pub fn ask(&self, wanted: Vec<Wanted>) -> io::Result<Option<Vec<Answer>>> {
        let count = wanted.len();
        match self.question(&Report::Need(wanted))?.0 {
            Order::Secrets(answers) if answers.len() == count => Ok(Some(answers)),
            Order::Park => Ok(None),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Asks what a master key of an encrypted file gives.
    pub fn unlock(&self, key: &MasterKey) -> io::Result<Result<Hidden, Refusal>> {
        match self.question(&Report::Unlock(Box::new(key.clone())))?.0 {
            Order::Unlocked(answer) => Ok(answer.map(|key| Hidden::new(key.bytes()))),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Asks for what the archive does not hold; bytes and file of the answer are in what was received.
    pub fn fetch(&self, question: Question) -> io::Result<(Result<Found, NotFetched>, Received)> {
        match self.question(&Report::Fetch(Box::new(question)))? {
            (Order::Fetched(answer), received) => Ok((answer, received)),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}
