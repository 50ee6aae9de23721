//! Malicious servers: host names that resolve to another address at the second lookup (DNS rebinding), endless packs,
//! invalid packs, contents that differ from the lock file. Nothing that they send is stored.

use crate::place::{LOGIN, PASSWORD, Place, chart, repository};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use keyfill_diag::{Class, Cx, Report as _};
use keyfill_fetch::{Fetcher, Mode, Network, Options, Store};
use keyfill_files::{ChartRef, Fetch as _};
use keyfill_http::{HostPolicy, Names};
use keyfill_testkit::{GitServer, Page, Server};
use sha1::Digest as _;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// The address of the metadata service of cloud providers.
const METADATA: &str = "169.254.169.254:80";

/// A resolver that gives the address `first` for `times` lookups, and that of the metadata service afterwards.
struct Changing {
    first: SocketAddr,
    times: usize,
    asked: AtomicUsize,
}

impl Names for Changing {
    fn look_up(&self, _: &str, _: u16) -> std::io::Result<Vec<SocketAddr>> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(vec![if asked < self.times { self.first } else { METADATA.parse().unwrap() }])
    }
}

#[test]
fn a_name_that_resolves_to_another_address_at_a_later_lookup_is_refused() {
    let files = repository(&[("lib", "1.0.0")]);
    // Each request needs a new connection, and so a lookup.
    let server = Server::start(move |seen, _| {
        let body = files.get(&seen.path);
        body.map_or_else(|| Page::status(404), |body| Page::ok(body.clone())).header("Connection", "close")
    });
    let want = ChartRef {
        repository: "http://charts.example/charts".into(),
        name: "lib".into(),
        version: "^1".into(),
    };
    for (times, asked) in [(0, 0), (1, 1), (2, 2)] {
        server.forget();
        let first = server.host().parse().unwrap();
        let names = Arc::new(Changing { first, times, asked: AtomicUsize::new(0) });
        let store = Store::temporary(1 << 20).unwrap();
        let network = Network::new(store, None, Some(names.clone()));
        let policy = HostPolicy::of(["private+http://charts.example/*"]).unwrap();
        let options = Options { mode: Mode::On, policy, ..Options::default() };
        let fetcher = Fetcher::new(Arc::new(network), options);
        match fetcher.chart(&want, &Cx::default()) {
            Ok(found) => assert_eq!((times, &found.archive[..]), (2, &chart("lib", "1.0.0")[..])),
            Err(error) => {
                assert!(times < 2, "{error}");
                assert_eq!(error.class(), Class::Forbidden);
                assert!(error.to_string().contains("no address that may be connected to"), "{error}");
                assert!(fetcher.taken().charts.is_empty());
            }
        }
        assert_eq!(server.seen().len(), asked);
        // The address that was checked is the one that is connected to: there is no second lookup in between.
        assert_eq!(names.asked.load(Ordering::SeqCst), (asked + 1).min(2));
    }
}

/// A kustomization with a base at the commit, which is fetched with a login.
fn on_a_base(address: &str) -> Place {
    let place = Place::new(&[address])
        .file("app/kustomization.yaml", format!("resources:\n- {address}/a/b.git//base?ref={COMMIT}\n"));
    let login = address.replace("http://", &format!("http://user:{PASSWORD}@"));
    std::fs::write(place.home().join(".git-credentials"), format!("{login}\n")).unwrap();
    place
}

/// Asserts that the run fails with this exit code, words and line, shows no password, and stores nothing.
fn refused(place: &Place, line: &str, code: i32, words: &[&str]) {
    let told = place.keyfill(line).refused(code);
    for words in words.iter().chain(&["app/kustomization.yaml:2"]) {
        assert!(told.contains(words), "{words}: {told}");
    }
    let login = LOGIN.trim_start_matches("Basic ");
    assert!(!told.contains(PASSWORD) && !told.contains(login), "{told}");
    assert_eq!(contents(place), 0, "nothing is kept");
}

/// The number of contents in the cache, including incomplete ones.
fn contents(place: &Place) -> usize {
    let cache = place.home().join(".cache/keyfill/fetch");
    let mut ahead: Vec<_> = ["sha256", "trees", "tmp"].iter().map(|kind| cache.join(kind)).collect();
    let mut found = 0;
    while let Some(dir) = ahead.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.path().is_dir() { ahead.push(entry.path()) } else { found += 1 }
        }
    }
    found
}

const GIT_ANSWER: &str = "application/x-git-upload-pack-result";

/// A packet of git's protocol.
fn packet(data: &[u8]) -> Vec<u8> {
    [format!("{:04x}", data.len() + 4).as_bytes(), data].concat()
}

/// A git server that sends the beginning of a pack, and then what `go_on` writes. For other requests it has no files.
fn streaming(go_on: fn(&mut TcpStream) -> std::io::Result<()>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (ready, started) = mpsc::channel();
    std::thread::spawn(move || {
        ready.send(()).unwrap();
        for mut client in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut request = [0; 4096];
                let _ = client.read(&mut request);
                if request.starts_with(b"GET") {
                    return client
                        .write_all(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                }
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Type: {GIT_ANSWER}\r\nConnection: close\r\n\r\n");
                client.write_all(head.as_bytes())?;
                client.write_all(&packet(b"packfile\n"))?;
                // It ends when the client closes the connection.
                go_on(&mut client)
            });
        }
    });
    started.recv().unwrap();
    address
}

#[test]
fn an_endless_pack_is_refused_at_the_size_limit() {
    let address = streaming(|client| {
        let part = packet(&[&[1][..], &[b'P'; 65_000]].concat());
        loop {
            client.write_all(&part)?;
        }
    });
    refused(&on_a_base(&address), "render app", 3, &["sends more than"]);
}

