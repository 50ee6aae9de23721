//! Workers that crash or take too much: what happens to their request, to other requests, and to the server.

use crate::{Server, TEAM, app, command, manifest, over_file_with};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

const METRICS: &[&str] = &["--metrics", "127.0.0.1:0", "--deadline", "4s"];

/// A server whose workers can be told to fail. Release builds cannot do that; there these tests are skipped.
fn server(args: &[&str]) -> Option<(Server, tempfile::TempDir)> {
    if !cfg!(debug_assertions) {
        // Written directly, since the test harness would capture it.
        let said = b"left out: faults on demand are for debug builds\n";
        std::io::Write::write_all(&mut std::io::stderr().lock(), said).expect("stderr is open");
        return None;
    }
    over_file_with(&[METRICS, args].concat())
}

/// The answer to a request whose worker fails in this way.
fn with_fault(server: &Server, folder: &Path, fault: &str) -> Value {
    let fault = format!("ARGOCD_ENV_KEYFILL_TEST_FAULT={fault}");
    server.call(folder, &["-path", "app"], &[TEAM, &[fault.as_str()]].concat())
}

/// Checks that the server is running, and answers the next request of the same project.
fn goes_on(server: &mut Server, folder: &Path) {
    let start = Instant::now();
    assert_eq!(server.call(folder, &["-path", "app"], TEAM)["one"], manifest("alice-value"));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(server.child.try_wait().expect("it can be asked").is_none(), "the server has ended");
}

/// Checks that a fault fails only its own request, with this message, and is counted.
fn fails(fault: &str, says: &str, counted: &str) {
    let Some((mut server, _secrets)) = server(&[]) else { return };
    let (hostile, honest) = (app("secret/data/team/app"), app("secret/data/team/app"));
    std::fs::write(honest.path().join("other"), "another archive").expect("a file");
    let answer = with_fault(&server, hostile.path(), fault);
    assert!(answer["message"].as_str().is_some_and(|m| m.contains(says)), "{answer}");
    let lost = format!("keyfill_workers_lost_total{{why=\"{counted}\"}}");
    assert!(server.metric(&lost) >= 1.0);
    goes_on(&mut server, honest.path());
}

#[test]
fn a_worker_that_panics_fails_its_own_request() {
    fails("panic", "a bug in keyfill", "crash");
}

#[test]
fn a_worker_that_crashes_fails_its_own_request() {
    fails("abort", "crashed (signal 6)", "crash");
}

#[test]
fn a_worker_that_wants_too_much_memory_fails_its_own_request() {
    fails("memory", "--worker-memory", "memory");
}

#[test]
fn a_worker_that_is_late_fails_its_own_request() {
    let start = Instant::now();
    fails("spin", "by its deadline", "deadline");
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_worker_that_was_killed_by_hand_fails_its_own_request() {
    let Some((mut server, _secrets)) = server(&["--deadline", "20s"]) else { return };
    let (hostile, honest) = (app("secret/data/team/app"), app("secret/data/team/app"));
    std::fs::write(honest.path().join("other"), "another archive").expect("a file");
    let answer = std::thread::scope(|scope| {
        let asked = scope.spawn(|| with_fault(&server, hostile.path(), "spin"));
        server.wait_for_metric("keyfill_workers_busy", 1.0);
        // The busy worker is the one with the most processor time.
        std::thread::sleep(Duration::from_millis(500));
        let busy = workers(&server).into_iter().max_by_key(|pid| ticks(*pid)).expect("it has workers");
        let killed = std::process::Command::new("kill").args(["-KILL", &busy.to_string()]).status();
        assert!(killed.expect("kill runs").success());
        asked.join().expect("it is answered")
    });
    assert!(answer["message"].as_str().is_some_and(|m| m.contains("killed from outside")), "{answer}");
    assert_eq!(server.metric("keyfill_workers_lost_total{why=\"killed\"}"), 1.0);
    goes_on(&mut server, honest.path());
}

#[test]
fn an_app_that_crashes_its_workers_is_refused_for_a_while() {
    let Some((mut server, _secrets)) = server(&[]) else { return };
    let (hostile, honest) = (app("secret/data/team/app"), app("secret/data/team/app"));
    std::fs::write(honest.path().join("other"), "another archive").expect("a file");
    for _ in 0..2 {
        with_fault(&server, hostile.path(), "abort");
    }
    let start = Instant::now();
    let answer = with_fault(&server, hostile.path(), "abort");
    let says = |text: &str| answer["message"].as_str().is_some_and(|m| m.contains(text));
    assert!(says("has ended 2 workers") && says("signal 6"), "{answer}");
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(server.metric("keyfill_crash_loops_refused_total"), 1.0);
    goes_on(&mut server, honest.path());
}

#[test]
fn another_project_is_answered_while_one_keeps_its_workers_busy() {
    let Some((mut server, _secrets)) = server(&["--deadline", "10s"]) else { return };
    let other = ["ARGOCD_APP_NAME=api", "ARGOCD_APP_PROJECT_NAME=other"];
    let (hostile, honest) = (app("secret/data/team/app"), app("secret/data/other/app"));
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| with_fault(&server, hostile.path(), "spin"));
        }
        std::thread::sleep(Duration::from_secs(1));
        let start = Instant::now();
        let answer = server.call(honest.path(), &["-path", "app"], &other);
        assert_eq!(answer["one"], manifest("bob-value"), "{answer}");
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    });
    assert!(server.child.try_wait().expect("it can be asked").is_none());
}

