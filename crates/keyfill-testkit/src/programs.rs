//! Installed programs that tests run.

use crate::{all_required, say_left_out};
use std::path::PathBuf;

/// Whether the test runs as root, so that it can give a program other system files. If it does not and that is not
/// required, it is reported on stderr.
///
/// # Panics
/// With `KEYFILL_TEST_REQUIRE=all`, if the test does not run as root.
pub fn is_root() -> bool {
    let id = std::process::Command::new("id").arg("-u").output();
    let is_root = id.is_ok_and(|id| id.stdout == b"0\n");
    if !is_root {
        assert!(!all_required(), "the test must run as root");
        say_left_out("root", "as root the test runs");
    }
    is_root
}

/// The path of a program that may be installed, such as `git` or `docker-registry`; `None` if it is not installed
/// and not required, which is reported on stderr.
///
/// # Panics
/// With `KEYFILL_TEST_REQUIRE=all`, if the program is not installed.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file());
    if found.is_none() {
        assert!(!all_required(), "{name} must be installed: a Debian package has it");
        say_left_out(name, "with its Debian package the test runs");
    }
    found
}
