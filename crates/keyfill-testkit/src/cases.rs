//! Test cases in folders, with files that contain the expected results.

use std::fs;
use std::path::{Path, PathBuf};

/// Compares a text with a file, and returns the difference as text. With `KEYFILL_TEST_WRITE=1` the file is
/// overwritten instead; review it before you commit it. If the file is missing, the returned text includes
/// `stderr`.
pub fn compare(file: &Path, got: &str, stderr: &str) -> Option<String> {
    if std::env::var_os("KEYFILL_TEST_WRITE").is_some() {
        fs::write(file, got).expect("the expected file can be written");
        return None;
    }
    match fs::read_to_string(file) {
        Ok(expected) if expected == got => None,
        Ok(expected) => Some(format!("expected:\n{expected}\ngot:\n{got}")),
        Err(_) => Some(format!("{} is not there; stderr: {stderr}", file.display())),
    }
}

/// Calls `check` for each subfolder and panics with all differences. There must be at least `least` subfolders.
pub fn each_case(folder: &Path, least: usize, check: impl Fn(&Path) -> Option<String>) {
    let entries = fs::read_dir(folder).expect("the folder of cases is there");
    let mut cases: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    cases.sort();
    assert!(cases.len() >= least, "{cases:?}");
    let wrong: Vec<String> =
        cases.iter().filter_map(|case| Some(format!("{}: {}", case.display(), check(case)?))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
