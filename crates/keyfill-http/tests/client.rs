//! The client with servers on loopback: host names whose address changes, credentials at redirects, size limits.

use keyfill_http::{Client, Credential, GetError, HostPolicy, Names, Origin, Request, TlsSettings};
use keyfill_testkit::{Page as Response, Server};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use url::Url;

fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn url(text: &str) -> Url {
    Url::parse(text).expect("a URL")
}

/// A host name that resolves to a public address the first time, and to a server on this machine from then on. `asked`
/// counts how often the name was resolved.
struct Changing {
    asked: AtomicUsize,
    later: SocketAddr,
}

impl Names for Changing {
    fn look_up(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        // An address of TEST-NET-3, which no host has, stands for a public address.
        let first = self.asked.fetch_add(1, Ordering::SeqCst) == 0;
        Ok(vec![if first { "203.0.113.1:80".parse().expect("an address") } else { self.later }])
    }
}

#[test]
fn the_address_that_is_connected_to_is_the_one_that_is_checked() {
    let server = Server::start(|_, _| Response::ok("inside"));
    let names =
        Arc::new(Changing { asked: AtomicUsize::new(1), later: server.host().parse().expect("an address") });
    let client = Client::new(TlsSettings::default(), None).with_names(names.clone());
    let policy = HostPolicy::of(["http://rebind.example/*"]).expect("an entry");
    let request = Request::get(url("http://rebind.example/x"), 100);
    let error = block(client.send(&policy, &request, &mut Vec::new(), soon())).expect_err("it is refused");
    assert!(error.to_string().contains("no address that may be connected to"), "{error}");
    assert_eq!(server.seen().len(), 0);
    assert_eq!(
        names.asked.load(Ordering::SeqCst),
        2,
        "a name is looked up once, and what is found is what is used"
    );
}

#[test]
fn a_credential_is_not_sent_to_another_port_after_a_redirect() {
    let other = Server::start(|_, _| Response::ok("other"));
    let at = format!("{}/x", other.address());
    let server = Server::start(move |_, _| Response::status(307).header("Location", &at));
    let policy = HostPolicy::of(
        [format!("{}/*", server.address()), format!("{}/*", other.address())].iter().map(String::as_str),
    )
    .expect("entries");
    let client = Client::new(TlsSettings::default(), None);
    let start = url(&server.address());
    let credential = Credential::new(Origin::of(&start), "Basic c2VjcmV0");
    let request = Request { credential, ..Request::get(start, 100) };
    let mut body = Vec::new();
    let reply = block(client.send(&policy, &request, &mut body, soon())).expect("an answer");
    assert_eq!((body.as_slice(), reply.size, reply.urls.len()), (&b"other"[..], 5, 2));
    assert!(!reply.is_from_first_origin());
    assert!(server.seen()[0].headers.contains_key("authorization"));
    assert!(!other.seen()[0].headers.contains_key("authorization"));
    assert!(!format!("{request:?}").contains("c2VjcmV0"), "a credential does not print");
}

#[test]
fn a_redirect_of_a_secret_body_to_another_origin_is_refused() {
    let other = Server::start(|_, _| Response::ok("other"));
    let at = other.address();
    let server = Server::start(move |_, _| Response::status(307).header("Location", &at));
    let policy = HostPolicy::of(
        [format!("{}/*", server.address()), format!("{}/*", other.address())].iter().map(String::as_str),
    )
    .expect("entries");
    let client = Client::new(TlsSettings::default(), None);
    let request = Request {
        method: http::Method::POST,
        body: "refresh_token=secret".into(),
        secret_body: true,
        ..Request::get(url(&server.address()), 100)
    };
    let error = block(client.send(&policy, &request, &mut Vec::new(), soon())).expect_err("refused");
    assert!(matches!(error, GetError::Elsewhere(_)), "{error}");
    assert_eq!(other.seen().len(), 0);
    assert!(!error.to_string().contains("secret"));
}

#[test]
fn the_body_is_limited_in_size_and_its_sha256_is_returned() {
    let server = Server::start(|_, _| Response::ok(vec![b'x'; 1000]));
    let policy = HostPolicy::of([format!("{}/*", server.address()).as_str()]).expect("an entry");
    let client = Client::new(TlsSettings::default(), None);
    let ask = |most: u64| {
        let mut body = Vec::new();
        block(client.send(&policy, &Request::get(url(&server.address()), most), &mut body, soon()))
    };
    let error = ask(999).expect_err("too large");
    assert!(matches!(error, GetError::TooLarge(_, 999)), "{error}");
    let reply = ask(1000).expect("an answer");
    let digest: String = reply.digest.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(digest, "44f8354494a5ba03ba1792a8d3e9c534c47a9181980fde7a3f44b06ef2ae7c7f");
    assert_eq!(reply.size, 1000);
}
