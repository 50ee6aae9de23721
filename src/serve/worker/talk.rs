//! A worker's conversation in the middle of an order: it says what it has, and asks for the secrets that it needs.

use super::{read, send};
use crate::serve::orders::{Answer, Order, Report, Wanted};
use keyfill_workers::Channel;
use std::io;

/// The conversation about one order.
pub struct Talk<'a> {
    channel: &'a mut Channel,
}

impl<'a> Talk<'a> {
    /// About the order that came last.
    pub fn new(channel: &'a mut Channel) -> Self {
        Self { channel }
    }

    /// Says something that needs no answer, with a tail of these parts.
    pub fn say(&mut self, report: &Report, tail: &[&[u8]]) -> io::Result<()> {
        send(self.channel, report, tail)
    }

    /// Asks for secrets. Nothing when the work is to be given up.
    pub fn ask(&mut self, wanted: Vec<Wanted>) -> io::Result<Option<Vec<Answer>>> {
        let count = wanted.len();
        self.say(&Report::Need(wanted), &[])?;
        let Some(received) = self.channel.receive()? else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        match read(&received.content)? {
            Order::Secrets(answers) if answers.len() == count => Ok(Some(answers)),
            Order::Park => Ok(None),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}
