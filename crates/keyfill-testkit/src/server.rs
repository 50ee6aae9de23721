//! A small web server for tests: it answers as the test says, and keeps what it was asked.

use crate::proxy::{Seen, lock, read_request};
use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Headers; the length is added.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// 200 with a body.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.into() }
    }

    /// A status without a body.
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A running server. It ends with the test's process.
pub struct Server {
    host: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Starts one that answers with `handler`, which gets the request and its body.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start(handler: impl Fn(&Seen, &[u8]) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let host = listener.local_addr().expect("it has an address").to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (shared, handler) = (Arc::clone(&seen), Arc::new(handler));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (shared, handler) = (Arc::clone(&shared), Arc::clone(&handler));
                // What goes wrong with one connection is what a test looks for at its other end.
                thread::spawn(move || serve(&client, &shared, &*handler).ok());
            }
        });
        Self { host, seen }
    }

    /// A server of files: paths with their contents. What is not among them is 404.
    pub fn of_files(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self::start(move |seen, _| {
            let path = seen.path.split('?').next().unwrap_or_default();
            files.get(path).map_or_else(|| Response::status(404), |body| Response::ok(body.clone()))
        })
    }

    /// `127.0.0.1:PORT`
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `http://127.0.0.1:PORT`
    pub fn address(&self) -> String {
        format!("http://{}", self.host)
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }

    /// How many requests came for paths that begin so.
    pub fn count(&self, path: &str) -> usize {
        lock(&self.seen).iter().filter(|seen| seen.path.starts_with(path)).count()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        lock(&self.seen).clear();
    }
}

fn serve(
    client: &TcpStream,
    seen: &Mutex<Vec<Seen>>,
    handler: &dyn Fn(&Seen, &[u8]) -> Response,
) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let mut reader = BufReader::new(client.try_clone()?);
    while let Some((head, body, request)) = read_request(&mut reader)? {
        let response = handler(&request, &body);
        lock(seen).push(request);
        let mut text = format!("HTTP/1.1 {} Test\r\n", response.status);
        for (name, value) in &response.headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !matches!(response.status, 204 | 304) {
            text += &format!("Content-Length: {}\r\n", response.body.len());
        }
        text += "\r\n";
        (&mut &*client).write_all(&[text.as_bytes(), &response.body].concat())?;
        // Under HTTP/1.0 an answer ends with its connection.
        if head.lines().next().is_some_and(|line| line.ends_with("HTTP/1.0")) {
            break;
        }
    }
    Ok(())
}
