//! A small HTTP server for tests: a function answers each request, and the requests are recorded.

use crate::proxy::{Seen, lock, read_request};
use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A response.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// The HTTP status code.
    pub status: u16,
    /// The headers; `Content-Length` is added to them.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// A response with status 200 and a body.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.into() }
    }

    /// A response without a body.
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

/// A running server. It runs until the test's process ends.
pub struct Server {
    host: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Starts a server that answers with `handler`, which gets the request and its body.
    ///
    /// # Panics
    /// If there is no free port.
    pub fn start(handler: impl Fn(&Seen, &[u8]) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let host = listener.local_addr().expect("it has an address").to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (shared, handler) = (Arc::clone(&seen), Arc::new(handler));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (shared, handler) = (Arc::clone(&shared), Arc::clone(&handler));
                // Errors of a connection are ignored here: the test checks them in the client.
                thread::spawn(move || serve(&client, &shared, &*handler).ok());
            }
        });
        Self { host, seen }
    }

    /// Starts a server of files, given by path and content. Other paths get status 404.
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

    /// How many requests had a path that begins with `path`.
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
        // In HTTP/1.0 a response ends with the connection.
        if head.lines().next().is_some_and(|line| line.ends_with("HTTP/1.0")) {
            break;
        }
    }
    Ok(())
}
