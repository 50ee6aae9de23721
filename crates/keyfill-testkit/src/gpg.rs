//! GnuPG with its own home folder.

use crate::programs::program;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The keys of one test. The GnuPG agent is stopped when this is dropped.
pub struct Gpg {
    program: PathBuf,
    home: tempfile::TempDir,
}

impl Gpg {
    /// A home without keys; `None` if GnuPG is not installed and not required.
    ///
    /// # Panics
    /// If no folder can be created.
    pub fn new() -> Option<Self> {
        let program = program("gpg")?;
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let only_owner = std::fs::Permissions::from_mode(0o700);
            std::fs::set_permissions(home.path(), only_owner).expect("it is our folder");
        }
        Some(Self { program, home })
    }

    /// The path of the home folder.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs gpg and returns its output, whatever the exit code.
    ///
    /// # Panics
    /// If gpg cannot be started.
    pub fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.env("GNUPGHOME", self.home()).current_dir(self.home());
        command.args(["--batch", "--yes", "--quiet", "--pinentry-mode", "loopback"]).args(args);
        command.output().expect("gpg can be started")
    }

    /// Runs gpg and returns what it prints on stdout.
    ///
    /// # Panics
    /// If gpg fails.
    pub fn print(&self, args: &[&str]) -> Vec<u8> {
        let done = self.run(args);
        assert!(done.status.success(), "gpg {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    }

    /// Makes a signing key with a creation time (`20200101T000000!`). `lasts` is gpg's expiration (`0`: never,
    /// `2d`: two days).
    ///
    /// # Panics
    /// If gpg fails.
    pub fn key_of(&self, time: &str, user: &str, lasts: &str) {
        let made = ["--quick-generate-key", user, "ed25519", "sign", lasts];
        self.print(&[&["--faked-system-time", time, "--passphrase", ""], &made[..]].concat());
    }

    /// Makes a key and returns its fingerprint. `kind` is gpg's algorithm (`ed25519`, `rsa2048`), `usage` its
    /// usage (`sign`, `default`). With `default` for both, gpg also makes an encryption subkey.
    ///
    /// # Panics
    /// If gpg fails.
    pub fn key(&self, name: &str, kind: &str, usage: &str, passphrase: &str) -> String {
        let user = format!("{name} <{name}@test.example>");
        self.print(&["--passphrase", passphrase, "--quick-generate-key", &user, kind, usage, "0"]);
        let listed = self.print(&["--with-colons", "--list-keys", &user]);
        let listed = String::from_utf8(listed).expect("text");
        let line = listed.lines().find(|line| line.starts_with("fpr:")).expect("a fingerprint");
        line.split(':').nth(9).expect("the field").to_owned()
    }

    /// Writes a file into the home folder.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home().join(name);
        std::fs::write(&path, content).expect("a file can be written");
        path
    }

    /// Signs a text with a cleartext signature.
    ///
    /// # Panics
    /// If gpg fails.
    pub fn sign(&self, key: &str, text: &str, more: &[&str]) -> Vec<u8> {
        let file = self.write("text-to-sign", text);
        let mut args = more.to_vec();
        let file = file.to_string_lossy();
        args.extend(["--local-user", key, "--output", "-", "--clearsign", &file]);
        self.print(&args)
    }

    /// Encrypts content for a key, as an armored message.
    ///
    /// # Panics
    /// If gpg fails.
    pub fn encrypt(&self, key: &str, content: &[u8], more: &[&str]) -> String {
        let file = self.write("text-to-encrypt", content);
        let mut args = more.to_vec();
        let file = file.to_string_lossy();
        args.extend([
            "--trust-model",
            "always",
            "--armor",
            "--recipient",
            key,
            "--output",
            "-",
            "--encrypt",
            &file,
        ]);
        String::from_utf8(self.print(&args)).expect("armor is text")
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let agent = Command::new("gpgconf").env("GNUPGHOME", self.home()).args(["--kill", "all"]).output();
        // An agent that cannot be stopped ends by itself once its folder is deleted.
        drop(agent);
    }
}
