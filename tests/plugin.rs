//! Runs `keyfill serve --explain` on the folders of `testdata/plugin`. Each holds a plugin.yaml as teams write it.
//! `expected.txt` is the meaning of its commands, `expected.err` the error if they are refused.
//!
//! With `KEYFILL_TEST_WRITE=1` the expected files are overwritten; read them before you commit.

#![cfg(unix)]

use std::path::Path;
use std::process::Command;

/// Runs one folder; returns what is wrong, if anything is.
fn check(form: &Path) -> Option<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_keyfill"))
        .args(["serve", "--explain", "--config-dir-path"])
        .arg(form)
        .env_clear()
        .envs([("CLUSTER_NAME", "blue"), ("TEAM_NAME", "web"), ("VAULT_TOKEN", "hush")])
        .output()
        .expect("keyfill starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let (file, got) =
        if output.status.success() { ("expected.txt", stdout) } else { ("expected.err", stderr.clone()) };
    let is_refused = form.file_name().is_some_and(|name| name.to_string_lossy().starts_with("refused"));
    if is_refused == output.status.success() || stderr.contains("hush") {
        return Some(format!("it must be {}: {stderr}", if is_refused { "refused" } else { "understood" }));
    }
    keyfill_testkit::compare(&form.join(file), &got, &stderr)
}

#[test]
fn every_plugin_yaml_is_explained_or_refused_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/plugin");
    keyfill_testkit::each_case(&folder, 45, check);
}
