//! Repositories over ssh, from a real sshd.

use crate::place::Place;
use keyfill_testkit::{GitServer, Sshd, oracle};
use std::path::Path;
use std::time::{Duration, Instant};

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";

/// Repositories, and an sshd on the same machine.
fn served(version_2: bool) -> Option<(GitServer, Sshd)> {
    let (git, ssh) = (GitServer::start(None)?, Sshd::start(version_2)?);
    git.commit("shop", &[("base/kustomization.yaml", "resources: [cm.yaml]\n"), ("base/cm.yaml", MAP)]);
    Some((git, ssh))
}

fn url(git: &GitServer, ssh: &Sshd) -> String {
    format!("{}{}", ssh.address(), git.bare("shop").display())
}

/// A work tree with an app whose base is fetched over ssh, with a key that the administrator configured.
fn place(git: &GitServer, ssh: &Sshd, key: &Path, reference: &str) -> Place {
    let layout = format!("resources:\n- {}//base?ref={reference}\n", url(git, ssh));
    Place::new(&[&ssh.address()])
        .env("KEYFILL_FETCH_SSH", "/usr/bin/ssh")
        .env("KEYFILL_FETCH_SSH_KEY", &key.display().to_string())
        .env("KEYFILL_FETCH_SSH_KNOWN_HOSTS", &ssh.known_hosts().display().to_string())
        .file("app/kustomization.yaml", layout)
}

