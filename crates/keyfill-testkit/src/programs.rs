//! Programs of the system that tests start.

use crate::{all_required, say_left_out};
use std::path::PathBuf;

/// The path of a program that the system may have, such as `git` or `docker-registry`; `None` when it is
/// not there and not required, which is said on stderr.
///
/// # Panics
/// With `KEYFILL_TEST_REQUIRE=all`, when it is not there.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file());
    if found.is_none() {
        assert!(!all_required(), "{name} must be installed: a Debian package has it");
        say_left_out(name, "with its Debian package the test runs");
    }
    found
}
