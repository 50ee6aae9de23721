//! Runs the Go libraries in the program `yaml-oracle`.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running `yaml-oracle`.
pub struct Oracle {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
}

impl Oracle {
    /// Starts the program; `None` if it is not installed and not required.
    pub fn start() -> Option<Self> {
        let program = keyfill_testkit::oracle("yaml-oracle")?;
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the oracle starts");
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("stdout is a pipe");
        Some(Self { child, stdin, stdout })
    }

    /// Go's result for a text, or the text of its error.
    pub fn ask(&mut self, operation: u8, text: &[u8]) -> Result<Vec<u8>, String> {
        let stdin = self.stdin.as_mut().expect("it is running");
        let size = u32::try_from(text.len()).expect("texts are small").to_be_bytes();
        let mut request = vec![operation];
        request.extend_from_slice(&size);
        request.extend_from_slice(text);
        stdin.write_all(&request).expect("the oracle reads");
        let mut head = [0; 5];
        self.stdout.read_exact(&mut head).expect("the oracle answers");
        let size = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut answer = vec![0; size as usize];
        self.stdout.read_exact(&mut answer).expect("the oracle answers");
        if head[0] == 0 { Ok(answer) } else { Err(String::from_utf8_lossy(&answer).into_owned()) }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}
