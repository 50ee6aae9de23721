//! Encrypted files on the command line: manifests, values and generators of the kind `ksops` are decrypted, errors
//! are reported with their place, and no message shows a value.
//!
//! The files of `testdata/sops` are encrypted for the key of `crates/keyfill-sops/tests/data`, which protects nothing.

#![cfg(unix)]

mod faults;
mod ksops;
mod pgp;
mod services;
mod store;
mod uses;
mod values;

use keyfill_testkit::{Outcome, Run, workspace};
use std::path::PathBuf;

/// The file with the secret keys for the encrypted files.
fn key_file() -> PathBuf {
    workspace().join("crates/keyfill-sops/tests/data/key.txt")
}

/// The content of an encrypted file of `testdata/sops`.
fn encrypted(name: &str) -> Vec<u8> {
    std::fs::read(workspace().join("testdata/sops").join(name)).expect("the file is kept")
}

/// A run of keyfill, with the secret keys, in a work tree with the encrypted files.
fn keyfill(args: &[&str]) -> Run {
    let mut run = Run::of(env!("CARGO_BIN_EXE_keyfill"))
        .args(args)
        .file(".git/HEAD", "")
        .env("KEYFILL_SOPS", "true")
        .env("SOPS_AGE_KEY_FILE", key_file());
    for name in ["blob.enc.bin", "secret.enc.yaml", "values.enc.yaml", "vars.enc.env"] {
        run = run.file(&format!("app/{name}"), encrypted(name));
    }
    run
}

/// The output of a run, which must have succeeded.
#[track_caller]
fn printed(outcome: &Outcome) -> String {
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("hush"), "a secret is on stderr: {}", outcome.stderr);
    outcome.text()
}

/// The error output of a run, which must have failed with this exit code, printed nothing, and shown no secret.
#[track_caller]
fn said(outcome: &Outcome, code: i32) -> String {
    assert_eq!(outcome.code, Some(code), "{}\n{}", outcome.stderr, outcome.text());
    assert!(outcome.stdout.is_empty(), "{}", outcome.text());
    assert!(!outcome.stderr.contains("hush"), "a secret is on stderr: {}", outcome.stderr);
    outcome.stderr.clone()
}

/// The Chart.yaml of a chart that prints its values.
const CHART: &str = "apiVersion: v2\nname: app\nversion: 0.1.0\n";

/// The template of that chart.
const TEMPLATE: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData:\n  \
                        url: {{ printf \"pg://%s:%s@db:%v\" .Values.db.user .Values.db.password .Values.port | quote }}\n";
