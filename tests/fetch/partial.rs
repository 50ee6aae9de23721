//! Repositories on servers that can filter: first the names of the files are fetched, then the files of the folders
//! that are read. The lock file names these folders.

use crate::place::{LOGIN, PASSWORD, Place};
use keyfill_diag::Cx;
use keyfill_fetch::{Fetcher, Mode, Network, Options, Store};
use keyfill_files::{Fetch as _, GitRef, TreePath};
use keyfill_http::HostPolicy;
use keyfill_testkit::{GitServer, Page, Seen, oracle};
use std::sync::Arc;

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  v: one\n";
/// The content of files that no kustomization reads.
const UNREAD: &str = "a text that nobody asked for";

/// Commits two bases, one of which uses the other, a link to a folder, and files that no kustomization reads.
fn fill(server: &GitServer) {
    server.commit(
        "shop",
        &[
            ("README.md", UNREAD),
            ("base/kustomization.yaml", "resources: [cm.yaml, linked/cm.yaml]\nnamePrefix: b-\n"),
            ("base/cm.yaml", MAP),
            ("base/linked", "-> files"),
            ("base/files/cm.yaml", &MAP.replace("name: a", "name: shared")),
            ("other/kustomization.yaml", "resources: [../base, cm.yaml]\nnamePrefix: o-\n"),
            ("other/cm.yaml", &MAP.replace("name: a", "name: other")),
            ("unread/big.txt", UNREAD),
        ],
    );
}

fn filtering() -> Option<GitServer> {
    let server = GitServer::start(None)?;
    fill(&server);
    server.allow_filters("shop");
    Some(server)
}

fn layout(server: &GitServer, base: &str) -> String {
    format!("resources:\n- {}//{base}?ref=main\n", server.url("shop"))
}

fn place(server: &GitServer, base: &str) -> Place {
    Place::new(&[&server.server().address()]).file("app/kustomization.yaml", layout(server, base))
}

/// The folders in the lock file.
fn folders(place: &Place) -> Vec<String> {
    let lock = place.read("keyfill.lock");
    let (_, below) = lock.split_once("  folders:\n").unwrap_or_else(|| panic!("{lock}"));
    below.lines().take_while(|line| line.starts_with("    ")).map(folder_of).collect()
}

fn folder_of(line: &str) -> String {
    line.trim().split(": ").next().unwrap_or_default().trim_matches('"').to_owned()
}

#[test]
fn only_the_files_of_folders_that_are_read_are_fetched() {
    let (Some(server), Some(plain)) = (filtering(), GitServer::start(None)) else { return };
    let place = place(&server, "other");
    let ours = place.keyfill("render app").text();
    assert!(ours.contains("name: o-b-shared") && ours.contains("name: o-other"), "{ours}");
    assert!(place.kept(UNREAD).is_empty(), "what nobody reads is not there");
    assert!(!place.kept("name: shared").is_empty());
    // A server that cannot filter sends all files; the result is the same.
    fill(&plain);
    let whole = crate::partial::place(&plain, "other");
    assert_eq!(whole.keyfill("render app").text(), ours);
    assert!(!whole.kept(UNREAD).is_empty());
    let Some(kustomize) = oracle("kustomize") else { return };
    assert_eq!(place.run(&kustomize, "build app").text(), ours);
}

#[test]
fn the_lock_binds_the_folders_that_are_read_whether_the_server_filters_or_not() {
    let (Some(server), Some(plain)) = (filtering(), GitServer::start(None)) else { return };
    fill(&plain);
    let mut locks = Vec::new();
    for server in [&server, &plain] {
        let place = place(server, "other");
        place.keyfill("lock app").text();
        assert_eq!(folders(&place), ["base", "base/files", "other"]);
        place.keyfill("lock app --check").text();
        place.keyfill("lock --all --check").text();
        server.server().forget();
        let warm = place.keyfill("render app");
        assert_eq!(warm.stderr, "");
        assert!(server.server().seen().is_empty(), "warm with a lock there is no request");
        let lock = place.read("keyfill.lock");
        locks.push(
            lock.lines().filter(|line| line.starts_with("    ")).map(str::to_owned).collect::<Vec<_>>(),
        );
        // Another machine, which has only the lock file.
        let elsewhere = crate::partial::place(server, "other").file("keyfill.lock", lock);
        assert_eq!(elsewhere.keyfill("render app --fetch locked").text(), warm.text());
    }
    assert_eq!(locks[0], locks[1]);
}

