//! How far a command is: said on a terminal, and nowhere else.

use super::keyfill;
use keyfill_testkit::{Page, Run, Server, program};
use std::process::Command;
use std::time::Duration;

/// Two charts whose repository takes longer than a command is silent.
fn charts(run: Run, server: &Server) -> Run {
    let address = format!("http://{}", server.host());
    let chart = |name: &str| {
        format!(
            "apiVersion: v2\nname: {name}\nversion: 1.0.0\ndependencies:\n- name: lib\n  version: 1.0.0\n  repository: {address}/{name}\n"
        )
    };
    run.file(".git/HEAD", "")
        .file("a/Chart.yaml", chart("a"))
        .file("b/Chart.yaml", chart("b"))
        .env("KEYFILL_FETCH_HOSTS", format!("{address}/*"))
        .env("TERM", "xterm")
}

fn slow() -> Server {
    Server::start(|_, _| {
        std::thread::sleep(Duration::from_millis(1300));
        Page::status(404)
    })
}

/// A command whose stderr is a terminal: `script` gives it one, and prints what appears there.
fn on_a_terminal(args: &str) -> Option<Run> {
    let line = format!("{} {args}", env!("CARGO_BIN_EXE_keyfill"));
    Some(Run::of(program("script")?).args(["-qec", line.as_str(), "/dev/null"]))
}

/// What every slow command shows on a terminal.
fn shows(args: &str, words: &str) {
    let Some(run) = on_a_terminal(args) else { return };
    let seen = charts(run, &slow()).run().text();
    assert!(seen.contains(&format!("\r\u{1b}[K0/2 {words}")), "{args}: {seen:?}");
    // The line is taken away before anything else is said.
    let last = seen.rfind("\u{1b}[K").map(|at| &seen[at + 3..]).unwrap_or_default();
    assert!(!last.starts_with(|c: char| c.is_ascii_digit()), "{args}: {seen:?}");
}

#[test]
fn a_terminal_sees_how_far_check_is() {
    shows("check --fetch on", "roots");
}

#[test]
fn a_terminal_sees_how_far_refs_is() {
    shows("refs --fetch on", "roots");
}

#[test]
fn a_terminal_sees_how_far_lock_is() {
    shows("lock --all .", "roots");
}

#[test]
fn a_terminal_sees_how_far_vendor_is() {
    shows("vendor .", "roots");
}

#[test]
fn a_terminal_sees_how_far_diff_is() {
    let (Some(git), Some(run)) = (program("git"), on_a_terminal("diff --fetch on HEAD")) else { return };
    let server = slow();
    let run = charts(run, &server);
    let work = run.work();
    std::fs::remove_dir_all(work.join(".git")).expect("it is there");
    for args in [
        &["init", "-q"][..],
        &["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "--allow-empty", "-m", "x"],
    ] {
        let done =
            Command::new(&git).args(args).current_dir(&work).env("GIT_CONFIG_GLOBAL", "/dev/null").status();
        assert!(done.expect("git runs").success(), "{args:?}");
    }
    let seen = run.run().text();
    assert!(seen.contains("\r\u{1b}[K0/2 roots"), "{seen:?}");
}

#[test]
fn a_pipe_or_a_dumb_terminal_sees_no_progress() {
    for args in [&["lock", "--all", "."][..], &["check", "--fetch", "on"], &["vendor", "."]] {
        let outcome = charts(keyfill(args), &slow()).run();
        let all = format!("{}{}", outcome.text(), outcome.stderr);
        assert!(all.contains("404") && !all.contains("/2 roots") && !all.contains('\u{1b}'), "{all}");
    }
    let Some(run) = on_a_terminal("lock --all .") else { return };
    let seen = charts(run, &slow()).env("TERM", "dumb").run().text();
    assert!(seen.contains("404") && !seen.contains("/2 roots"), "{seen:?}");
}

#[test]
fn what_takes_less_than_a_second_shows_no_progress() {
    let Some(run) = on_a_terminal("check") else { return };
    let seen = run
        .file(".git/HEAD", "")
        .file("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
        .env("TERM", "xterm")
        .run();
    assert!(!seen.text().contains("\u{1b}[K"), "{:?}", seen.text());
}
