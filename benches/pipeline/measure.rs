//! Measures a command: wall time, processor time and peak memory of its process and all its children.
//!
//! Peak memory is what the kernel reports for children that were waited for, and a child counts with the
//! memory of the process that forked it. So each command runs under a fresh copy of this program, which is
//! small and does nothing else.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// First argument with which this program acts as the small parent process.
const PARENT: &str = "measure-this";

/// One run: milliseconds of wall and processor time, and the peak resident memory of the largest process in
/// MiB.
#[derive(Clone, Copy)]
pub struct Cost {
    pub wall: f64,
    pub cpu: f64,
    pub peak: f64,
}

/// A command to measure, with its folder, the file on its stdin and its environment.
pub struct Job<'a> {
    pub program: &'a [String],
    pub dir: &'a Path,
    pub stdin: Option<&'a Path>,
    pub env: &'a [(String, String)],
}

/// A benchmark's `main`: runs `compare`, or the command if this is the small parent process. `cargo test
/// --benches` only checks that the program starts.
pub fn main(compare: fn(&[String])) {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, program)) if first == PARENT => as_parent(program),
        _ if arguments.iter().any(|argument| argument == "--test") => {}
        _ => compare(&arguments),
    }
}

/// Runs a command once with its output thrown away.
pub fn run(job: &Job<'_>) -> Cost {
    let stdin = match job.stdin {
        Some(path) => Stdio::from(File::open(path).expect("the input can be read")),
        None => Stdio::null(),
    };
    let output = Command::new(std::env::current_exe().expect("this program has a path"))
        .arg(PARENT)
        .args(job.program)
        .current_dir(job.dir)
        .env_clear()
        .envs(job.env.iter().map(|(k, v)| (k, v)))
        .stdin(stdin)
        .output()
        .expect("this program can be started again");
    let said = String::from_utf8_lossy(&output.stdout);
    let figures: Vec<f64> = said.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    match figures[..] {
        [wall, cpu, peak] if output.status.success() => Cost { wall, cpu, peak },
        _ => panic!("{:?} failed: {}", job.program, String::from_utf8_lossy(&output.stderr)),
    }
}

/// The small parent process: runs the command and prints its wall time, processor time and peak memory.
fn as_parent(program: &[String]) {
    let begin = Instant::now();
    let status = Command::new(&program[0])
        .args(&program[1..])
        .stdout(Stdio::null())
        .status()
        .unwrap_or_else(|e| panic!("{} cannot be started: {e}", program[0]));
    let wall = begin.elapsed().as_secs_f64() * 1000.0;
    assert!(status.success(), "it ended with {status}");
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel tells what children used");
    let cpu = (usage.user_time() + usage.system_time()).num_microseconds();
    println!("{wall} {} {}", cpu as f64 / 1000.0, usage.max_rss() as f64 / 1024.0);
}

/// The medians of the times and the highest peak of memory.
pub fn summary(runs: &[Cost]) -> Cost {
    let median = |figure: fn(&Cost) -> f64| {
        let mut figures: Vec<f64> = runs.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    let peak = runs.iter().map(|c| c.peak).fold(0.0, f64::max);
    Cost { wall: median(|c| c.wall), cpu: median(|c| c.cpu), peak }
}
