//! Reports the official programs that `--engine exec` and `verify` start: their paths and versions.

use super::Report;
use crate::settings::Env;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The time limit for a program to print its version.
const TIME: Duration = Duration::from_secs(5);

/// The most bytes that are read of its output.
const MOST: u64 = 4 << 10;

/// For each program: its name, the setting with its path, the arguments that print its version, and the versions
/// whose output keyfill reproduces.
const PROGRAMS: [(&str, &str, &[&str], &[&str]); 2] = [
    ("kustomize", "KEYFILL_KUSTOMIZE", &["version"], &["v5.8.1"]),
    ("helm", "KEYFILL_HELM", &["version", "--template", "{{.Version}}"], &["v4.3.2", "v3.22.0"]),
];

pub(super) fn look(report: &mut Report, env: &Env) {
    let path = env.get("PATH").unwrap_or_default();
    for (name, setting, words, equal) in PROGRAMS {
        let on_path = || std::env::split_paths(path).map(|dir| dir.join(name)).find(|file| file.is_file());
        let Some(file) = env.get(setting).map(PathBuf::from).or_else(on_path) else {
            report.ok("version", name, "not on the path; it is not needed");
            continue;
        };
        let place = file.display().to_string();
        match version(&file, words) {
            None => {
                let next =
                    format!("keyfill needs it only for --engine exec and verify; check {setting} and PATH");
                report.warn("version", name, format!("{place} does not say its version"), next);
            }
            Some(version) if equal.contains(&version.as_str()) => {
                report.ok("version", name, format!("{version}, {place}"));
            }
            Some(version) => {
                let next = format!(
                    "keyfill renders as {}: expect differences with --engine verify and exec",
                    equal.join(" and ")
                );
                report.warn("version", name, format!("{version}, {place}"), next);
            }
        }
    }
}

/// The version that a program prints; `None` if it prints none.
fn version(program: &Path, words: &[&str]) -> Option<String> {
    let mut child = Command::new(program)
        .args(words)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let stdout = child.stdout.take()?;
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.take(MOST).read_to_string(&mut text).ok().map(|_| text)
    });
    let until = Instant::now() + TIME;
    while child.try_wait().ok()?.is_none() {
        if Instant::now() > until {
            child.kill().ok();
            child.wait().ok();
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let text = reading.join().ok().flatten()?;
    let version = text.trim();
    let is_version = version.starts_with('v')
        && version.len() < 64
        && version.chars().all(|c| c.is_ascii_alphanumeric() || ".+-".contains(c));
    is_version.then(|| version.to_owned())
}
