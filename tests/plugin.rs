//! `keyfill serve --explain` over the folders of `testdata/plugin`, each a form of plugin.yaml that teams have: what its
//! commands are taken for is `expected.txt`, why they are refused `expected.err`.
//!
//! With `KEYFILL_TEST_WRITE=1` the expected files are written anew, to be read before they are committed.

#![cfg(unix)]

use std::path::Path;
use std::process::Command;

/// What is wrong with a form.
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
fn every_form_is_taken_for_what_it_means() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/plugin");
    keyfill_testkit::each_case(&folder, 45, check);
}
