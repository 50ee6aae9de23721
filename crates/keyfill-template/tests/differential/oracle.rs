//! The oracle: a Go program that executes cases.

use super::case::{Case, Mode, Outcome};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub struct Oracle {
    child: Child,
    to: Option<BufWriter<ChildStdin>>,
    from: BufReader<ChildStdout>,
}

impl Oracle {
    pub fn start(program: &Path) -> Self {
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the oracle was just found");
        let to = child.stdin.take().map(BufWriter::new);
        let from = BufReader::new(child.stdout.take().expect("stdout is piped"));
        Self { child, to, from }
    }

    /// Sends all cases to the oracle. The outcomes are in the order of the cases.
    pub fn ask(&mut self, mode: Mode, cases: &[Case]) -> Vec<Outcome> {
        let to = self.to.as_mut().expect("stdin is open until the end");
        let from = &mut self.from;
        std::thread::scope(|scope| {
            // Another thread sends the cases, since the pipes of both directions may fill up.
            scope.spawn(move || {
                for case in cases {
                    send(to, mode, case).expect("the oracle reads all requests");
                }
                to.flush().expect("the oracle reads all requests");
            });
            cases.iter().map(|_| receive(from)).collect()
        })
    }
}

fn send(to: &mut impl Write, mode: Mode, case: &Case) -> std::io::Result<()> {
    let mode = match mode {
        Mode::Go => "go",
        Mode::Helm | Mode::Helm4 => "helm",
    };
    let mut fields: Vec<&[u8]> =
        vec![mode.as_bytes(), case.missing_key.as_bytes(), case.main.as_bytes(), case.data.as_bytes()];
    for (name, text) in &case.templates {
        fields.extend([name.as_bytes(), text.as_slice()]);
    }
    to.write_all(&(fields.len() as u32).to_be_bytes())?;
    for field in fields {
        to.write_all(&(field.len() as u32).to_be_bytes())?;
        to.write_all(field)?;
    }
    Ok(())
}

fn receive(from: &mut impl Read) -> Outcome {
    let mut head = [0; 5];
    from.read_exact(&mut head).expect("the oracle answers");
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    let mut text = vec![0; length as usize];
    from.read_exact(&mut text).expect("the oracle answers in full");
    match head[0] {
        b'=' => Outcome::Output(text),
        _ => Outcome::Failure(String::from_utf8_lossy(&text).into_owned()),
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.to = None;
        let _ = self.child.wait();
    }
}
