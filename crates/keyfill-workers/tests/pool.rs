//! Tests of a pool whose workers are processes of this test program.

use keyfill_workers::{Channel, Frame, Pool, PoolOptions, Program, Scope, Why, Worker, sandbox};
use std::fs::File;
use std::io::Read as _;
use std::net::TcpStream;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

const PARENT: &str = "KEYFILL_TEST_WORKER_OF";
const BLUE: Scope = [1; 32];
const RED: Scope = [2; 32];

/// The worker process: it answers orders until its socket closes. Run as a test it does nothing.
#[test]
fn worker_process() {
    let Some(parent) = std::env::var(PARENT).ok().and_then(|id| id.parse().ok()) else { return };
    sandbox::limit(parent, 256 << 20, false).unwrap();
    let report = sandbox::enter();
    let mut channel = Channel::of_stdin().unwrap();
    while let Some(received) = channel.receive().unwrap() {
        let order = String::from_utf8(received.content.to_vec()).unwrap();
        let answer = answer(&order, received.file.map(File::from), report);
        // The tail of the order is the tail of the answer, with its bytes reversed.
        let mut tail = received.tail;
        tail.reverse();
        channel.send(Frame::new(answer.as_bytes()), &[&tail]).unwrap();
    }
    std::process::exit(0);
}

fn answer(order: &str, file: Option<File>, report: sandbox::Report) -> String {
    let tried = |result: std::io::Result<()>| result.err().map_or("allowed".to_owned(), |e| e.to_string());
    match order {
        "hello" => format!("{report:?}"),
        "who" => std::process::id().to_string(),
        "abort" => std::process::abort(),
        "exit" => std::process::exit(keyfill_workers::OUT_OF_MEMORY),
        "spin" => loop {
            std::hint::spin_loop();
        },
        "file" => {
            let mut text = String::new();
            file.map(|mut f| f.read_to_string(&mut text))
                .transpose()
                .map(|_| text)
                .unwrap_or_else(|e| e.to_string())
        }
        "open" => tried(File::open("/etc/hostname").map(drop)),
        "list" => tried(std::fs::read_dir("/").map(drop)),
        "create" => tried(File::create(std::env::temp_dir().join("keyfill-worker-was-here")).map(drop)),
        "tcp" => tried(TcpStream::connect("127.0.0.1:9").map(drop)),
        "unix" => tried(UnixStream::connect("/tmp/keyfill-none").map(drop)),
        "run" => tried(std::process::Command::new("/bin/true").status().map(drop)),
        "thread" => std::thread::spawn(|| "a thread".to_owned()).join().expect("it starts and ends"),
        "eat" => {
            let mut eaten: Vec<u8> = Vec::new();
            eaten.try_reserve_exact(300 << 20).map_or("refused".to_owned(), |()| "had".to_owned())
        }
        "grow" => {
            let held = vec![1_u8; 64 << 20];
            std::mem::forget(held);
            "grown".to_owned()
        }
        other => other.to_owned(),
    }
}

async fn pool(most: usize) -> (Pool, String) {
    let mut program = Program::this(&["worker_process", "--exact", "--nocapture"]).expect("this program");
    program.environment.push((PARENT.into(), std::process::id().to_string().into()));
    let options = PoolOptions {
        program,
        hello: Frame::new(b"hello"),
        most,
        spares: 1,
        grown: 32 << 20,
        idle: Duration::from_secs(60),
        start: Duration::from_secs(20),
    };
    let (pool, greeting) = Pool::new(options).await.expect("a worker starts");
    (pool, String::from_utf8(greeting.to_vec()).expect("text"))
}

async fn ask(worker: &mut Worker, order: &str) -> Result<String, Why> {
    worker.send(Frame::new(order.as_bytes()), &[], None).await.map_err(|lost| lost.0)?;
    said(worker).await
}

