//! The official binaries get what keyfill fetched, and need no network.

use crate::place::{Place, repository};
use keyfill_testkit::{GitServer, Server, oracle};

fn place(server: &Server) -> Option<Place> {
    let (helm, kustomize) = (oracle("helm")?, oracle("kustomize")?);
    let charts = format!("{}/charts", server.address());
    let place = Place::new(&[&server.address()])
        .env("KEYFILL_HELM", &helm.display().to_string())
        .env("KEYFILL_KUSTOMIZE", &kustomize.display().to_string())
        .file(
            "chart/Chart.yaml",
            format!("apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {{name: lib, version: ^1, repository: '{charts}'}}\n"),
        )
        .file(
            "app/kustomization.yaml",
            format!("helmCharts:\n- {{name: lib, version: 1.2.0, repo: '{charts}', releaseName: r}}\nnamePrefix: x-\n"),
        );
    Some(place)
}

#[test]
fn an_official_binary_gets_the_locked_charts_and_no_request_is_sent() {
    let server = Server::of_files(repository(&[("lib", "1.2.0"), ("lib", "1.10.0")]));
    let Some(place) = place(&server) else { return };
    place.keyfill("lock --all").text();
    for line in ["render chart --helm-compat 3", "render app --enable-helm --helm-compat 3"] {
        let ours = place.keyfill(line).text();
        server.forget();
        assert_eq!(place.keyfill(&format!("{line} --engine exec --fetch locked")).text(), ours);
        assert_eq!(place.keyfill(&format!("{line} --engine verify --fetch locked")).text(), ours);
        assert!(server.seen().is_empty(), "{line}");
    }
    assert_eq!(place.names("app"), ["kustomization.yaml"]);
}

#[test]
fn an_official_binary_does_not_fetch_what_is_not_locked() {
    let server = Server::of_files(repository(&[("lib", "1.2.0")]));
    let Some(place) = place(&server) else { return };
    for line in ["render chart", "render app --enable-helm"] {
        for engine in ["exec", "auto", "verify"] {
            let told = place.keyfill(&format!("{line} --engine {engine} --fetch locked")).refused(6);
            assert!(told.contains("is not in keyfill.lock"), "{line} {engine}: {told}");
        }
    }
    assert!(server.seen().is_empty());
}

#[test]
fn an_official_kustomize_gets_the_locked_bases_and_clones_nothing() {
    let (Some(kustomize), Some(server)) = (oracle("kustomize"), GitServer::start(None)) else { return };
    let map =
        |value: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  v: {value}\n");
    server.commit(
        "shop",
        &[("base/kustomization.yaml", "resources: [cm.yaml]\n"), ("base/cm.yaml", &map("one"))],
    );
    let place = Place::new(&[&server.server().address()])
        .env("KEYFILL_KUSTOMIZE", &kustomize.display().to_string())
        .file(
            "app/kustomization.yaml",
            format!("resources: ['{}//base?ref=main']\nnamePrefix: x-\n", server.url("shop")),
        );
    place.keyfill("lock app").text();
    let ours = place.keyfill("render app").text();
    server.commit("shop", &[("base/cm.yaml", &map("two"))]);
    server.server().forget();
    for engine in ["exec", "verify"] {
        assert_eq!(place.keyfill(&format!("render app --engine {engine} --fetch locked")).text(), ours);
    }
    assert!(server.server().seen().is_empty());
}

#[test]
fn an_official_kustomize_that_would_clone_by_itself_is_not_started() {
    let (Some(kustomize), Some(server)) = (oracle("kustomize"), GitServer::start(None)) else { return };
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    server.commit("shop", &[("base/kustomization.yaml", "resources: [cm.yaml]\n"), ("base/cm.yaml", map)]);
    let layout = format!("resources: ['{}//base?ref=main']\n", server.url("shop"));
    let place = Place::new(&[&server.server().address()])
        .env("KEYFILL_KUSTOMIZE", &kustomize.display().to_string())
        .file("app/kustomization.yaml", &layout);
    place.keyfill("lock app").text();
    // The lock file names the base, but the cache and the server no longer have it.
    std::fs::remove_dir_all(place.home().join(".cache")).unwrap();
    std::fs::remove_dir_all(server.bare("shop")).unwrap();
    server.server().forget();
    for engine in ["exec", "verify"] {
        let ended = place.keyfill(&format!("render app --engine {engine} --fetch locked --deadline 5s"));
        assert!(ended.code != 0 && ended.stdout.is_empty(), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("cannot be fetched") && !ended.stderr.contains("kustomize failed"),
            "{}",
            ended.stderr
        );
    }
    assert!(server.server().seen().iter().all(|seen| seen.headers["user-agent"].contains("keyfill")));
}

#[test]
fn origins_and_transformations_of_locked_bases_are_the_same_as_when_kustomize_clones_them() {
    let (Some(kustomize), Some(server)) = (oracle("kustomize"), GitServer::start(None)) else { return };
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    let generates = "resources: [cm.yaml, ../other]\nconfigMapGenerator: [{name: made, literals: [a=b]}]\n";
    server.commit(
        "shop",
        &[
            ("base/kustomization.yaml", generates),
            ("base/cm.yaml", map),
            ("other/kustomization.yaml", "resources: [cm.yaml]\nnamePrefix: o-\n"),
            ("other/cm.yaml", map),
        ],
    );
    server.commit(
        "root",
        &[
            ("kustomization.yaml", "resources: [cm.yaml]\nnamePrefix: r-\n"),
            ("cm.yaml", map),
            ("part/kustomization.yaml", "resources: [cm.yaml]\nnamePrefix: p-\n"),
            ("part/cm.yaml", map),
        ],
    );
    let place = Place::new(&[&server.server().address()])
        .env("KEYFILL_KUSTOMIZE", &kustomize.display().to_string())
        .file("app/own.yaml", map.replace("name: a", "name: own"))
        .file(
            "app/kustomization.yaml",
            format!(
                "resources: [own.yaml, '{}//base?ref=main', '{}', '{}//part']\nnamePrefix: x-\nbuildMetadata: [METADATA]\n",
                server.url("shop"),
                server.url("root"),
                server.url("root")
            ),
        );
    let layout = place.read("app/kustomization.yaml");
    for metadata in
        ["originAnnotations", "transformerAnnotations", "originAnnotations, transformerAnnotations"]
    {
        place.write("app/kustomization.yaml", layout.replace("METADATA", metadata));
        place.keyfill("lock app").text();
        let theirs = place.run(&kustomize, "build app").text();
        assert!(theirs.contains("repo: ") && theirs.contains("ref: main"), "{theirs}");
        server.server().forget();
        for engine in ["native", "exec", "verify"] {
            let ours = place.keyfill(&format!("render app --engine {engine} --fetch locked")).text();
            assert_eq!(ours, theirs, "{engine} {metadata}");
        }
        assert!(server.server().seen().is_empty());
    }
}
