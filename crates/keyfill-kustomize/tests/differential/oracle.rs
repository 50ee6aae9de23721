//! A program that builds kustomizations with kustomize's own library.

use crate::tree::Tree;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The running program.
pub struct Oracle {
    program: std::path::PathBuf,
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
}

impl Oracle {
    /// Starts the program; `None` if it is not installed.
    pub fn start() -> Option<Self> {
        let program = keyfill_testkit::oracle("kustomize-oracle")?;
        let (child, stdin, stdout) = spawn(&program);
        Some(Self { program, child, stdin, stdout })
    }

    /// The output of kustomize, or its error. A crash of the program counts as an error.
    pub fn build(&mut self, tree: &Tree) -> Result<String, String> {
        let files: serde_json::Map<String, Value> =
            tree.files.iter().map(|(path, text)| (format!("/{path}"), json!(text))).collect();
        let request = json!({
            "root": format!("/{}", tree.root),
            "files": files,
            "reorder": if tree.is_legacy { "legacy" } else { "none" },
            "managedBy": tree.managed_by,
            "hasSchema": tree.has_schema,
        })
        .to_string();
        match self.exchange(request.as_bytes()) {
            Ok(answer) => match answer["error"].as_str() {
                Some("") | None => Ok(answer["output"].as_str().unwrap_or("").to_owned()),
                Some(error) => Err(error.to_owned()),
            },
            Err(error) => {
                let _ = self.child.kill();
                let _ = self.child.wait();
                (self.child, self.stdin, self.stdout) = spawn(&self.program);
                Err(format!("the program ended: {error}"))
            }
        }
    }

    fn exchange(&mut self, request: &[u8]) -> std::io::Result<Value> {
        let length = u32::try_from(request.len()).expect("a request is small");
        self.stdin.write_all(&length.to_le_bytes())?;
        self.stdin.write_all(request)?;
        self.stdin.flush()?;
        let mut length = [0; 4];
        self.stdout.read_exact(&mut length)?;
        let mut text = vec![0; u32::from_le_bytes(length) as usize];
        self.stdout.read_exact(&mut text)?;
        Ok(serde_json::from_slice(&text)?)
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(program: &std::path::Path) -> (Child, ChildStdin, ChildStdout) {
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let stdin = child.stdin.take().expect("stdin is a pipe");
    let stdout = child.stdout.take().expect("stdout is a pipe");
    (child, stdin, stdout)
}
