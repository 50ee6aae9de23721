//! A worker's side of the messages while it works on an order: it reports results, and asks for what it needs.

use super::{read, send};
use crate::serve::fetch_orders::{Found, NotFetched, Question};
use crate::serve::orders::{Answer, Order, Report, Wanted};
use keyfill_sops::{Hidden, MasterKey, Refusal};
use keyfill_workers::{Channel, Received};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The connection to the supervisor. Clones share it, since engines ask from inside of rendering; only one question
/// is open at a time.
#[derive(Clone)]
pub struct SharedChannel(Arc<Mutex<Channel>>);

impl SharedChannel {
    /// Takes over a channel.
    pub fn new(channel: Channel) -> Self {
        Self(Arc::new(Mutex::new(channel)))
    }

    fn lock(&self) -> MutexGuard<'_, Channel> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next order; `None` if the supervisor has closed the channel.
    pub fn receive(&self) -> io::Result<Option<Received>> {
        self.lock().receive()
    }

    /// Sends a report that needs no answer, with a tail of these parts.
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

    /// Asks for secrets. `None` if the supervisor tells the worker to give up the request.
    pub fn ask(&self, wanted: Vec<Wanted>) -> io::Result<Option<Vec<Answer>>> {
        let count = wanted.len();
        match self.question(&Report::Need(wanted))?.0 {
            Order::Secrets(answers) if answers.len() == count => Ok(Some(answers)),
            Order::Park => Ok(None),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Asks for the data key, or its share, that a master key of an encrypted file decrypts.
    pub fn unlock(&self, key: &MasterKey) -> io::Result<Result<Hidden, Refusal>> {
        match self.question(&Report::Unlock(Box::new(key.clone())))?.0 {
            Order::Unlocked(answer) => Ok(answer.map(|key| Hidden::new(key.bytes()))),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Asks for something that the archive does not hold; the bytes and the file of the answer are in [`Received`].
    pub fn fetch(&self, question: Question) -> io::Result<(Result<Found, NotFetched>, Received)> {
        match self.question(&Report::Fetch(Box::new(question)))? {
            (Order::Fetched(answer), received) => Ok((answer, received)),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}
