//! A host name that resolves to another address at the second lookup, with the program and the system's resolver. The
//! program gets a separate `resolv.conf`, which names a name server of this test. This requires root.

#![cfg(target_os = "linux")]

use crate::place::{PASSWORD, Place, repository};
use keyfill_testkit::{Page, Server, is_root, program};
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// The address of the name server: a loopback address that nothing else uses.
const NAME_SERVER: &str = "127.83.71.5";
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// A name server that answers `first` for some queries, and the address of the metadata service afterwards.
struct NameServer {
    /// The number of queries for an address.
    asked: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl NameServer {
    /// Starts a name server; `None` if that is not permitted.
    fn start(first: Ipv4Addr, times: usize) -> Option<Self> {
        let socket = UdpSocket::bind((NAME_SERVER, 53)).ok()?;
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let thread = std::thread::spawn(move || {
            let mut question = [0; 512];
            while let Ok((size, client)) = socket.recv_from(&mut question) {
                let question = &question[..size];
                // An empty packet ends the server.
                if question.is_empty() {
                    return;
                }
                let Some(end) = question.get(12..).and_then(|rest| rest.iter().position(|byte| *byte == 0))
                else {
                    continue;
                };
                // The question: a name, a type and a class.
                let end = 12 + end + 5;
                let of_version_4 = question[end - 4..end - 2] == [0, 1];
                let mut answer = question[..end].to_vec();
                answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(of_version_4), 0, 0, 0, 0]);
                if of_version_4 {
                    let at = count.fetch_add(1, Ordering::SeqCst);
                    answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
                    answer.extend_from_slice(&if at < times { first } else { METADATA }.octets());
                }
                let _ = socket.send_to(&answer, client);
            }
        });
        Some(Self { asked, thread: Some(thread) })
    }
}

impl Drop for NameServer {
    /// Ends the server, so that the next one can listen on the same address.
    fn drop(&mut self) {
        let client = UdpSocket::bind((NAME_SERVER, 0)).unwrap();
        client.send_to(&[], (NAME_SERVER, 53)).unwrap();
        self.thread.take().map(JoinHandle::join);
    }
}

#[test]
fn the_program_refuses_a_name_that_resolves_to_another_address_at_the_second_lookup() {
    let Some(unshare) = program("unshare") else { return };
    if !is_root() {
        return;
    }
    let files = repository(&[("lib", "1.0.0")]);
    // Each request needs a new connection, and so a lookup.
    let server = Server::start(move |seen, _| {
        let body = files.get(&seen.path);
        body.map_or_else(|| Page::status(404), |body| Page::ok(body.clone())).header("Connection", "close")
    });
    let (_, port) = server.host().split_once(':').unwrap();
    let host = format!("charts.keyfill.test:{port}");
    let chart = format!(
        "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- name: lib\n  version: ^1\n  repository: http://user:{PASSWORD}@{host}/charts\n"
    );
    for (times, seen) in [(0, 0), (1, 1)] {
        server.forget();
        let place = Place::new(&[&format!("private+http://{host}")]).file("app/Chart.yaml", &chart);
        // At first, the name resolves to the address of the server.
        let names = NameServer::start(Ipv4Addr::LOCALHOST, times).expect("root may listen there");
        let conf = place.home().join("resolv.conf");
        std::fs::write(&conf, format!("nameserver {NAME_SERVER}\noptions attempts:1 timeout:2\n")).unwrap();
        let script = place.home().join("run.sh");
        let line = format!(
            "mount --bind {} /etc/resolv.conf && exec {} render app --deadline 8s\n",
            conf.display(),
            env!("CARGO_BIN_EXE_keyfill")
        );
        std::fs::write(&script, line).unwrap();
        let told = place.run(&unshare, &format!("--mount sh {}", script.display())).refused(6);
        for words in ["app/Chart.yaml:5", "no address that may be connected to"] {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert!(!told.contains(PASSWORD), "{told}");
        assert_eq!(server.seen().len(), seen, "{told}");
        // There was one query for each request: the address that was checked is the one that was connected to.
        assert_eq!(names.asked.load(Ordering::SeqCst), times + 1);
        let kept = place.home().join(".cache/keyfill/fetch/sha256");
        assert!(std::fs::read_dir(kept).map_or(0, Iterator::count) <= seen, "at most the index is kept");
    }
}
