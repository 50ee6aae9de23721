//! One worker process, seen from the supervisor.

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

/// Why a worker is no more, or no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It wanted more memory than it may have.
    Memory,
    /// A signal ended it that was not ours.
    Signal(i32),
    /// It ended by itself.
    Exit(i32),
    /// It said what cannot be understood, or more than it may.
    Talk,
}

/// A worker was lost in the middle of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost(pub Why);

/// A worker process and the supervisor's end of its socket. It is killed when this is dropped.
pub(crate) struct Process {
    child: Option<Child>,
    stream: UnixStream,
    threads: Threads,
    own_group: bool,
}

impl Process {
    /// Starts one. It must run inside a tokio runtime.
    pub async fn start(program: &Program, threads: &Threads) -> io::Result<Self> {
        let (child, stream) = threads.start(program).await?;
        let stream = UnixStream::from_std(stream)?;
        Ok(Self { child: Some(child), stream, threads: threads.clone(), own_group: program.own_group })
    }

    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Sends a frame, with a tail and a file where there are any.
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

    /// The lengths of the next message.
    pub async fn lengths(&mut self) -> io::Result<Lengths> {
        let mut head = [0; HEAD];
        self.stream.read_exact(&mut head).await?;
        Ok(lengths(head))
    }

    /// The next bytes: a message's content, and then its tail, of which [`Self::lengths`] gave the lengths.
    pub async fn bytes(&mut self, length: usize) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut bytes = Zeroizing::new(vec![0; length]);
        self.stream.read_exact(&mut bytes).await?;
        Ok(bytes)
    }

    /// Bytes that it holds and does not share, where the system says.
    pub fn resident(&self) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/statm", self.id()?)).ok()?;
        let mut fields = text.split(' ').skip(1).map_while(|field| field.parse::<u64>().ok());
        let (resident, shared) = (fields.next()?, fields.next()?);
        Some(resident.saturating_sub(shared) * rustix::param::page_size() as u64)
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// Ends it and says how it had ended before, if it had.
    pub async fn end(mut self) -> Why {
        let Some(mut child) = self.child.take() else { return Why::Talk };
        // What has ended by itself shows how; a moment, since its socket closes before it is gone.
        for pause in [1, 2, 5, 10, 20, 50, 100, 200, 500] {
            match child.try_wait() {
                Ok(Some(status)) => return why(status),
                Ok(None) => tokio::time::sleep(std::time::Duration::from_millis(pause)).await,
                Err(_) => break,
            }
        }
        kill(&mut child, self.own_group);
        self.threads.collect(child).await.ok();
        Why::Talk
    }
}

fn why(status: ExitStatus) -> Why {
    match (status.code(), status.signal()) {
        (Some(crate::OUT_OF_MEMORY), _) => Why::Memory,
        (Some(code), _) => Why::Exit(code),
        (None, Some(signal)) => Why::Signal(signal),
        (None, None) => Why::Talk,
    }
}

/// Ends a child, with the programs that it has started where it leads a group.
fn kill(child: &mut Child, own_group: bool) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // A child that was not waited for keeps its number: the group is its own.
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
