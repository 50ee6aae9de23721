//! How a server starts and ends.

use crate::{SECRETS, Server, TEAM, app, log_of, manifest, over_file_with, spawn};
use keyfill_testkit::{oracle, workspace};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[test]
fn the_socket_of_a_killed_server_is_replaced() {
    let Some(client) = oracle("cmp-client") else { return };
    let (dir, secrets) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let file = secrets.path().join("s.yaml");
    std::fs::write(&file, SECRETS).expect("a file");
    let name = file.to_string_lossy().into_owned();
    let vars = [("KEYFILL_SOURCE", "file"), ("KEYFILL_SECRETS_FILE", name.as_str())];
    let mut killed = Server { child: spawn(dir.path(), &vars, &[]), dir, client };
    killed.wait_for_socket();
    killed.child.kill().expect("it can be killed");
    killed.child.wait().expect("it ends");
    assert!(killed.socket("keyfill").exists(), "kill -9 leaves the file");
    killed.child = spawn(killed.dir.path(), &vars, &["--alias", "avp-kustomize"]);
    killed.wait_for_socket();
    assert!(killed.socket("avp-kustomize").exists());
    let app = app("secret/data/team/app");
    assert_eq!(killed.call(app.path(), &["-path", "app"], TEAM)["one"], manifest("alice-value"));
    let second = spawn(killed.dir.path(), &vars, &[]).wait().expect("it ends");
    assert!(!second.success(), "a socket that answers is not taken away");
}

#[test]
fn serve_does_not_start_without_a_rule_for_paths() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut child = spawn(
        dir.path(),
        &[("KEYFILL_ALLOWED_PATHS", ""), ("VAULT_ADDR", "http://127.0.0.1:9"), ("VAULT_TOKEN", "t")],
        &[],
    );
    let (status, said) = (child.wait().expect("it ends"), log_of(dir.path()));
    assert!(status.code() == Some(2) && said.contains("KEYFILL_ALLOWED_PATHS"), "{said}");
}

#[test]
fn after_sigterm_the_server_answers_while_requests_still_come() {
    let Some((mut server, _secrets)) = over_file_with(&["--grace", "16s"]) else { return };
    let app = app("secret/data/team/app");
    let (end, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !end.load(Ordering::Relaxed) {
                    // Each call opens its own connection, as repo-server does.
                    let answer = server.call(app.path(), &["-path", "app"], TEAM);
                    assert_eq!(answer["one"], manifest("alice-value"), "{answer}");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        std::thread::sleep(Duration::from_millis(500));
        server.terminate();
        let before = answered.load(Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(1_500));
        end.store(true, Ordering::Relaxed);
        assert!(answered.load(Ordering::Relaxed) > before, "nothing was answered after SIGTERM");
    });
    let start = Instant::now();
    assert!(server.child.wait().expect("it ends").success());
    assert!(start.elapsed() < Duration::from_secs(8), "it waited for nobody: {:?}", start.elapsed());
    assert!(!server.socket("keyfill").exists(), "its socket is removed");
}

#[test]
fn idle_connections_are_closed_at_the_end_of_the_grace_period() {
    let Some((mut server, _secrets)) = over_file_with(&["--grace", "4s"]) else { return };
    let idle = std::os::unix::net::UnixStream::connect(server.socket("keyfill")).expect("it answers");
    let start = Instant::now();
    server.terminate();
    assert!(server.child.wait().expect("it ends").success());
    assert!((3..6).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    drop(idle);
}

#[test]
fn a_server_that_ends_leaves_its_successors_socket() {
    let Some((mut server, secrets)) = over_file_with(&["--grace", "8s"]) else { return };
    let socket = server.socket("keyfill");
    let idle = std::os::unix::net::UnixStream::connect(&socket).expect("it answers");
    server.terminate();
    let start = Instant::now();
    while socket.exists() {
        assert!(start.elapsed() < Duration::from_secs(8), "the socket goes before the listener closes");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(server.child.try_wait().expect("its state").is_none(), "the idle connection holds it");
    let file = secrets.path().join("secrets.yaml").to_string_lossy().into_owned();
    let vars = [("KEYFILL_SOURCE", "file"), ("KEYFILL_SECRETS_FILE", file.as_str())];
    let successor = spawn(server.dir.path(), &vars, &[]);
    let mut ended = std::mem::replace(&mut server.child, successor);
    server.wait_for_socket();
    assert!(ended.wait().expect("it ends").success());
    let app = app("secret/data/team/app");
    assert_eq!(server.call(app.path(), &["-path", "app"], TEAM)["one"], manifest("alice-value"));
    drop(idle);
}

#[test]
fn every_metric_is_documented() {
    let flags = ["--metrics", "127.0.0.1:0", "--refs"];
    let Some((server, _secrets)) = over_file_with(&flags) else { return };
    let documented = std::fs::read_to_string(workspace().join("docs/serve.md")).expect("it is there");
    // Metrics by app are present after the first request.
    server.call(app("secret/data/team/app").path(), &["-path", "app"], TEAM);
    let page = server.metrics();
    let names: Vec<&str> =
        page.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(names.len() > 10, "{page}");
    for name in &names {
        assert!(documented.contains(&format!("| `{name}` |")), "docs/serve.md does not say what {name} is");
    }
    assert_eq!(
        documented.matches("| `keyfill_").count(),
        names.len(),
        "docs/serve.md names a metric too many"
    );
}