#[test]
fn a_pack_that_is_sent_slowly_is_given_up_before_the_deadline() {
    let address = streaming(|client| {
        loop {
            client.write_all(&packet(b"\x01P"))?;
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let started = Instant::now();
    refused(&on_a_base(&address), "render app --deadline 3s", 5, &["within"]);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

/// A pack with a blob, and with a delta to it.
fn pack(base: &[u8], delta: &[u8]) -> Vec<u8> {
    let mut bytes = b"PACK\0\0\0\x02\0\0\0\x02".to_vec();
    let mut put = |code: u8, back: &[u8], content: &[u8]| {
        let at = bytes.len();
        bytes.push(code << 4 | u8::try_from(content.len()).unwrap());
        bytes.extend_from_slice(back);
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(content).unwrap();
        bytes.extend(zlib.finish().unwrap());
        u8::try_from(bytes.len() - at).unwrap()
    };
    let back = put(3, &[], base);
    put(6, &[back], delta);
    let sum = sha1::Sha1::digest(&bytes);
    bytes.extend_from_slice(&sum);
    bytes
}

#[test]
fn a_pack_with_an_invalid_delta_or_checksum_is_refused() {
    let whole = pack(b"01234", &[5, 2, 0x90, 2]);
    let mut wrong_sum = whole.clone();
    *wrong_sum.last_mut().unwrap() ^= 1;
    let mut cut = whole.clone();
    cut.truncate(30);
    for (name, sent) in [
        ("a copy beyond the base", pack(b"01234", &[5, 9, 0x90, 9])),
        ("a base of another size", pack(b"01234", &[4, 2, 0x90, 2])),
        ("a result of another size", pack(b"01234", &[5, 3, 0x90, 2])),
        ("an instruction that does not exist", pack(b"01234", &[5, 2, 0])),
        ("a wrong sum", wrong_sum),
        ("cut off", cut),
        ("without the commit", whole),
    ] {
        let body = [packet(b"packfile\n"), packet(&[&[1], &sent[..]].concat()), b"0000".to_vec()].concat();
        // The server has no files: every `GET` is answered with 404.
        let server = Server::start(move |seen, _| match seen.method.as_str() {
            "POST" => Page::ok(body.clone()).header("Content-Type", GIT_ANSWER),
            _ => Page::status(404),
        });
        println!("{name}");
        refused(&on_a_base(&server.address()), "render app", 3, &["a pack that cannot be used"]);
    }
}

#[test]
fn contents_that_differ_from_the_lock_are_refused_and_not_stored() {
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    let file = |text: &str| BTreeMap::from([("/a.yaml".to_owned(), text.as_bytes().to_vec())]);
    let (old, new) = (Server::of_files(file(manifest)), Server::of_files(file("kind: Other\n")));
    let place = Place::new(&[&old.address()])
        .file("app/kustomization.yaml", format!("resources:\n- {}/a.yaml\n", old.address()));
    place.keyfill("lock app").text();
    let moved = |text: String| text.replace(&old.address(), &new.address());
    let other = Place::new(&[&new.address()])
        .file("app/kustomization.yaml", moved(place.read("app/kustomization.yaml")))
        .file("keyfill.lock", moved(place.read("keyfill.lock")));
    refused(&other, "render app", 6, &["is not the locked file", "keyfill lock --update"]);

    let (old, new) = (Server::of_files(repository(&[("lib", "1.0.0")])), {
        let mut files = repository(&[("lib", "1.0.0")]);
        files.insert("/charts/lib-1.0.0.tgz".into(), chart("lib", "6.6.6"));
        Server::of_files(files)
    });
    let layout = format!(
        "helmCharts:\n- {{name: lib, version: 1.0.0, repo: '{}/charts', releaseName: r}}\n",
        old.address()
    );
    let place = Place::new(&[&old.address()]).file("app/kustomization.yaml", layout);
    place.keyfill("lock app").text();
    let moved = |text: String| text.replace(&old.address(), &new.address());
    let other = Place::new(&[&new.address()])
        .file("app/kustomization.yaml", moved(place.read("app/kustomization.yaml")))
        .file("keyfill.lock", moved(place.read("keyfill.lock")));
    let told = other.keyfill("render app --enable-helm").refused(6);
    assert!(told.contains("is not the locked one") && told.contains("app/kustomization.yaml"), "{told}");
    // At most the index is stored: it is correct.
    assert!(contents(&other) <= 1, "the archive is not kept");
    assert!(other.kept("6.6.6").is_empty());
}

#[test]
fn a_commit_whose_files_differ_from_the_lock_is_refused() {
    let Some(server) = GitServer::start(None) else { return };
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    server.commit("a/b", &[("base/kustomization.yaml", "resources: [cm.yaml]\n"), ("base/cm.yaml", map)]);
    let place = Place::new(&[&server.server().address()])
        .file("app/kustomization.yaml", format!("resources:\n- {}//base?ref=main\n", server.url("a/b")));
    place.keyfill("lock app").text();
    let lock = place.read("keyfill.lock");
    let folder =
        lock.lines().find_map(|line| line.trim().strip_prefix("\"base\": sha256:")).unwrap().to_owned();
    place.write("keyfill.lock", lock.replace(&folder, &"0".repeat(64)));
    let told = place.keyfill("render app").refused(6);
    for words in ["are not the locked ones", "app/kustomization.yaml:2"] {
        assert!(told.contains(words), "{told}");
    }
}
