//! A worker process, as the supervisor sees it.

use crate::frame::{Frame, HEAD, Lengths, lengths};
use crate::start::{Program, Threads};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Pid, Signal};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::UnixStream;
use zeroize::Zeroizing;

/// Why a worker was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The worker reached its limit of memory.
    Memory,
    /// This signal ended the worker, and the supervisor did not send it.
    Signal(i32),
    /// The worker ended by itself, with this exit code.
    Exit(i32),
    /// The worker sent what cannot be decoded, or more than it may, or did not read.
    Protocol,
}

/// The error that a worker was lost in the middle of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost(pub Why);

/// A worker process and the supervisor's end of its socket. Dropping it kills the process.
pub(crate) struct Process {
    child: Option<Child>,
    stream: UnixStream,
    threads: Threads,
    own_group: bool,
}

impl Process {
    /// Starts a process. It must run inside a tokio runtime.
    pub async fn start(program: &Program, threads: &Threads) -> io::Result<Self> {
        let (child, stream) = threads.start(program).await?;
        let stream = UnixStream::from_std(stream)?;
        Ok(Self { child: Some(child), stream, threads: threads.clone(), own_group: program.own_group })
    }

    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Sends a frame, with a tail, which may be empty, and a file descriptor, if there is one.
    pub async fn send(
        &mut self,
        mut frame: Frame,
        tail: &[u8],
        file: Option<BorrowedFd<'_>>,
    ) -> io::Result<()> {
        let mut left = frame.before(tail.len())?;
        if let Some(file) = file {
            let sent = self
                .stream
                .async_io(Interest::WRITABLE, || {
                    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
                    let mut control = SendAncillaryBuffer::new(&mut space);
                    let files = [file];
                    control.push(SendAncillaryMessage::ScmRights(&files));
                    let slices = [IoSlice::new(left)];
                    Ok(sendmsg(self.stream.as_fd(), &slices, &mut control, SendFlags::NOSIGNAL)?)
                })
                .await?;
            left = &left[sent..];
        }
        self.stream.write_all(left).await?;
        self.stream.write_all(tail).await
    }

    /// Receives the lengths of the next message.
    pub async fn lengths(&mut self) -> io::Result<Lengths> {
        let mut head = [0; HEAD];
        self.stream.read_exact(&mut head).await?;
        Ok(lengths(head))
    }

    /// Receives the next bytes: a message's content, and then its tail. [`Self::lengths`] returned their lengths.
    pub async fn bytes(&mut self, length: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut bytes = Zeroizing::new(vec![0; length]);
        self.stream.read_exact(&mut bytes).await?;
        Ok(bytes)
    }

    /// The bytes of resident memory that the process does not share; `None` if the system does not tell.
    pub fn resident(&self) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/statm", self.id()?)).ok()?;
        let mut fields = text.split(' ').skip(1).map_while(|field| field.parse::<u64>().ok());
        let (resident, shared) = (fields.next()?, fields.next()?);
        Some(resident.saturating_sub(shared) * rustix::param::page_size() as u64)
    }

    /// Whether the process has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// Ends the process. Returns how it had ended by itself, or [`Why::Protocol`] if it had not.
    pub async fn end(mut self) -> Why {
        let Some(mut child) = self.child.take() else { return Why::Protocol };
        // Waits a moment, since the socket of a process that ends closes before its exit status is known.
        for pause in [1, 2, 5, 10, 20, 50, 100, 200, 500] {
            match child.try_wait() {
                Ok(Some(status)) => return why(status),
                Ok(None) => tokio::time::sleep(std::time::Duration::from_millis(pause)).await,
                Err(_) => break,
            }
        }
        kill(&mut child, self.own_group);
        self.threads.collect(child).await.ok();
        Why::Protocol
    }
}

fn why(status: ExitStatus) -> Why {
    match (status.code(), status.signal()) {
        (Some(crate::OUT_OF_MEMORY), _) => Why::Memory,
        (Some(code), _) => Why::Exit(code),
        (None, Some(signal)) => Why::Signal(signal),
        (None, None) => Why::Protocol,
    }
}

/// Kills a child, and, if it leads a process group, the programs that it has started.
fn kill(child: &mut Child, own_group: bool) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // The process ID of a child that was not waited for is not used again, so the group is the child's.
    if let Some(pid) = pid.filter(|_| own_group) {
        rustix::process::kill_process_group(pid, Signal::KILL).ok();
    }
    child.kill().ok();
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            kill(&mut child, self.own_group);
            drop(self.threads.collect(child));
        }
    }
}
