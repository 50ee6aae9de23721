//! Temporary network faults: requests are repeated, and incomplete responses are not stored.

use crate::place::{Place, chart, repository};
use keyfill_testkit::{Fault, GitServer, Proxy, Server};

/// Makes a fault. Each rule of the proxy needs a new one.
type Make = fn() -> Fault;

fn faults() -> [(&'static str, Make); 4] {
    [
        ("reset", || Fault::Reset),
        ("reset in the body", || Fault::ResetInBody),
        ("503", || Fault::Status(503, None)),
        ("429", || Fault::Status(429, Some("0"))),
    ]
}

#[test]
fn a_chart_is_fetched_despite_one_fault_for_index_and_archive() {
    for (name, fault) in faults() {
        let server = Server::of_files(repository(&[("lib", "1.0.0")]));
        let proxy = Proxy::start(server.host());
        proxy.on("/charts/index.yaml", 0, 1, fault());
        proxy.on("/charts/lib-1.0.0.tgz", 0, 1, fault());
        let place = Place::new(&[&proxy.address()]).file(
            "app/Chart.yaml",
            format!(
                "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {{name: lib, version: ^1, repository: '{}/charts'}}\n",
                proxy.address()
            ),
        );
        let ended = place.keyfill("render app");
        assert_eq!(ended.code, 0, "{name}: {}", ended.stderr);
        let whole = chart("lib", "1.0.0");
        let kept = place.kept("").into_iter().map(|path| std::fs::read(path).unwrap());
        assert!(
            kept.filter(|content| content.starts_with(b"\x1f\x8b")).all(|content| content == whole),
            "{name}"
        );
    }
}

#[test]
fn a_base_is_fetched_despite_one_fault_for_each_request() {
    for (name, fault) in faults() {
        let Some(server) = GitServer::start(None) else { return };
        let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
        server
            .commit("shop", &[("base/kustomization.yaml", "resources: [cm.yaml]\n"), ("base/cm.yaml", map)]);
        server.allow_filters("shop");
        let proxy = Proxy::start(server.server().host());
        proxy.on("/shop.git/info/refs", 0, 1, fault());
        proxy.on("/shop.git/git-upload-pack", 0, 1, fault());
        proxy.on("/shop.git/git-upload-pack", 1, 1, fault());
        proxy.on("/shop.git/git-upload-pack", 2, 1, fault());
        let place = Place::new(&[&proxy.address()]).file(
            "app/kustomization.yaml",
            format!("resources: ['{}/shop.git//base?ref=main']\n", proxy.address()),
        );
        let ended = place.keyfill("render app");
        assert_eq!(ended.code, 0, "{name}: {}", ended.stderr);
    }
}

#[test]
fn what_was_fetched_before_is_used_while_its_server_is_down() {
    let server = Server::of_files(repository(&[("lib", "1.0.0")]));
    let proxy = Proxy::start(server.host());
    let place = Place::new(&[&proxy.address()]).file(
        "app/Chart.yaml",
        format!(
            "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {{name: lib, version: ^1, repository: '{}/charts'}}\n",
            proxy.address()
        ),
    );
    let first = place.keyfill("render app").text();
    proxy.on("", 0, usize::MAX, Fault::Status(503, None));
    // `lock` sends requests even if the cache has recent results.
    let ended = place.keyfill("lock app --deadline 6s");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(place.keyfill("render app --fetch locked").text(), first);
}

#[test]
fn processes_that_write_one_cache_and_are_killed_leave_it_usable() {
    let names: Vec<String> = (0..12).map(|n| format!("lib{n}")).collect();
    let charts: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1.0.0")).collect();
    let server = Server::of_files(repository(&charts));
    let place = Place::new(&[&server.address()]);
    let address = server.address();
    let entry =
        |name: &String| format!("- {{name: {name}, version: 1.0.0, repository: '{address}/charts'}}\n");
    let dependencies: String = names.iter().map(entry).collect();
    let place = place.file(
        "app/Chart.yaml",
        format!("apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n{dependencies}"),
    );
    let start = std::time::Instant::now();
    place.keyfill("lock app").text();
    let took = start.elapsed();
    let expected = place.keyfill("render app").text();
    let mut killed = 0;
    for round in 0..10 {
        std::fs::remove_dir_all(place.home()).unwrap();
        std::fs::create_dir(place.home()).unwrap();
        let [mut first, mut second] = [place.start("render app"), place.start("render app")];
        std::thread::sleep(took * round / 10);
        if first.try_wait().unwrap().is_none() {
            killed += 1;
        }
        first.kill().unwrap();
        first.wait().unwrap();
        assert!(second.wait().unwrap().success(), "round {round}: a writer beside it was killed");
        assert_eq!(place.keyfill("render app").text(), expected, "round {round}");
        let requests = server.seen().len();
        assert_eq!(place.keyfill("render app --fetch locked").text(), expected, "round {round}");
        assert_eq!(server.seen().len(), requests, "round {round}: everything is in the cache");
    }
    assert!(killed > 0, "none was killed while it wrote");
}
