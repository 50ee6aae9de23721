//! The process that renders and fills, for one request at a time. It starts with one socket and no other open file,
//! enters its sandbox, and answers orders until the socket closes.

mod fetching;
mod fill;
mod manifests;
mod matches;
mod patterns;
mod render;
mod shared_channel;
mod texts;
mod unlock;

use super::orders::{self, Failed, Order, Report, Sandbox, Start, Task};
use crate::report;
use bytes::Bytes;
use keyfill_cmp::archive::{ArchiveFiles, Limits, Packed};
use keyfill_diag::Cx;
use keyfill_files::TreePath;
use keyfill_workers::{Channel, Frame, Received, sandbox};
use shared_channel::SharedChannel;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Duration;

/// The first argument of a worker's command line. It is not a subcommand for people.
pub const ARGUMENT: &str = "serve-worker";

/// The most bytes of a request's error. The supervisor has a limit too.
const MOST_IN_ERROR: usize = 64 << 10;

/// Runs a worker. It must be the first thing that the process does: a sandbox holds only for the thread that enters
/// it and the threads which that thread starts.
pub fn run() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> io::Result<()> {
    let mut channel = Channel::of_stdin()?;
    let Some(first) = channel.receive()? else { return Ok(()) };
    let Order::Start(start) = read(&first.content)? else { return Err(io::ErrorKind::InvalidData.into()) };
    drop(first);
    let start = *start;
    sandbox::limit(start.parent, start.memory, start.may_start_programs)?;
    let held = if start.may_start_programs { sandbox::Report::default() } else { sandbox::enter() };
    // The message of a panic may hold input, so it is not printed. The supervisor reports the panic by the exit
    // code.
    std::panic::set_hook(Box::new(|_| {}));
    crate::memory::end_above(start.memory);
    send(&mut channel, &Report::Ready(Sandbox::from(held)), &[])?;
    // Engines recurse deeply, and the stack of the main thread may be smaller.
    let worker = std::thread::Builder::new().stack_size(STACK).spawn(move || answer_all(channel, &start))?;
    worker.join().unwrap_or_else(|_| Err(io::Error::other("the worker panicked")))
}

/// The stack of the thread that answers orders, in bytes.
pub const STACK: usize = 8 << 20;

/// Answers orders until the channel closes. A fuzz target calls this.
pub fn answer_all(channel: Channel, start: &Start) -> io::Result<()> {
    let channel = SharedChannel::new(channel);
    while let Some(Received { content, tail, file }) = channel.receive()? {
        let order = read(&content)?;
        drop(content);
        let beside = Beside { tail: tail.into(), file };
        // After a panic the process ends, so no state that the panic left is used.
        let answered = catch_unwind(AssertUnwindSafe(|| answer(&channel, start, order, beside)));
        match answered {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(error),
            Err(_) => std::process::exit(PANICKED),
        }
    }
    Ok(())
}

/// The exit code of a worker that panicked.
pub const PANICKED: i32 = 101;

/// The tail and the file that came with an order.
struct Beside {
    tail: Bytes,
    file: Option<OwnedFd>,
}

/// Answers an order. There is no answer if the supervisor told the worker to give it up.
fn answer(channel: &SharedChannel, start: &Start, order: Order, beside: Beside) -> io::Result<()> {
    match order {
        Order::Generate(order) => {
            let cx = circumstances(&order.task);
            match render::generate(channel, start, *order, beside, &cx) {
                Ok(()) => Ok(()),
                Err(OrderError::Protocol(error)) => Err(error),
                Err(OrderError::Work(error)) => channel.say(&Report::Failed(failed(&error, &cx)), &[]),
            }
        }
        Order::Matches(order) => {
            let cx = circumstances(&order.task);
            let report = match matches::matches(&start.discovery, &order, beside, &cx) {
                Ok(matches) => Report::Matches(matches),
                Err(error) => Report::Failed(failed(&error, &cx)),
            };
            channel.say(&report, &[])
        }
        Order::Start(_) | Order::Secrets(_) | Order::Park | Order::Unlocked(_) | Order::Fetched(_) => {
            Err(io::ErrorKind::InvalidData.into())
        }
    }
}

/// Why an order was not answered.
enum OrderError {
    /// The supervisor has sent what cannot be decoded, or is gone.
    Protocol(io::Error),
    /// The request cannot be answered, for a reason in the app or in a store.
    Work(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for OrderError {
    fn from(error: E) -> Self {
        Self::Work(error.into())
    }
}

/// The deadline and the limit of memory of one order. Engines that check the limit stop at 80 % of it, with an
/// error; at the limit itself the allocator ends the process.
fn circumstances(task: &Task) -> Cx {
    crate::memory::end_above(task.memory);
    let asked_for = task.memory - task.memory / 5;
    Cx::with_time(Duration::from_millis(task.milliseconds)).with_memory(crate::memory::limited(asked_for))
}

/// A request's archive, packed as it was sent.
fn packed(archive: orders::Archive, beside: Beside) -> anyhow::Result<Packed> {
    Ok(match (archive, beside.file) {
        (orders::Archive::Tail, _) => Packed::Memory(beside.tail),
        (orders::Archive::File, Some(file)) => Packed::File(File::from(file)),
        (orders::Archive::File, None) => anyhow::bail!("the archive did not come with its request"),
    })
}

/// Opens a request's archive.
fn open(packed: Packed, path: &TreePath, cx: &Cx) -> anyhow::Result<ArchiveFiles> {
    let opened = ArchiveFiles::open(packed, path, Limits::default(), cx);
    opened.map_err(|e| report::Failure::of(&e).into())
}

/// Parses the path of the app's folder.
fn tree_path(text: &str) -> anyhow::Result<TreePath> {
    TreePath::new(text).ok_or_else(|| anyhow::anyhow!("the app's path leaves the repository"))
}

/// The report of a failed request.
fn failed(error: &anyhow::Error, cx: &Cx) -> Failed {
    let problems = report::problems(error);
    let mut message = String::new();
    for (number, problem) in problems.iter().enumerate() {
        let text = report::human(problem);
        if message.len() + text.len() > MOST_IN_ERROR {
            let room = MOST_IN_ERROR.saturating_sub(message.len());
            message.push_str(&text[..text.floor_char_boundary(room)]);
            message.push_str(&format!("\n... and {} further problems", problems.len() - number - 1));
            break;
        }
        if number > 0 {
            message.push('\n');
        }
        message.push_str(&text);
    }
    Failed {
        class: report::class(error).exit_code(),
        message,
        unsupported: report::is_unsupported(error),
        memory: cx.out_of_memory.is_raised(),
    }
}

fn read<T: serde::de::DeserializeOwned>(content: &[u8]) -> io::Result<T> {
    orders::read(content).map_err(|_| io::ErrorKind::InvalidData.into())
}

fn frame(report: &Report) -> io::Result<Frame> {
    orders::frame(report).map_err(|_| io::ErrorKind::InvalidData.into())
}

fn send(channel: &mut Channel, report: &Report, tail: &[&[u8]]) -> io::Result<()> {
    channel.send(frame(report)?, tail)
}
