//! `keyfill.lock`: what is locked never changes, is fetched once, and is updated only by `keyfill lock`.

use crate::place::{Place, chart, repository};
use keyfill_testkit::{GitServer, Page, Server};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A server whose files a test changes.
struct Changing {
    server: Server,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Changing {
    fn start(files: BTreeMap<String, Vec<u8>>) -> Self {
        let files = Arc::new(Mutex::new(files));
        let served = Arc::clone(&files);
        let server = Server::start(move |seen, _| {
            let path = seen.path.split('?').next().unwrap_or_default();
            served.lock().unwrap().get(path).map_or_else(|| Page::status(404), |body| Page::ok(body.clone()))
        });
        Self { server, files }
    }

    fn set(&self, files: BTreeMap<String, Vec<u8>>) {
        *self.files.lock().unwrap() = files;
    }
}

fn app(url: &str) -> String {
    format!(
        "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n\
         - {{name: lib, version: ^1, repository: '{url}/charts'}}\n\
         - {{name: other, version: '*', repository: '{url}/charts'}}\n"
    )
}

fn place(server: &Changing) -> Place {
    let address = server.server.address();
    Place::new(&[&address]).file("app/Chart.yaml", app(&address))
}

#[test]
fn what_is_locked_stays_until_it_is_updated() {
    let server = Changing::start(repository(&[("lib", "1.2.0"), ("other", "1.0.0")]));
    let place = place(&server);
    let ended = place.keyfill("render app");
    assert!(
        ended.stderr.contains("fetched without a lock") && ended.stderr.contains("keyfill lock"),
        "{}",
        ended.stderr
    );
    assert!(place.keyfill("lock app").text().contains("2 charts"));
    let lock = place.read("keyfill.lock");
    let locked = place.keyfill("render app");
    assert_eq!(locked.stderr, "", "no note where all is locked");
    let first = locked.text();
    server.set(repository(&[("lib", "1.2.0"), ("lib", "1.9.0"), ("other", "1.0.0"), ("other", "2.0.0")]));
    server.server.forget();
    assert_eq!(place.keyfill("render app --fetch locked").text(), first);
    assert!(server.server.seen().is_empty(), "warm with a lock there is no request");
    assert!(place.keyfill("lock app").text().contains("up to date"));
    assert_eq!(place.read("keyfill.lock"), lock);
    place.keyfill("lock app --update lib").text();
    let text = place.read("keyfill.lock");
    assert!(text.contains("1.9.0") && !text.contains("2.0.0"), "{text}");
    place.keyfill("lock app --update").text();
    assert!(place.read("keyfill.lock").contains("2.0.0"));
    let told = place.keyfill("lock app --update nobody").refused(2);
    assert!(told.contains("nothing that is called nobody"), "{told}");
}

#[test]
fn another_archive_under_a_locked_version_is_refused_and_not_stored() {
    let server = Changing::start(repository(&[("lib", "1.2.0"), ("other", "1.0.0")]));
    let place = place(&server);
    place.keyfill("lock app").text();
    let mut files = repository(&[("lib", "1.2.0"), ("other", "1.0.0")]);
    let evil = chart("lib", "6.6.6");
    files.insert("/charts/lib-1.2.0.tgz".into(), evil.clone());
    server.set(files);
    let elsewhere = Place::new(&[&server.server.address()])
        .file("app/Chart.yaml", app(&server.server.address()))
        .file("keyfill.lock", place.read("keyfill.lock"));
    let told = elsewhere.keyfill("render app").refused(6);
    assert!(told.contains("is not the locked one") && told.contains("app/Chart.yaml:5"), "{told}");
    assert!(elsewhere.kept("").iter().all(|path| std::fs::read(path).unwrap() != evil));
}

#[test]
fn a_check_of_the_lock_names_stale_entries_and_sends_no_request() {
    let server = Changing::start(repository(&[("lib", "1.2.0"), ("other", "1.0.0")]));
    let place = place(&server);
    let told = place.keyfill("lock app --check").refused(4);
    assert!(told.contains("app/Chart.yaml:5") && told.contains("app/Chart.yaml:6"), "{told}");
    place.keyfill("lock app").text();
    server.server.forget();
    assert!(place.keyfill("lock app --check").text().contains("fits"));
    assert!(place.keyfill("lock --all --check").text().contains("fits"));
    assert!(server.server.seen().is_empty());
    place.write("app/Chart.yaml", app(&server.server.address()).replace("^1", "^1.2"));
    let told = place.keyfill("lock app --check").refused(4);
    assert!(told.contains("lib ^1.2") && told.contains("keyfill lock"), "{told}");
    place.keyfill("lock app").text();
    let told = place.keyfill("lock --all --check").refused(4);
    assert!(told.contains("which nothing asks for"), "{told}");
    place.keyfill("lock --all").text();
    assert!(!place.read("keyfill.lock").contains("\"^1\""));
    place.keyfill("lock --all --check").text();
}

#[test]
fn a_new_commit_of_a_branch_is_used_only_after_an_update() {
    let Some(server) = GitServer::start(None) else { return };
    let map = |value: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{v: {value}}}\n")
    };
    server.commit(
        "shop",
        &[("base/kustomization.yaml", "resources: [cm.yaml]\n"), ("base/cm.yaml", &map("one"))],
    );
    let place = Place::new(&[&server.server().address()])
        .file("app/kustomization.yaml", format!("resources:\n- {}//base?ref=main\n", server.url("shop")));
    place.keyfill("lock --all").text();
    server.commit("shop", &[("base/cm.yaml", &map("two"))]);
    server.server().forget();
    assert!(place.keyfill("render app").text().contains("v: one"));
    assert!(server.server().seen().is_empty());
    place.keyfill("lock app --update shop").text();
    assert!(place.keyfill("render app").text().contains("v: two"));
    // Another machine, which has only the lock file, gets the same commit.
    let elsewhere = Place::new(&[&server.server().address()])
        .file("app/kustomization.yaml", place.read("app/kustomization.yaml"))
        .file("keyfill.lock", place.read("keyfill.lock"));
    server.commit("shop", &[("base/cm.yaml", &map("three"))]);
    assert!(elsewhere.keyfill("render app --fetch locked").text().contains("v: two"));
}
