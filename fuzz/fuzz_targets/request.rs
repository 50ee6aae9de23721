//! Whole requests through a worker: any archive, path, environment and parameters are answered or refused in time,
//! without a panic, and no error or warning holds the value of a secret.
//!
//! The input is lines up to an empty one, then files. The first line is the app's path; `?` before it makes the
//! request a discovery (MatchRepository), and `!` turns compatibility with AVP on. The other lines are variables,
//! `NAME=VALUE`. A file is a name, a line break, its text, and a zero byte.
#![no_main]

include!("modules.rs");

use flate2::Compression;
use flate2::write::GzEncoder;
use hydrated::FillWhen;
use keyfill_workers::Channel;
use libfuzzer_sys::fuzz_target;
use serve::fetch_orders::NotFetched;
use serve::orders::{
    self, Answer, Archive, Discovery, Fill, Generate, Input, Matches, Order, Report, Start, Task, Text, Value,
};
use std::os::unix::net::UnixStream;

/// The value of every secret. Inputs that contain it are skipped.
const VALUE: &str = "hush-5f2c91-hush";

/// Milliseconds that a request may take. libFuzzer's own bound (`-timeout`) is far above.
const TIME: u64 = 3_000;

/// The request that an input describes.
struct Request {
    path: String,
    looks: bool,
    compat_avp: bool,
    env: Vec<(String, String)>,
    archive: Vec<u8>,
}

impl Request {
    fn read(input: &[u8]) -> Option<Self> {
        let end = input.windows(2).position(|pair| pair == b"\n\n")?;
        let (head, files) = (std::str::from_utf8(&input[..end]).ok()?, &input[end + 2..]);
        let mut lines = head.lines();
        let first = lines.next()?;
        let path = first.trim_start_matches(['?', '!']).to_owned();
        let (looks, compat_avp) = (first.starts_with('?'), first.starts_with('!'));
        let env = lines.filter_map(|line| line.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned()));
        Some(Self { path, looks, compat_avp, env: env.collect(), archive: archive(files)? })
    }

    fn task(&self) -> Task {
        Task { path: self.path.clone(), milliseconds: TIME, memory: 256 << 20 }
    }

    fn order(&self) -> Order {
        if self.looks {
            let env = self.env.clone();
            return Order::Matches(Box::new(Matches { task: self.task(), env, archive: Archive::Tail }));
        }
        let app = ["web", "team", "blue"].map(|name| Some(name.to_owned()));
        Order::Generate(Box::new(Generate {
            task: self.task(),
            env: self.env.clone(),
            engine: Some("native".to_owned()),
            helm_compat: None,
            prefer: None,
            fill: Fill {
                compat_avp: self.compat_avp,
                app,
                globs: Some("*".to_owned()),
                vals_refs: true,
                ..Fill::default()
            },
            input: Input::Archive(Archive::Tail),
            secrets: Vec::new(),
            pack_below: 1 << 20,
            decrypts: true,
            fills_values: Some(false),
            fetches: true,
            filling: FillWhen::Always,
        }))
    }
}

/// The files as a tar.gz.
fn archive(files: &[u8]) -> Option<Vec<u8>> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::none()));
    for file in files.split(|b| *b == 0) {
        let end = file.iter().position(|b| *b == b'\n')?;
        let name = std::str::from_utf8(&file[..end]).ok()?;
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size((file.len() - end - 1) as u64);
        tar.append_data(&mut header, name, &file[end + 1..]).ok()?;
    }
    tar.into_inner().ok()?.finish().ok()
}

fn start() -> Start {
    Start {
        parent: std::process::id(),
        memory: 1 << 30,
        may_start_programs: false,
        render: Default::default(),
        discovery: Discovery { configured: true, ..Discovery::default() },
        env: Vec::new(),
        plan: None,
    }
}

/// Answers the worker in the supervisor's place until the request is answered.
fn supervise(mut channel: Channel, request: &Request) {
    let frame = orders::frame(&request.order()).expect("it can be written");
    channel.send(frame, &[&request.archive]).expect("the worker listens");
    loop {
        let received = channel.receive().expect("the worker speaks").expect("the worker is there");
        let said = match orders::read(&received.content).expect("it can be read") {
            Report::Rendered(rendered) => {
                no_secret(&rendered.warnings);
                continue;
            }
            Report::Need(wanted) => {
                let value = || Value::Str(Text::new(VALUE.to_owned()));
                let data = || Answer::Data(vec![("pass".to_owned(), value())]);
                let answers = wanted.iter().map(|_| data()).collect();
                let frame = orders::frame(&Order::Secrets(answers)).expect("it can be written");
                channel.send(frame, &[]).expect("the worker listens");
                continue;
            }
            Report::Unlock(_) => {
                let refused = Order::Unlocked(Err(keyfill_sops::Refusal::new("no key is here")));
                let frame = orders::frame(&refused).expect("it can be written");
                channel.send(frame, &[]).expect("the worker listens");
                continue;
            }
            Report::Fetch(_) => {
                let missing =
                    keyfill_files::FetchError::new(keyfill_diag::Class::Store, "nobody answers here");
                let answer = Order::Fetched(Err(NotFetched::of(&missing)));
                let frame = orders::frame(&answer).expect("it can be written");
                channel.send(frame, &[]).expect("the worker listens");
                continue;
            }
            Report::Generated(generated) => generated.warnings,
            Report::Failed(failed) => vec![failed.message],
            Report::Matches(_) => Vec::new(),
            Report::Ready(_) => panic!("it is no greeting"),
        };
        return no_secret(&said);
    }
}

fn no_secret(texts: &[String]) {
    assert!(texts.iter().all(|text| !text.contains(VALUE)), "a secret's value is told");
}

fuzz_target!(|input: &[u8]| {
    if input.windows(VALUE.len()).any(|window| window == VALUE.as_bytes()) {
        return;
    }
    let Some(request) = Request::read(input) else { return };
    let (ours, theirs) = UnixStream::pair().expect("sockets can be had");
    let worker = std::thread::Builder::new().stack_size(serve::worker::STACK);
    let worker = worker.spawn(move || serve::worker::answer_all(Channel::new(theirs.into()), &start()));
    supervise(Channel::new(ours.into()), &request);
    worker.expect("a thread starts").join().expect("no panic").expect("the socket was closed");
});
