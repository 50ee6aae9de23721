//! A minimal blocking HTTP client, with which tests control servers.

use std::io::{Read, Write};
use std::net::TcpStream;

/// A response: status and body.
pub struct Reply {
    /// The HTTP status code.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Sends one request to `address` (`host:port`) and reads the whole response.
///
/// # Panics
/// If there is no response, since the test cannot continue without it.
pub fn request(address: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut stream =
        TcpStream::connect(address).unwrap_or_else(|e| panic!("no connection to {address}: {e}"));
    // In HTTP/1.0 a response ends with the connection, and has no chunked encoding.
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