#[test]
fn a_request_that_holds_all_memory_makes_room_for_another_project() {
    let Some((mut server, _secrets)) = server(&["--deadline", "12s"]) else { return };
    let (hostile, honest) = (app("secret/data/team/app"), app("secret/data/other/app"));
    let large =
        ["ARGOCD_APP_NAME=api", "ARGOCD_APP_PROJECT_NAME=other", "ARGOCD_ENV_KEYFILL_TEST_FAULT=large"];
    std::thread::scope(|scope| {
        let held = scope.spawn(|| with_fault(&server, hostile.path(), "hold"));
        // Two workers had too little memory for the request, and the third has enough.
        server.wait_for_metric("keyfill_workers_lost_total{why=\"memory\"}", 2.0);
        server.wait_for_metric("keyfill_workers_busy", 1.0);
        let start = Instant::now();
        let answer = server.call(honest.path(), &["-path", "app"], &large);
        assert_eq!(answer["one"], manifest("bob-value"), "{answer}");
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        let answer = held.join().expect("it is answered");
        assert!(answer["message"].as_str().is_some_and(|m| m.contains("by its deadline")), "{answer}");
    });
    assert!(server.child.try_wait().expect("it can be asked").is_none());
}

#[test]
fn a_server_that_ends_leaves_no_worker_behind() {
    let Some((mut server, _secrets)) = server(&["--grace", "2s", "--deadline", "20s"]) else { return };
    let hostile = app("secret/data/team/app");
    let workers = std::thread::scope(|scope| {
        scope.spawn(|| with_fault(&server, hostile.path(), "spin"));
        server.wait_for_metric("keyfill_workers_busy", 1.0);
        let workers = workers(&server);
        server.terminate();
        workers
    });
    assert!(!workers.is_empty());
    let start = Instant::now();
    server.child.wait().expect("it ends");
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    while workers.iter().any(|pid| ticks(*pid).is_some()) {
        assert!(start.elapsed() < Duration::from_secs(10), "workers live on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A server whose official kustomize is this script, and an app that it renders.
#[cfg(target_os = "linux")]
fn with_binary(script: &str, args: &[&str]) -> Option<(Server, tempfile::TempDir)> {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().expect("a folder");
    let binary = dir.path().join("kustomize");
    let script = script.replace("{DIR}", &dir.path().to_string_lossy());
    std::fs::write(&binary, script).expect("a file");
    std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    std::fs::create_dir(dir.path().join("app")).expect("a folder");
    std::fs::write(dir.path().join("app/kustomization.yaml"), "resources: []\n").expect("a file");
    std::fs::write(dir.path().join("secrets.yaml"), crate::SECRETS).expect("a file");
    let (binary, secrets) = (binary.to_string_lossy(), dir.path().join("secrets.yaml"));
    let secrets = secrets.to_string_lossy();
    let vars = [
        ("KEYFILL_KUSTOMIZE", &*binary),
        ("KEYFILL_SOURCE", "file"),
        ("KEYFILL_SECRETS_FILE", &*secrets),
        ("PATH", "/usr/bin:/bin"),
    ];
    Server::start(&vars, &[&["--engine", "exec"], args].concat()).map(|server| (server, dir))
}

#[cfg(target_os = "linux")]
#[test]
fn an_official_binary_that_is_late_is_killed_with_all_that_it_has_started() {
    let script = "#!/bin/sh\nsleep 300 &\necho $! > {DIR}/started\nwait\n";
    let Some((server, dir)) = with_binary(script, &["--deadline", "3s"]) else { return };
    let start = Instant::now();
    let answer = server.call(dir.path(), &["-path", "app"], TEAM);
    assert!(answer["one"].is_null() && start.elapsed() < Duration::from_secs(5), "{answer}");
    let started = std::fs::read_to_string(dir.path().join("started")).expect("the binary ran");
    let started: u32 = started.trim().parse().expect("a number");
    while ticks(started).is_some() {
        assert!(start.elapsed() < Duration::from_secs(10), "what the binary has started lives on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_official_binary_has_a_limit_of_memory() {
    let script = "#!/bin/sh\nexec tail /dev/zero\n";
    let Some((server, dir)) = with_binary(script, &["--worker-memory", "64", "--deadline", "20s"]) else {
        return;
    };
    let start = Instant::now();
    let answer = server.call(dir.path(), &["-path", "app"], TEAM);
    let said = answer["message"].as_str().unwrap_or_default();
    assert!(said.contains("memory exhausted"), "{answer}");
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

/// The kernel reports for each worker that it gets no new privileges and has a filter of system calls.
#[cfg(target_os = "linux")]
#[test]
fn workers_are_in_a_sandbox_and_the_server_can_insist_on_it() {
    let Some((server, _secrets)) = over_file_with(&["--require-sandbox"]) else { return };
    let status = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let is_closed = |status: &String| status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2");
    let start = Instant::now();
    // A worker that is just being started is not in its sandbox yet.
    loop {
        let all: Vec<String> = workers(&server).iter().map(status).collect();
        if all.len() > 1 && all.iter().all(is_closed) {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{all:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    let log = server.log();
    assert!(log.contains("sandbox=whole"), "{log}");
}

/// In `/proc` the files of a process belong to root if other processes of its user may not read its memory.
#[cfg(target_os = "linux")]
#[test]
fn other_processes_cannot_read_the_memory_of_the_server() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
    use std::os::unix::process::CommandExt as _;
    const NOBODY: u32 = 65_534;
    let owner = |path: &str| std::fs::metadata(path).map(|meta| meta.uid());
    let dir = tempfile::tempdir().expect("a folder");
    let mut command = command(dir.path(), &[("KEYFILL_SOURCE", "vault")], &[]);
    if owner("/proc/self").expect("it is there") == 0 {
        for path in [dir.path().to_owned(), dir.path().join("plugin.yaml")] {
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o777)).expect("it is ours");
        }
        command.uid(NOBODY).gid(NOBODY);
    }
    let mut child = command.spawn().expect("keyfill starts");
    let start = Instant::now();
    while !dir.path().join("keyfill.sock").exists() {
        assert!(start.elapsed() < Duration::from_secs(20), "{}", crate::log_of(dir.path()));
        std::thread::sleep(Duration::from_millis(10));
    }
    let of_server = owner(&format!("/proc/{}/environ", child.id()));
    child.kill().expect("it can be ended");
    child.wait().expect("it ends");
    assert_eq!(of_server.expect("it lived"), 0);
}

/// The process IDs of the server's children.
fn workers(server: &Server) -> Vec<u32> {
    let parent = server.child.id();
    let all = std::fs::read_dir("/proc")
        .expect("it is there")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    all.filter(|pid| fields(*pid).is_some_and(|f| f[1] == parent.to_string() && f[0] != "Z")).collect()
}

/// The processor time of a running process, in ticks.
fn ticks(pid: u32) -> Option<u64> {
    let fields = fields(pid).filter(|f| f[0] != "Z")?;
    fields.get(11)?.parse().ok()
}

/// The fields of /proc/PID/stat from the state on.
fn fields(pid: u32) -> Option<Vec<String>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}
