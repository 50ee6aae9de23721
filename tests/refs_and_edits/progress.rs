//! How far a command is: said on a terminal, and nowhere else.

use super::keyfill;
use keyfill_testkit::{Page, Run, Server, program};
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

#[test]
fn a_terminal_sees_how_far_a_slow_command_is() {
    let Some(script) = program("script") else { return };
    let server = slow();
    // A terminal for keyfill: `script` gives its command one, and prints what appears there.
    let line = format!("{} lock --all .", env!("CARGO_BIN_EXE_keyfill"));
    let run = Run::of(script).args(["-qec", line.as_str(), "/dev/null"]);
    let seen = charts(run, &server).run().text();
    assert!(seen.contains("\r\u{1b}[K") && seen.contains("/2 roots"), "{seen:?}");
}

#[test]
fn a_pipe_sees_no_progress() {
    let server = slow();
    let outcome = charts(keyfill(&["lock", "--all", "."]), &server).run();
    assert!(outcome.stderr.contains("404"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("roots") && !outcome.stderr.contains('\u{1b}'), "{}", outcome.stderr);
}
