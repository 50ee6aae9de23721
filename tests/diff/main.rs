//! `keyfill diff` over repositories that git made: what changed, for whom, in each format.

mod apps;
mod objects;
mod repositories;
mod sets;
mod speed;

use keyfill_testkit::{Outcome, Run, program};
use std::path::{Path, PathBuf};
use std::process::Command;

const KEYFILL: &str = env!("CARGO_BIN_EXE_keyfill");

/// A repository that git made, with a commit of each state.
struct Repository {
    git: PathBuf,
    folder: tempfile::TempDir,
}

impl Repository {
    /// An empty one; `None` where git is not there and not required.
    fn new() -> Option<Self> {
        let made = Self { git: program("git")?, folder: tempfile::tempdir().expect("a folder") };
        made.git(&["init", "-q", "-b", "main"]);
        Some(made)
    }

    /// One whose commits have these files, the later ones over the earlier ones; `None` as content removes a file.
    fn of(states: &[&[(&str, Option<&str>)]]) -> Option<Self> {
        let made = Self::new()?;
        for files in states {
            for (path, content) in *files {
                match content {
                    Some(content) => made.put(path, content),
                    None => std::fs::remove_file(made.path().join(path)).expect("a file to remove"),
                }
            }
            made.commit();
        }
        Some(made)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn git(&self, args: &[&str]) -> String {
        git_in(&self.git, self.path(), args)
    }

    fn put(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        std::fs::write(path, content).expect("a file can be written");
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "state"]);
    }

    /// `keyfill diff` in it.
    fn diff(&self, args: &[&str]) -> Outcome {
        let root = self.path().to_str().expect("UTF-8");
        Run::of(KEYFILL).args(["diff", "--root", root]).args(args).run()
    }

    /// The differences as JSON, between the last two commits.
    fn json(&self, args: &[&str]) -> serde_json::Value {
        let outcome = self.diff(&[&["HEAD~1", "HEAD", "--format", "json"], args].concat());
        serde_json::from_slice(&outcome.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}{}", outcome.text(), outcome.stderr))
    }
}

fn git_in(git: &Path, folder: &Path, args: &[&str]) -> String {
    let output = Command::new(git)
        .current_dir(folder)
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The texts at a path of each item of a list.
fn texts(list: &serde_json::Value, path: &str) -> Vec<String> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    items.iter().filter_map(|item| item.pointer(path)).map(text).collect()
}