#[test]
fn a_locked_base_takes_four_requests() {
    let Some(server) = filtering() else { return };
    let first = place(&server, "other");
    first.keyfill("lock app").text();
    server.server().forget();
    let place = place(&server, "other").file("keyfill.lock", first.read("keyfill.lock"));
    place.keyfill("render app --fetch locked").text();
    // The requests: the server's capabilities, the names, the targets of links, and the files of all locked folders
    // at once.
    let (asks, posts): (Vec<_>, Vec<_>) =
        server.server().seen().into_iter().partition(|seen| seen.method == "GET");
    assert_eq!((asks.len(), posts.len()), (1, 3));
}

#[test]
fn concurrent_runs_send_each_request_once() {
    let Some(server) = filtering() else { return };
    let network = Arc::new(Network::new(Store::temporary(1 << 30).unwrap(), None, None));
    let want = GitRef { url: server.url("shop"), reference: "main".into() };
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let files = fetcher(&server, &network).git(&want, &Cx::default()).unwrap().files;
                for path in ["base/cm.yaml", "base/kustomization.yaml", "other/cm.yaml"] {
                    files.read(&TreePath::new(path).unwrap()).unwrap();
                }
            });
        }
    });
    // The requests: the reference, the names, the target of the link, and two folders.
    let posts = server.server().seen().iter().filter(|seen| seen.method == "POST").count();
    assert_eq!(posts, 5);
}

/// The fetcher of a run that may fetch anything from a server.
fn fetcher(server: &GitServer, network: &Arc<Network>) -> Fetcher {
    let policy = HostPolicy::of([format!("{}/*", server.server().address()).as_str()]).unwrap();
    Fetcher::new(Arc::clone(network), Options { mode: Mode::On, policy, ..Options::default() })
}

