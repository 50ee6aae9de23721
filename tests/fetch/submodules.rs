//! Submodules are fetched if a path leads into one, from the address in `.gitmodules`, if the host policy allows it.

use crate::place::Place;
use keyfill_testkit::{GitServer, oracle};

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";

/// Adds a submodule to a repository, as `git submodule add` does, with `url` as its address in `.gitmodules`.
fn add_submodule(server: &GitServer, name: &str, path: &str, of: &str, url: &str) {
    server.git(name, &["-c", "protocol.file.allow=always", "submodule", "add", "-q", &server.url(of), path]);
    server.git(name, &["config", "-f", ".gitmodules", &format!("submodule.{path}.url"), url]);
    server.commit(name, &[]);
}

/// A server with the repository `app`, which has the submodule `lib`, which has the submodule `deep`.
fn repositories() -> Option<GitServer> {
    let server = GitServer::start(None)?;
    let deep = MAP.replace("name: a", "name: deep");
    server.commit("deep", &[("base/kustomization.yaml", "resources: [cm.yaml]\n"), ("base/cm.yaml", &deep)]);
    let lib = MAP.replace("name: a", "name: lib");
    server.commit("lib", &[("base/kustomization.yaml", "resources: [cm.yaml]\n"), ("base/cm.yaml", &lib)]);
    add_submodule(&server, "lib", "deep", "deep", &server.url("deep"));
    server.commit(
        "app",
        &[
            ("own/kustomization.yaml", "resources: [cm.yaml]\n"),
            ("own/cm.yaml", MAP),
            ("base/kustomization.yaml", "resources: [../vendor/lib/base, ../own]\nnamePrefix: x-\n"),
        ],
    );
    add_submodule(&server, "app", "vendor/lib", "lib", "../lib.git");
    Some(server)
}

fn place(server: &GitServer, path: &str) -> Place {
    let layout = format!("resources:\n- {}//{path}\n", server.url("app"));
    Place::new(&[&server.server().address()]).file("app/kustomization.yaml", layout)
}

#[test]
fn paths_into_submodules_build_as_with_the_official_kustomize() {
    let (Some(server), Some(kustomize)) = (repositories(), oracle("kustomize")) else { return };
    for path in ["base", "vendor/lib/base?ref=main", "vendor/lib/deep/base", "own?submodules=false"] {
        let place = place(&server, path);
        let ours = place.keyfill("render app").text();
        assert_eq!(ours, place.run(&kustomize, "build app").text(), "{path}");
    }
    let left_out = place(&server, "base?submodules=false");
    assert_ne!(left_out.run(&kustomize, "build app").code, 0);
    let told = left_out.keyfill("render app").refused(3);
    assert!(told.contains("no such file or folder"), "{told}");
}

#[test]
fn a_submodule_that_no_path_leads_into_is_not_fetched() {
    let Some(server) = repositories() else { return };
    server.server().forget();
    place(&server, "own").keyfill("render app").text();
    assert_eq!((server.server().count("/lib.git"), server.server().count("/deep.git")), (0, 0));
    place(&server, "base").keyfill("render app").text();
    assert!(server.server().count("/lib.git") > 0);
    assert_eq!(server.server().count("/deep.git"), 0);
}

#[test]
fn a_submodule_is_locked_and_vendored_as_a_repository_is() {
    let Some(server) = repositories() else { return };
    let place = place(&server, "base?ref=main");
    let ours = place.keyfill("render app").text();
    place.keyfill("lock app").text();
    let lock = place.read("keyfill.lock");
    assert!(lock.contains(&server.url("lib")) && lock.contains(&server.url("app")), "{lock}");
    server.server().forget();
    assert_eq!(place.keyfill("render app --fetch locked").text(), ours);
    assert!(server.server().seen().is_empty());
    place.keyfill("vendor app --bases").text();
    assert_eq!(place.keyfill("render app --fetch off").text(), ours);
    place.keyfill("vendor app --bases --check").text();
}

#[test]
fn the_host_policy_applies_to_a_submodule() {
    let (Some(server), Some(other)) = (repositories(), GitServer::start(None)) else { return };
    other.commit("lib", &[("base/kustomization.yaml", "resources: []\n")]);
    for (url, says) in [
        (other.url("lib"), "is not among the URLs that may be fetched"),
        ("http://169.254.169.254/lib".to_owned(), "is not among the URLs that may be fetched"),
        ("/etc".to_owned(), "repositories at an https address"),
        ("ext::sh -c true".to_owned(), "repositories at an https address"),
        ("-oProxyCommand=x".to_owned(), "names no address"),
        ("../../../x".to_owned(), "leaves the host"),
    ] {
        server.git("app", &["config", "-f", ".gitmodules", "submodule.vendor/lib.url", &url]);
        server.commit("app", &[]);
        let place = place(&server, "base");
        let ended = place.keyfill("render app --engine native");
        let told = &ended.stderr;
        assert!(matches!(ended.code, 3 | 6) && ended.stdout.is_empty(), "{url}: {told}");
        for words in [says, "the submodule vendor/lib of ", "kustomization.yaml"] {
            assert!(told.contains(words), "{url}: {words}: {told}");
        }
    }
    assert!(other.server().seen().is_empty());
}

#[test]
fn a_submodule_that_gitmodules_does_not_name_is_an_error() {
    let Some(server) = repositories() else { return };
    server.git("app", &["config", "-f", ".gitmodules", "submodule.vendor/lib.path", "elsewhere"]);
    server.commit("app", &[]);
    let told = place(&server, "base").keyfill("render app").refused(3);
    assert!(told.contains("does not say where it is cloned from"), "{told}");
}

#[test]
fn a_commit_that_the_repository_of_a_submodule_does_not_have_is_an_error() {
    let Some(server) = repositories() else { return };
    let missing = format!("160000,{},vendor/lib", "1".repeat(40));
    server.git("app", &["update-index", "--cacheinfo", &missing]);
    server.git("app", &["commit", "-q", "-m", "missing"]);
    server.git("app", &["push", "-q", "origin", "main"]);
    let ended = place(&server, "base").keyfill("render app --deadline 4s");
    assert!(matches!(ended.code, 3 | 5) && ended.stdout.is_empty(), "{}", ended.stderr);
    assert!(ended.stderr.contains("the submodule vendor/lib of "), "{}", ended.stderr);
}
