//! The worker's end of its socket, on which it receives messages and sends answers, one after another.

use crate::frame::{Frame, HEAD, Lengths, lengths};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendFlags, recvmsg, send,
};
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use zeroize::{Zeroize as _, Zeroizing};

/// The bytes that are read at once. A small message is received with one call.
const AT_ONCE: usize = 64 << 10;

/// The worker's end of its socket, which is its standard input.
pub struct Channel {
    socket: OwnedFd,
    /// The buffer for what is read at once. A message is wiped from it when it is taken out.
    buffer: Vec<u8>,
    /// The beginning of the next message, which was read with the one before. A supervisor that tells the worker to
    /// give up a request may send the next order directly after that.
    ahead: Zeroizing<Vec<u8>>,
}

/// A message that was received.
pub struct Received {
    /// The message's content.
    pub content: Zeroizing<Vec<u8>>,
    /// The message's tail, which may be empty. What is sent to a worker as a tail holds no secrets.
    pub tail: Vec<u8>,
    /// The file descriptor that came with the message.
    pub file: Option<OwnedFd>,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Received {
    /// Shows lengths only: the content may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (content, tail, file) = (self.content.len(), self.tail.len(), self.file.is_some());
        write!(f, "Received({content} bytes, a tail of {tail}, a file: {file})")
    }
}

impl Channel {
    /// A channel on standard input, which is one end of a socket pair that the supervisor has made.
    pub fn of_stdin() -> io::Result<Self> {
        Ok(Self::new(rustix::stdio::stdin().try_clone_to_owned()?))
    }

    /// A channel on a socket, for tests.
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket, buffer: vec![0; AT_ONCE], ahead: Zeroizing::default() }
    }

    /// Receives the next message; `None` if the supervisor has closed its end.
    pub fn receive(&mut self) -> io::Result<Option<Received>> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let received = self.receive_into(&mut buffer);
        self.buffer = buffer;
        received
    }

    fn receive_into(&mut self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        let ahead = std::mem::take(&mut self.ahead);
        let (mut come, file) = match ahead.len() {
            0 => self.first(buffer)?,
            // These bytes came without a file: the kernel never returns the first bytes of a message with a file
            // together with earlier bytes.
            length => {
                buffer[..length].copy_from_slice(&ahead);
                (length, None)
            }
        };
        if come == 0 {
            return Ok(None);
        }
        while come < HEAD {
            come += self.more(&mut buffer[come..HEAD])?;
        }
        let mut head = [0; HEAD];
        head.copy_from_slice(&buffer[..HEAD]);
        let Lengths { content, tail } = lengths(head);
        let here = &buffer[HEAD..come];
        let (of_content, behind) = here.split_at(here.len().min(content));
        let (of_tail, ahead) = behind.split_at(behind.len().min(tail));
        self.ahead = Zeroizing::new(ahead.to_vec());
        let content = Zeroizing::new(self.whole(of_content, content)?);
        let tail = self.whole(of_tail, tail)?;
        buffer[..come].zeroize();
        Ok(Some(Received { content, tail, file }))
    }

    /// Receives `length` bytes, of which the first ones are here already.
    fn whole(&self, here: &[u8], length: usize) -> io::Result<Vec<u8>> {
        let mut whole = Vec::new();
        whole.try_reserve_exact(length)?;
        whole.extend_from_slice(here);
        whole.resize(length, 0);
        let mut at = here.len();
        while at < length {
            at += self.more(&mut whole[at..])?;
        }
        Ok(whole)
    }

    /// Receives the first bytes of a message, and its file descriptor, if there is one.
    fn first(&self, buffer: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let message = retry(|| {
            let mut slices = [IoSliceMut::new(buffer)];
            recvmsg(self.socket.as_fd(), &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC)
        })?;
        if message.flags.contains(ReturnFlags::CTRUNC) {
            return Err(io::Error::other("more than one file came with an order"));
        }
        let mut file = None;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(mut files) = message {
                file = files.next();
            }
        }
        Ok((message.bytes, file))
    }

    fn more(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match retry(|| rustix::io::read(&self.socket, &mut *buffer))? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            n => Ok(n),
        }
    }

    /// Sends a frame, and then a tail that consists of these parts.
    pub fn send(&mut self, mut frame: Frame, tail: &[&[u8]]) -> io::Result<()> {
        self.send_all(frame.before(tail.iter().map(|part| part.len()).sum())?)?;
        tail.iter().try_for_each(|part| self.send_all(part))
    }

    fn send_all(&self, mut left: &[u8]) -> io::Result<()> {
        while !left.is_empty() {
            let sent = retry(|| send(&self.socket, left, SendFlags::NOSIGNAL))?;
            left = &left[sent..];
        }
        Ok(())
    }
}

/// Repeats a call that was interrupted by a signal.
fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            result => return Ok(result?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Channel;
    use crate::frame::Frame;
    use std::io::Write as _;
    use std::os::unix::net::UnixStream;

    #[test]
    fn messages_that_are_read_together_are_separated() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut ours, mut theirs) = (Channel::new(ours.into()), Channel::new(theirs.into()));
        for round in 0..3_u8 {
            for content in [&[round; 3][..], &[], &[7; 70_000]] {
                ours.send(Frame::new(content), &[&[round]]).unwrap();
            }
            for content in [&[round; 3][..], &[], &[7; 70_000]] {
                let come = theirs.receive().unwrap().unwrap();
                assert!(*come.content == content && come.tail == [round] && come.file.is_none());
            }
        }
        drop(ours);
        assert!(theirs.receive().unwrap().is_none());
    }

    #[test]
    fn messages_of_all_sizes_arrive_whole() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut ours, mut theirs) = (Channel::new(ours.into()), Channel::new(theirs.into()));
        for size in [0, 1, 65_527, 65_528, 65_529, 1 << 20] {
            for tail in [0, 1, 7, 65_528, 1 << 20] {
                let sent: Vec<u8> = (0..size.max(tail)).map(|i| (i % 251) as u8).collect();
                let (content, behind) = (&sent[..size], &sent[..tail]);
                let come = std::thread::scope(|scope| {
                    let parts = behind.split_at(tail / 3);
                    let frame = Frame::new(content);
                    scope.spawn(|| ours.send(frame, &[parts.0, parts.1]).unwrap());
                    theirs.receive().unwrap().unwrap()
                });
                let whole = *come.content == content && come.tail == behind && come.file.is_none();
                assert!(whole, "{size} {tail}");
                assert!(theirs.buffer.iter().all(|byte| *byte == 0), "what came stays in the buffer");
            }
        }
        drop(ours);
        assert!(theirs.receive().unwrap().is_none());
    }

    #[test]
    fn a_frame_that_is_cut_short_is_an_error() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(&[9, 0, 0, 0, 0, 0, 0, 0, 1]).unwrap();
        drop(ours);
        assert!(Channel::new(theirs.into()).receive().is_err());
    }
}
