//! `keyfill generate -` over the folders of `testdata/fill`: `input.yaml` goes in on stdin, secrets come from
//! `secrets.yaml`, and what comes out is `expected.yaml`, or `expected.err` on stderr with nothing on stdout.
//! `args` and `env` hold one argument or variable a line. Where there is a folder `tree` instead of
//! `input.yaml`, that folder is generated.
//!
//! With `KEYFILL_TEST_WRITE=1` the expected files are written anew, to be read before they are committed.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs keyfill in a folder of its own, so that neither paths nor file modes of the checkout show.
fn run(case: &Path) -> Output {
    let dir = tempfile::tempdir().expect("a folder");
    let secrets = dir.path().join("secrets.yaml");
    fs::copy(case.join("secrets.yaml"), &secrets).expect("secrets.yaml is there");
    only_for_the_owner(&secrets);
    let lines = |name| fs::read_to_string(case.join(name)).unwrap_or_default();
    let tree = case.join("tree");
    let what = if tree.is_dir() { "tree" } else { "-" };
    if tree.is_dir() {
        copy(&tree, &dir.path().join("tree"));
        fs::create_dir(dir.path().join(".git")).expect("a folder");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyfill"));
    command.args(["generate", what, "--source", "file", "--secrets-file", "secrets.yaml"]);
    command.args(lines("args").lines()).current_dir(dir.path()).env_clear();
    command.envs(lines("env").lines().filter_map(|line| line.split_once('=')));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("keyfill starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    if what == "-" {
        let input = fs::read(case.join("input.yaml")).expect("input.yaml is there");
        stdin.write_all(&input).expect("keyfill reads its input");
    }
    drop(stdin);
    child.wait_with_output().expect("keyfill ends")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).expect("a file");
        }
    }
}

#[cfg(unix)]
fn only_for_the_owner(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("the mode can be set");
}

#[cfg(not(unix))]
fn only_for_the_owner(_: &Path) {}

/// What is wrong with a case.
fn check(case: &Path) -> Option<String> {
    let output = run(case);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let (file, got) = if output.status.success() {
        ("expected.yaml", stdout.to_string())
    } else {
        if !stdout.is_empty() {
            return Some(format!("it failed, but stdout has {stdout:?}"));
        }
        ("expected.err", format!("{stderr}exit {}\n", output.status.code().unwrap_or(-1)))
    };
    if stderr.contains("hush") {
        return Some(format!("a secret is on stderr: {stderr}"));
    }
    keyfill_testkit::compare(&case.join(file), &got, &stderr)
}

#[test]
fn every_case_prints_what_is_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/fill");
    keyfill_testkit::each_case(&folder, 30, check);
}