async fn said(worker: &mut Worker) -> Result<String, Why> {
    let lengths = worker.lengths().await.map_err(|lost| lost.0)?;
    let content = worker.bytes(lengths.content).await.map_err(|lost| lost.0)?;
    Ok(String::from_utf8(content.to_vec()).expect("text"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_arrives_in_both_directions() {
    let (pool, _) = pool(1).await;
    let mut worker = pool.take(BLUE).await.unwrap();
    let tail: Vec<u8> = (0..3_000_000).map(|i| (i % 253) as u8).collect();
    // Neither side reads while it writes: the worker answers after it has received everything.
    worker.send(Frame::new(b"echo"), &tail, None).await.unwrap();
    assert_eq!(said(&mut worker).await.unwrap(), "echo");
    let back = worker.bytes(tail.len()).await.unwrap();
    assert!(back.iter().eq(tail.iter().rev()));
    worker.keep();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_serves_one_scope_and_is_used_again_for_it() {
    let (pool, _) = pool(2).await;
    let mut seen = Vec::new();
    for scope in [BLUE, BLUE, RED, BLUE, RED] {
        let mut worker = pool.take(scope).await.unwrap();
        seen.push(ask(&mut worker, "who").await.unwrap());
        worker.keep();
    }
    assert!(seen[0] == seen[1] && seen[1] == seen[3] && seen[2] == seen[4] && seen[0] != seen[2], "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_worker_is_replaced_and_says_why() {
    let (pool, _) = pool(2).await;
    let mut worker = pool.take(BLUE).await.unwrap();
    assert_eq!(ask(&mut worker, "exit").await, Err(Why::Memory));
    let mut worker = pool.take(BLUE).await.unwrap();
    assert_eq!(ask(&mut worker, "abort").await, Err(Why::Signal(6)));
    // Killed in the middle of its work, as at a deadline.
    let mut worker = pool.take(BLUE).await.unwrap();
    worker.send(Frame::new(b"spin"), &[], None).await.unwrap();
    let killed = worker.id().unwrap();
    drop(worker);
    let mut worker = pool.take(BLUE).await.unwrap();
    assert_ne!(ask(&mut worker, "who").await.unwrap(), killed.to_string());
    worker.keep();
    let start = Instant::now();
    let is_there = || std::path::Path::new(&format!("/proc/{killed}")).exists();
    while is_there() && start.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!is_there(), "it is collected");
    assert_eq!(pool.numbers().0, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_has_grown_is_replaced() {
    let (pool, _) = pool(2).await;
    let mut worker = pool.take(BLUE).await.unwrap();
    let first = ask(&mut worker, "who").await.unwrap();
    assert_eq!(ask(&mut worker, "grow").await.unwrap(), "grown");
    worker.keep();
    let mut worker = pool.take(BLUE).await.unwrap();
    assert_ne!(ask(&mut worker, "who").await.unwrap(), first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_arrives_with_an_order() {
    let (pool, _) = pool(1).await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x"), "what it says").unwrap();
    let file = File::open(dir.path().join("x")).unwrap();
    let mut worker = pool.take(BLUE).await.unwrap();
    worker.send(Frame::new(b"file"), &[], Some(file.as_fd())).await.unwrap();
    assert_eq!(said(&mut worker).await.unwrap(), "what it says");
}

/// Only Linux has Landlock and seccomp. The test is skipped, with a message, if the kernel lacks seccomp.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_cannot_reach_out() {
    let (pool, greeting) = pool(1).await;
    let mut worker = pool.take(BLUE).await.unwrap();
    if !greeting.contains("seccomp: true") {
        eprintln!("skipped: this kernel has no seccomp: {greeting}");
        return;
    }
    for order in ["open", "list", "create", "tcp", "unix", "run"] {
        let said = ask(&mut worker, order).await.unwrap();
        assert!(said.contains("not permitted") || said.contains("denied"), "{order}: {said}");
    }
    assert_eq!(ask(&mut worker, "thread").await.unwrap(), "a thread");
    assert_eq!(ask(&mut worker, "eat").await.unwrap(), "refused", "memory is bounded");
    // The sandbox holds for the thread on which the test harness runs the worker.
    let tasks = std::fs::read_dir(format!("/proc/{}/task", worker.id().unwrap())).unwrap();
    let status = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("status")).unwrap());
    let held = |status: String| status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2");
    assert!(status.into_iter().any(held));
}