#[test]
fn a_folder_that_is_not_locked_is_refused_with_the_line_that_refers_to_it() {
    let Some(server) = filtering() else { return };
    let place = place(&server, "base");
    place.keyfill("lock app").text();
    assert_eq!(folders(&place), ["base", "base/files"]);
    place.write("app/kustomization.yaml", layout(&server, "other"));
    for line in ["render app --fetch locked", "render app --fetch locked --engine auto"] {
        let told = place.keyfill(line).refused(6);
        for words in ["the folder other of the repository", "is not in keyfill.lock", "keyfill lock"] {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert!(told.contains("app/kustomization.yaml:2"), "{told}");
    }
    let told = place.keyfill("lock app --check").refused(4);
    assert!(told.contains("the folder other of"), "{told}");
    let noted = place.keyfill("render app");
    assert!(noted.stderr.contains("fetched without a lock: the folder other of"), "{}", noted.stderr);
    noted.text();
    place.keyfill("lock app").text();
    assert_eq!(folders(&place), ["base", "base/files", "other"]);
    // With `--all`, folders that are no longer read are removed from the lock file.
    place.write("app/kustomization.yaml", layout(&server, "base"));
    let told = place.keyfill("lock --all --check").refused(4);
    assert!(told.contains("the folder other of") && told.contains("which nothing asks for"), "{told}");
    place.keyfill("lock --all").text();
    assert_eq!(folders(&place), ["base", "base/files"]);
}

#[test]
fn a_folder_whose_files_differ_from_the_lock_is_refused_and_not_stored() {
    let Some(server) = filtering() else { return };
    let first = place(&server, "base");
    first.keyfill("lock app").text();
    let lock = first.read("keyfill.lock");
    let line = lock.lines().find(|line| line.trim_start().starts_with("\"base\": ")).unwrap();
    let wrong = format!("    \"base\": sha256:{}", "0".repeat(64));
    let place = place(&server, "base").file("keyfill.lock", lock.replace(line, &wrong));
    let told = place.keyfill("render app").refused(6);
    for words in ["are not the locked ones", "the folder base of", "app/kustomization.yaml:2"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(place.kept("v: one").is_empty(), "nothing is kept");
}

#[test]
fn a_moved_repository_keeps_the_folders_of_other_roots() {
    let Some(server) = filtering() else { return };
    let place = place(&server, "base").file("second/kustomization.yaml", layout(&server, "other"));
    place.keyfill("lock --all").text();
    server.commit("shop", &[("other/cm.yaml", &MAP.replace("v: one", "v: two"))]);
    place.keyfill("lock app --update shop").text();
    assert_eq!(folders(&place), ["base", "base/files", "other"]);
    assert!(place.keyfill("render second --fetch locked").text().contains("v: two"));
}

#[test]
fn the_whole_commit_is_fetched_from_a_server_that_filters_and_sends_no_single_files() {
    let refuse = |_: &Seen, body: &[u8]| {
        let has = |text: &[u8]| memchr::memmem::find(body, text).is_some();
        let wants_files = has(b"command=fetch") && !has(b"deepen");
        wants_files.then(|| {
            Page::ok("0013ERR not our ref").header("Content-Type", "application/x-git-upload-pack-result")
        })
    };
    let Some(server) = GitServer::start_with(None, refuse) else { return };
    server.commit("shop", &[("base/kustomization.yaml", "resources: [cm.yaml]\n"), ("base/cm.yaml", MAP)]);
    server.allow_filters("shop");
    let place = place(&server, "base");
    assert!(place.keyfill("render app").text().contains("v: one"));
    place.keyfill("lock app").text();
    assert!(place.keyfill("render app --fetch locked").text().contains("v: one"));
}

#[test]
fn a_lock_of_version_1_still_binds_all_files() {
    let Some(server) = GitServer::start(None) else { return };
    fill(&server);
    // The digest of all files, as in lock files of version 1.
    let network = Arc::new(Network::new(Store::temporary(1 << 30).unwrap(), None, None));
    let want = GitRef { url: server.url("shop"), reference: "main".into() };
    let all = fetcher(&server, &network).hand(&want, &Cx::default()).unwrap();
    assert!(all.folders.is_none());
    server.allow_filters("shop");
    let lock = |digest: &str| {
        format!(
            "version: 1\ngit:\n- url: {}\n  ref: main\n  commit: {}\n  tree: {digest}\n",
            server.url("shop"),
            all.commit
        )
    };
    let place = place(&server, "other").file("keyfill.lock", lock(&all.digest.to_string()));
    let ours = place.keyfill("render app --fetch locked").text();
    assert!(ours.contains("name: o-b-shared"), "{ours}");
    place.keyfill("lock app --check").text();
    place.keyfill("lock app").text();
    assert_eq!(place.read("keyfill.lock"), lock(&all.digest.to_string()), "it is left as it is");
    place.keyfill("lock app --update").text();
    assert_eq!(folders(&place), ["base", "base/files", "other"]);
    let wrong = crate::partial::place(&server, "other")
        .file("keyfill.lock", lock(&format!("sha256:{}", "0".repeat(64))));
    let told = wrong.keyfill("render app").refused(6);
    assert!(told.contains("are not the locked ones"), "{told}");
}

#[test]
fn an_official_kustomize_and_vendoring_get_the_locked_folders() {
    let (Some(server), Some(kustomize)) = (filtering(), oracle("kustomize")) else { return };
    let place = place(&server, "other").env("KEYFILL_KUSTOMIZE", &kustomize.display().to_string());
    place.keyfill("lock app").text();
    let ours = place.keyfill("render app --fetch locked").text();
    server.server().forget();
    for engine in ["exec", "verify"] {
        assert_eq!(place.keyfill(&format!("render app --engine {engine} --fetch locked")).text(), ours);
    }
    place.keyfill("vendor app --bases").text();
    assert!(server.server().seen().is_empty());
    assert_eq!(place.run(&kustomize, "build app").text(), ours);
}

#[test]
fn a_login_is_sent_with_every_request_and_shown_in_no_message() {
    let Some(server) = GitServer::start(Some(LOGIN)) else { return };
    fill(&server);
    server.allow_filters("shop");
    let place = place(&server, "other");
    let told = place.keyfill("render app --deadline 6s").refused(5);
    assert!(told.contains("answered 401") && told.contains("app/kustomization.yaml:2"), "{told}");
    let login = server.server().address().replace("http://", &format!("http://user:{PASSWORD}@"));
    std::fs::write(place.home().join(".git-credentials"), format!("{login}\n")).unwrap();
    let ended = place.keyfill("render app");
    assert!(!ended.stderr.contains(PASSWORD), "{}", ended.stderr);
    ended.text();
    assert!(place.kept(UNREAD).is_empty());
    // A run without the login does not get from the cache what was fetched with it.
    place.keyfill("lock app").text();
    std::fs::remove_file(place.home().join(".git-credentials")).unwrap();
    place.keyfill("render app --deadline 6s").refused(5);
}
