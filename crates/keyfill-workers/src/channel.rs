//! The worker's end of its socket: orders come in, reports go out, one after the other.

use crate::frame::{Frame, HEAD, length};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendFlags, recvmsg, send,
};
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, OwnedFd};
use zeroize::{Zeroize as _, Zeroizing};

/// What is read at once; small orders come whole.
const AT_ONCE: usize = 64 << 10;

/// The worker's end of its socket, which is its standard input.
#[derive(Debug)]
pub struct Channel {
    socket: OwnedFd,
}

/// What came: a frame's content, and the file that came with it.
pub type Received = (Zeroizing<Vec<u8>>, Option<OwnedFd>);

impl Channel {
    /// Standard input, which the supervisor has made one end of a socket pair.
    pub fn of_stdin() -> io::Result<Self> {
        Ok(Self { socket: rustix::stdio::stdin().try_clone_to_owned()? })
    }

    /// A socket of one's own, for tests.
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket }
    }

    /// The next frame; nothing when the supervisor has closed its end.
    pub fn receive(&mut self) -> io::Result<Option<Received>> {
        let mut buffer = Zeroizing::new(vec![0; AT_ONCE]);
        let (mut come, file) = self.first(&mut buffer)?;
        if come == 0 {
            return Ok(None);
        }
        while come < HEAD {
            come += self.more(&mut buffer[come..HEAD])?;
        }
        let mut head = [0; HEAD];
        head.copy_from_slice(&buffer[..HEAD]);
        let length = length(head);
        let here = come - HEAD;
        if here > length {
            return Err(io::Error::other("two orders came at once"));
        }
        let mut content = Zeroizing::new(Vec::new());
        content.try_reserve_exact(length)?;
        content.extend_from_slice(&buffer[HEAD..come]);
        buffer[..come].zeroize();
        content.resize(length, 0);
        let mut at = here;
        while at < length {
            at += self.more(&mut content[at..])?;
        }
        Ok(Some((content, file)))
    }

    /// The first bytes of a frame, with the file that may come along.
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

    /// Sends a frame whole.
    pub fn send(&mut self, frame: &Frame) -> io::Result<()> {
        let mut left = frame.bytes();
        while !left.is_empty() {
            let sent = retry(|| send(&self.socket, left, SendFlags::NOSIGNAL))?;
            left = &left[sent..];
        }
        Ok(())
    }
}

/// Calls again what a signal broke off.
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
    fn frames_of_all_sizes_come_whole() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut ours, mut theirs) = (Channel::new(ours.into()), Channel::new(theirs.into()));
        for size in [0, 1, 65_532, 65_533, 1 << 20] {
            let sent: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
            let frame = Frame::new(&sent);
            let come = std::thread::scope(|scope| {
                scope.spawn(|| ours.send(&frame).unwrap());
                theirs.receive().unwrap().unwrap()
            });
            assert!(*come.0 == sent && come.1.is_none(), "{size}");
        }
        drop(ours);
        assert!(theirs.receive().unwrap().is_none());
    }

    #[test]
    fn a_frame_that_is_cut_short_is_an_error() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(&[9, 0, 0, 0, 1]).unwrap();
        drop(ours);
        assert!(Channel::new(theirs.into()).receive().is_err());
    }
}
