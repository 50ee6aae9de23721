//! GnuPG with a home of its own.

use crate::programs::program;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Keys that one test makes. Its agent ends when this is dropped.
pub struct Gpg {
    program: PathBuf,
    home: tempfile::TempDir,
}

impl Gpg {
    /// A home without keys; `None` where GnuPG is not there and not required.
    ///
    /// # Panics
    /// When no folder can be made.
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

    /// The home.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs gpg, however it ends.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.env("GNUPGHOME", self.home()).current_dir(self.home());
        command.args(["--batch", "--yes", "--quiet", "--pinentry-mode", "loopback"]).args(args);
        command.output().expect("gpg can be started")
    }

    /// What gpg prints.
    ///
    /// # Panics
    /// When it fails.
    pub fn print(&self, args: &[&str]) -> Vec<u8> {
        let done = self.run(args);
        assert!(done.status.success(), "gpg {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    }

    /// Makes a key for signing at a time (`20200101T000000!`), which expires as gpg reads `lasts` (`0`, `2d`).
    ///
    /// # Panics
    /// When gpg fails.
    pub fn key_of(&self, time: &str, user: &str, lasts: &str) {
        let made = ["--quick-generate-key", user, "ed25519", "sign", lasts];
        self.print(&[&["--faked-system-time", time, "--passphrase", ""], &made[..]].concat());
    }

    /// Makes a key and returns its fingerprint. `kind` is an algorithm (`ed25519`, `rsa2048`), `usage` what it is for
    /// (`sign`, `default`): `default` with `default` makes a second key for encryption.
    ///
    /// # Panics
    /// When gpg fails.
    pub fn key(&self, name: &str, kind: &str, usage: &str, passphrase: &str) -> String {
        let user = format!("{name} <{name}@test.example>");
        self.print(&["--passphrase", passphrase, "--quick-generate-key", &user, kind, usage, "0"]);
        let listed = self.print(&["--with-colons", "--list-keys", &user]);
        let listed = String::from_utf8(listed).expect("text");
        let line = listed.lines().find(|line| line.starts_with("fpr:")).expect("a fingerprint");
        line.split(':').nth(9).expect("the field").to_owned()
    }

    /// Writes a file into the home.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home().join(name);
        std::fs::write(&path, content).expect("a file can be written");
        path
    }

    /// A text with a cleartext signature.
    ///
    /// # Panics
    /// When gpg fails.
    pub fn sign(&self, key: &str, text: &str, more: &[&str]) -> Vec<u8> {
        let file = self.write("text-to-sign", text);
        let mut args = more.to_vec();
        let file = file.to_string_lossy();
        args.extend(["--local-user", key, "--output", "-", "--clearsign", &file]);
        self.print(&args)
    }

    /// An armored message for a key.
    ///
    /// # Panics
    /// When gpg fails.
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
        // Where it cannot be stopped, it ends by itself once its folder is gone.
        drop(agent);
    }
}
