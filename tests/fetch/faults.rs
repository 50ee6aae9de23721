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
