//! An SSH server: Debian's openssh-server on a loopback address, with its own keys.

use crate::programs::program;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server that accepts one key for the current user. It is stopped when this is dropped.
pub struct Sshd {
    child: Child,
    port: u16,
    user: String,
    folder: tempfile::TempDir,
}

impl Sshd {
    /// Starts a server; `None` if `sshd` or `ssh` is not installed and not required. With `version_2` it accepts
    /// the variable `GIT_PROTOCOL`, which selects version 2 of git's protocol, as forges do.
    ///
    /// # Panics
    /// If the server does not start.
    pub fn start(version_2: bool) -> Option<Self> {
        let (sshd, keygen) = (program("sshd")?, program("ssh-keygen")?);
        program("ssh")?;
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for name in ["host", "user", "other"] {
            let made = Command::new(&keygen)
                .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
                .arg(folder.path().join(name))
                .status();
            assert!(made.is_ok_and(|status| status.success()), "ssh-keygen failed");
        }
        let user = Command::new("id").arg("-un").output().expect("id can be started").stdout;
        let user = String::from_utf8_lossy(&user).trim().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it has an address").port();
        drop(listener);
        let at = |name: &str| folder.path().join(name).display().to_string();
        let accept = if version_2 { "AcceptEnv GIT_PROTOCOL\n" } else { "" };
        let config = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\n\
             StrictModes no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n{accept}",
            at("host"),
            at("user.pub"),
        );
        let file = folder.path().join("sshd_config");
        std::fs::write(&file, config).expect("a file can be written");
        let host_key = std::fs::read_to_string(folder.path().join("host.pub")).expect("a key");
        let known = format!("[127.0.0.1]:{port} {host_key}");
        std::fs::write(folder.path().join("known_hosts"), known).expect("a file can be written");
        // As root sshd needs this empty folder, which its system service normally creates.
        let _ = std::fs::create_dir_all("/run/sshd");
        let child = Command::new(sshd)
            .args(["-D", "-e", "-f"])
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it can be started");
        let server = Self { child, port, user, folder };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(30), "sshd did not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    /// `ssh://USER@127.0.0.1:PORT`
    pub fn address(&self) -> String {
        format!("ssh://{}@127.0.0.1:{}", self.user, self.port)
    }

    /// The private key that the server accepts.
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("user")
    }

    /// A private key that the server does not accept.
    pub fn other_key(&self) -> PathBuf {
        self.folder.path().join("other")
    }

    /// The `known_hosts` file with the server's public key.
    pub fn known_hosts(&self) -> PathBuf {
        self.folder.path().join("known_hosts")
    }

    /// A folder for files of a test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        // The process may have ended by itself; other failures cannot be handled here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
