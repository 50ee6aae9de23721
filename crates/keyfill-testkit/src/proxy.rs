//! A small HTTP proxy that injects faults between a client and a working server: it delays requests, resets
//! connections, answers with errors, and counts requests.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// A fault that is injected into a request.
pub enum Fault {
    /// Waits before the request is forwarded.
    Delay(Duration),
    /// Calls a function before the request is forwarded, for example to seal the Vault.
    Before(Box<dyn Fn() + Send + Sync>),
    /// Calls a function after the server has answered and before the client gets the response.
    After(Box<dyn Fn() + Send + Sync>),
    /// Resets the connection instead of answering.
    Reset,
    /// Sends the headers and half of the body, then resets the connection.
    ResetInBody,
    /// Answers with a status code and optionally `Retry-After`, without forwarding the request.
    Status(u16, Option<&'static str>),
}

struct Rule {
    path: String,
    skip: usize,
    times: usize,
    fault: Arc<Fault>,
}

/// A received request.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its method.
    pub method: String,
    /// Its path with its query, as sent.
    pub path: String,
    /// Its headers, names in lower case.
    pub headers: BTreeMap<String, String>,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    seen: Vec<Seen>,
    connections: usize,
}

/// A running proxy. It runs until the test's process ends.
pub struct Proxy {
    address: String,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    /// Starts a proxy that forwards to `upstream` (`host:port`).
    ///
    /// # Panics
    /// If there is no free port.
    pub fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address").to_string();
        let state = Arc::new(Mutex::new(State::default()));
        let (shared, upstream) = (Arc::clone(&state), upstream.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (shared, upstream) = (Arc::clone(&shared), upstream.clone());
                lock(&shared).connections += 1;
                // Errors of a connection are ignored here: the test checks them in the client.
                thread::spawn(move || serve(&client, &upstream, &shared).ok());
            }
        });
        Self { address, state }
    }

    /// `http://127.0.0.1:PORT`
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Injects `fault` into the next `times` requests whose path (below `/v1/`) starts with `path`, after the
    /// first `skip` of them. Delays and functions of several rules all apply; the first other fault ends the
    /// request.
    pub fn on(&self, path: &str, skip: usize, times: usize, fault: Fault) {
        lock(&self.state).rules.push(Rule { path: path.to_owned(), skip, times, fault: Arc::new(fault) });
    }

    /// Delays every request.
    pub fn delay(&self, time: Duration) {
        self.on("", 0, usize::MAX, Fault::Delay(time));
    }

    /// How many requests came in for paths (below `/v1/`) that start with `path`.
    pub fn count(&self, path: &str) -> usize {
        lock(&self.state).seen.iter().filter(|s| below_api(&s.path).starts_with(path)).count()
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.state).seen.clone()
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        lock(&self.state).connections
    }
}

pub(crate) fn lock<T>(state: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn below_api(path: &str) -> &str {
    path.strip_prefix("/v1/").unwrap_or(path)
}

/// Serves the requests of one connection until the client closes it or a fault does.
fn serve(client: &TcpStream, upstream: &str, state: &Mutex<State>) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let mut reader = BufReader::new(client.try_clone()?);
    while let Some((head, body, seen)) = read_request(&mut reader)? {
        let faults = faults(state, below_api(&seen.path));
        lock(state).seen.push(seen);
        let mut breaks = false;
        let mut after = Vec::new();
        for fault in &faults {
            match &**fault {
                Fault::Delay(time) => thread::sleep(*time),
                Fault::Before(run) => run(),
                Fault::After(run) => after.push(run),
                Fault::Reset => return reset(client),
                Fault::ResetInBody => breaks = true,
                Fault::Status(status, wait) => {
                    write_status(client, *status, *wait)?;
                    break;
                }
            }
        }
        if faults.iter().any(|f| matches!(**f, Fault::Status(..))) {
            continue;
        }
        let (status, headers, body) = forward(upstream, &head, &body)?;
        for run in after {
            run();
        }
        let half = if breaks { body.len() / 2 } else { body.len() };
        let head = format!("{status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
        // One write, since a second one would wait for the acknowledgement of the first (Nagle's algorithm).
        (&mut &*client).write_all(&[head.as_bytes(), &body[..half]].concat())?;
        if breaks {
            thread::sleep(Duration::from_millis(20));
            return reset(client);
        }
    }
    Ok(())
}

/// The faults for a request. Each matching rule counts the request.
fn faults(state: &Mutex<State>, path: &str) -> Vec<Arc<Fault>> {
    let mut met = Vec::new();
    for rule in lock(state).rules.iter_mut().filter(|r| path.starts_with(&r.path)) {
        if rule.skip > 0 {
            rule.skip -= 1;
        } else if rule.times > 0 {
            rule.times = if rule.times == usize::MAX { rule.times } else { rule.times - 1 };
            met.push(Arc::clone(&rule.fault));
        }
    }
    met
}

fn reset(client: &TcpStream) -> std::io::Result<()> {
    let socket = socket2::SockRef::from(client);
    socket.set_linger(Some(Duration::ZERO))?;
    socket.shutdown(std::net::Shutdown::Read)
}

fn write_status(client: &TcpStream, status: u16, wait: Option<&str>) -> std::io::Result<()> {
    let wait = wait.map_or_else(String::new, |w| format!("Retry-After: {w}\r\n"));
    let body = r#"{"errors":["by the proxy"]}"#;
    let text = format!("HTTP/1.1 {status} Fault\r\n{wait}Content-Length: {}\r\n\r\n{body}", body.len());
    (&mut &*client).write_all(text.as_bytes())
}

pub(crate) type Request = (String, Vec<u8>, Seen);

pub(crate) fn read_request(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Request>> {
    let mut head = String::new();
    loop {
        let start = head.len();
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
        if head[start..].trim().is_empty() {
            break;
        }
    }
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, path) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.get("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
    let seen = Seen { method: method.to_owned(), path: path.to_owned(), headers };
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some((head, body, seen)))
}

/// Forwards the request over a new connection, and returns the status line, the headers and the body of the response.
fn forward(upstream: &str, head: &str, body: &[u8]) -> std::io::Result<(String, String, Vec<u8>)> {
    let mut server = TcpStream::connect(upstream)?;
    server.set_nodelay(true)?;
    // In HTTP/1.0 a response has no chunked encoding and ends with the connection.
    let head = head.replacen(" HTTP/1.1\r\n", " HTTP/1.0\r\n", 1);
    server.write_all(&[head.as_bytes(), body].concat())?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(answer.len());
    let text = String::from_utf8_lossy(&answer[..end]).into_owned();
    let (status, headers) = text.split_once("\r\n").unwrap_or((&text, ""));
    let kept = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default().to_lowercase();
        !matches!(name.as_str(), "content-length" | "connection" | "transfer-encoding")
    };
    let headers: String = headers.lines().filter(kept).map(|line| format!("{line}\r\n")).collect();
    let status = status.replacen("HTTP/1.0", "HTTP/1.1", 1);
    Ok((status, headers, answer.get(end + 4..).unwrap_or_default().to_vec()))
}
