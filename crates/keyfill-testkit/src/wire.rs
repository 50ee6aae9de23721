//! Just enough HTTP for tests to command servers with, over a blocking connection.

use std::io::{Read, Write};
use std::net::TcpStream;

/// An answer: status and body.
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Sends one request to `address` (`host:port`) and reads the answer to its end.
///
/// # Panics
/// When there is no answer: the test cannot go on.
pub fn request(address: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut stream =
        TcpStream::connect(address).unwrap_or_else(|e| panic!("no connection to {address}: {e}"));
    // Under HTTP/1.0 a server ends the answer by closing, and never sends it in chunks.
    let mut text =
        format!("{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += "\r\n";
    text += body;
    stream.write_all(text.as_bytes()).expect("the request can be sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the answer can be read");
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").expect("the answer has a head and a body");
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("the answer has a status");
    Reply { status, body: body.to_owned() }
}
