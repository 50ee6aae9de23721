//! A simulation of AWS for tests: the server of the Python package moto, on a loopback address.

use crate::{all_required, oracles, say_left_out, wire};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A running moto server. It is stopped when this is dropped.
pub struct Moto {
    child: Child,
    address: String,
}

impl Moto {
    /// Starts a server; `None` if moto is not installed and not required, which is reported on stderr. The program
    /// is `KEYFILL_MOTO`, or it is in a virtual environment in the folder [`oracles`].
    ///
    /// # Panics
    /// If the server does not start, or with `KEYFILL_TEST_REQUIRE=all` if moto cannot be installed.
    pub fn start() -> Option<Self> {
        let program = program()?;
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port is free").port();
        let child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto_server can be started");
        let moto = Self { child, address: format!("127.0.0.1:{port}") };
        let started = Instant::now();
        while std::net::TcpStream::connect(&moto.address).is_err() {
            assert!(started.elapsed() < Duration::from_secs(90), "moto_server did not come up");
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(moto)
    }

    /// `http://127.0.0.1:PORT`
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `127.0.0.1:PORT`
    pub fn host(&self) -> &str {
        &self.address
    }

    /// Calls an operation of a service (`secretsmanager.CreateSecret`, `AmazonSSM.PutParameter`).
    ///
    /// # Panics
    /// If moto returns an error.
    pub fn call(&self, target: &str, region: &str, body: &serde_json::Value) -> serde_json::Value {
        let service = match target.split('.').next() {
            Some("AmazonSSM") => "ssm",
            Some("TrentService") => "kms",
            _ => "secretsmanager",
        };
        let credential = format!(
            "AWS4-HMAC-SHA256 Credential=k/20240101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        let headers = [
            ("X-Amz-Target", target),
            ("Content-Type", "application/x-amz-json-1.1"),
            ("Authorization", credential.as_str()),
        ];
        let reply = wire::request(&self.address, "POST", "/", &headers, &body.to_string());
        assert!(reply.status < 300, "{target}: {} {}", reply.status, reply.body);
        serde_json::from_str(&reply.body).unwrap_or_default()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // The server may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> Option<PathBuf> {
    static INSTALLING: Mutex<()> = Mutex::new(());
    if let Some(program) = std::env::var_os("KEYFILL_MOTO") {
        return Some(program.into());
    }
    let folder = oracles().join("moto");
    let program = folder.join("bin/moto_server");
    let _guard = INSTALLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if program.is_file() {
        return Some(program);
    }
    if !all_required() {
        say_left_out("moto", "with KEYFILL_TEST_REQUIRE=all it is installed and the test runs");
        return None;
    }
    install(&folder);
    Some(program)
}

fn install(folder: &Path) {
    let run = |program: &Path, args: &[&str]| {
        let status = Command::new(program)
            .args(args)
            .status()
            .unwrap_or_else(|e| panic!("{}: {e}", program.display()));
        assert!(status.success(), "{} {args:?} failed", program.display());
    };
    let path = folder.to_str().expect("the folder of the oracles is UTF-8");
    run(Path::new("python3"), &["-m", "venv", path]);
    run(&folder.join("bin/pip"), &["install", "--quiet", "moto[server]==5.2.5"]);
}
