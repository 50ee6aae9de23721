//! Runs the example of docs/fetching.md as it is written there.

#![cfg(unix)]

use keyfill_testkit::{oracle, program, workspace};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

#[test]
fn the_example_of_a_locked_chart_on_loopback_runs_as_the_page_shows_it() {
    let (Some(helm), Some(_)) = (oracle("helm"), program("python3")) else { return };
    let page = std::fs::read_to_string(workspace().join("docs/fetching.md")).unwrap();
    let (_, example) = page.split_once("## Trying it out").unwrap();
    let (_, example) = example.split_once("```sh\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let script = format!("trap 'kill $(jobs -p)' EXIT\n{}", example.replace("8000", &port));
    let folder = tempfile::tempdir().unwrap();
    let programs = folder.path().join("programs");
    std::fs::create_dir(&programs).unwrap();
    std::os::unix::fs::symlink(helm, programs.join("helm")).unwrap();
    std::os::unix::fs::symlink(Path::new(env!("CARGO_BIN_EXE_keyfill")), programs.join("keyfill")).unwrap();
    let done = Command::new("bash")
        .args(["-ec", &script])
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path().join("home"))
        .env("PATH", format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default()))
        .output()
        .unwrap();
    let (printed, said) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{said}");
    assert!(
        printed.contains("resolved: \"0.1.0\"") && printed.contains("kind: Deployment"),
        "{printed}\n{said}"
    );
}