/// Asserts that the run fails with this exit code and words, and stores nothing.
fn refused(place: &Place, code: i32, says: &[&str]) {
    let told = place.keyfill("render app --deadline 20s --engine native").refused(code);
    for words in says.iter().chain(&["app/kustomization.yaml:2"]) {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(place.kept("ConfigMap").is_empty());
}

#[test]
fn a_base_over_ssh_builds_as_with_the_official_kustomize_and_is_locked() {
    let (Some((git, ssh)), Some(kustomize)) = (served(true), oracle("kustomize")) else { return };
    git.git("shop", &["tag", "v1.0.0"]);
    git.git("shop", &["push", "-q", "origin", "v1.0.0"]);
    let commit = git.git("shop", &["rev-parse", "HEAD"]).trim().to_owned();
    for reference in ["main", "v1.0.0", &commit] {
        let place = place(&git, &ssh, &ssh.key(), reference);
        let ours = place.keyfill("render app").text();
        let command = format!(
            "ssh -F none -i {} -o UserKnownHostsFile={}",
            ssh.key().display(),
            ssh.known_hosts().display()
        );
        let place = place.env("GIT_SSH_COMMAND", &command);
        assert_eq!(place.run(&kustomize, "build app").text(), ours, "{reference}");
        place.keyfill("lock app").text();
        let lock = place.read("keyfill.lock");
        assert!(lock.contains(&commit) && lock.contains("url: ssh://"), "{lock}");
        assert_eq!(place.keyfill("render app --fetch locked").text(), ours);
    }
}

#[test]
fn ssh_is_used_only_if_an_administrator_lists_the_user_and_the_host() {
    let Some((git, ssh)) = served(true) else { return };
    let place = place(&git, &ssh, &ssh.key(), "main");
    let hosts = |hosts: &str| Place::new(&[]).env("KEYFILL_FETCH_HOSTS", hosts);
    let layout = place.read("app/kustomization.yaml");
    let (_, host) = ssh.address().split_once('@').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    for listed in
        ["https://github.com/*".to_owned(), format!("ssh://other@{host}/*"), format!("ssh://{host}/*")]
    {
        let other = hosts(&listed)
            .env("KEYFILL_FETCH_SSH", "/usr/bin/ssh")
            .env("KEYFILL_FETCH_SSH_KEY", &ssh.key().display().to_string())
            .env("KEYFILL_FETCH_SSH_KNOWN_HOSTS", &ssh.known_hosts().display().to_string())
            .file("app/kustomization.yaml", &layout);
        refused(&other, 6, &["is not among the URLs that may be fetched"]);
    }
    // Without the ssh program, no request is sent.
    let other = hosts(&format!("{}/*", ssh.address())).file("app/kustomization.yaml", &layout);
    refused(&other, 6, &["KEYFILL_FETCH_SSH"]);
    let other = hosts(&format!("{}/*", ssh.address()))
        .env("KEYFILL_FETCH_SSH", "/usr/bin/ssh")
        .file("app/kustomization.yaml", &layout);
    let told = other.keyfill("render app").refused(2);
    assert!(told.contains("KEYFILL_FETCH_SSH_KEY"), "{told}");
}

#[test]
fn an_error_of_an_ssh_server_is_reported_with_the_line_that_refers_to_it() {
    let Some((git, ssh)) = served(true) else { return };
    // A key that the server does not accept.
    refused(&place(&git, &ssh, &ssh.other_key(), "main"), 5, &["ssh failed", "Permission denied"]);
    // A server with another host key.
    let other_host = ssh.folder().join("others");
    std::fs::write(&other_host, "").unwrap();
    let unknown = place(&git, &ssh, &ssh.key(), "main")
        .env("KEYFILL_FETCH_SSH_KNOWN_HOSTS", &other_host.display().to_string());
    refused(&unknown, 5, &["ssh failed", "host key"]);
    // References and repositories that do not exist.
    refused(&place(&git, &ssh, &ssh.key(), "gone"), 3, &["it has no branch, tag or commit gone"]);
    let missing = place(&git, &ssh, &ssh.key(), "main");
    let layout = missing.read("app/kustomization.yaml").replace("shop.git", "gone.git");
    missing.write("app/kustomization.yaml", layout);
    refused(&missing, 5, &["ssh failed"]);
    // A path with a quote, which would end the quoted argument, is refused.
    let hostile = place(&git, &ssh, &ssh.key(), "main");
    let layout = hostile.read("app/kustomization.yaml").replace("shop.git", "a';touch pwned;'.git");
    hostile.write("app/kustomization.yaml", layout);
    let ended = hostile.keyfill("render app --engine native");
    assert!(matches!(ended.code, 3 | 6) && ended.stdout.is_empty(), "{}", ended.stderr);
    assert!(!Path::new("pwned").exists());
}

#[test]
fn a_server_without_protocol_version_2_is_reported_as_such() {
    let Some((git, ssh)) = served(false) else { return };
    let ended = place(&git, &ssh, &ssh.key(), "main").keyfill("render app --deadline 20s");
    assert_eq!((ended.code, ended.stdout.as_str()), (5, ""), "{}", ended.stderr);
    for words in ["app/kustomization.yaml:2", "AcceptEnv"] {
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
}

#[cfg(unix)]
#[test]
fn an_ssh_program_that_does_not_end_is_killed_with_its_child_processes() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some((git, ssh)) = served(true) else { return };
    let script = ssh.folder().join("slow");
    let pids = ssh.folder().join("pids");
    std::fs::write(&script, format!("#!/bin/sh\n/bin/sleep 600 &\necho $! $$ > {}\nwait\n", pids.display()))
        .unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let place = place(&git, &ssh, &ssh.key(), "main").env("KEYFILL_FETCH_SSH", &script.display().to_string());
    let started = Instant::now();
    let told = place.keyfill("render app --deadline 3s").refused(5);
    assert!(told.contains("before the deadline"), "{told}");
    assert!(started.elapsed() < Duration::from_secs(20));
    for pid in std::fs::read_to_string(&pids).unwrap().split_whitespace() {
        let gone = || {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            status.is_empty() || status.contains("State:\tZ")
        };
        let waited = Instant::now();
        while !gone() {
            assert!(waited.elapsed() < Duration::from_secs(5), "{pid} still runs");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
