//! The settings for what one run fetches.

use crate::credentials::Credentials;
use crate::lock::Lock;
use crate::proof::Proofs;
use keyfill_http::HostPolicy;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Whether a run may fetch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is fetched.
    #[default]
    Off,
    /// Only what the lock file names is fetched.
    Locked,
    /// Anything that the host policy allows is fetched.
    On,
}

/// What one run may fetch, with which credentials, and what it must get.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether the run may fetch.
    pub mode: Mode,
    /// The hosts and paths that may be fetched from.
    pub policy: HostPolicy,
    /// Which charts must be signed, and by whom.
    pub proofs: Proofs,
    /// The logins and certificates for servers.
    pub credentials: Arc<Credentials>,
    /// The program and keys for git repositories over ssh; without them, none is fetched over ssh.
    pub ssh: Option<Ssh>,
    /// The entries of the lock file.
    pub lock: Lock,
    /// Whether it is an error that a chart's archive does not have the digest that the repository's index gives. If
    /// not, it is a warning.
    pub strict: bool,
    /// How long the commit of a branch, the version of a range, or an index is used before the server is asked for it
    /// again.
    pub ttl: Duration,
    /// Whether no request is sent: what the store does not hold is an error then.
    pub offline: bool,
}

impl Default for Options {
    fn default() -> Self {
        let (policy, proofs, lock) = (HostPolicy::default(), Proofs::default(), Lock::default());
        let (credentials, ttl) = (Arc::default(), Duration::from_secs(60));
        Self {
            mode: Mode::Off,
            policy,
            proofs,
            credentials,
            ssh: None,
            lock,
            strict: false,
            ttl,
            offline: false,
        }
    }
}

/// The program that fetches over ssh, and its key files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ssh {
    /// The path of OpenSSH's `ssh`.
    pub program: PathBuf,
    /// The file with the private key that logs in.
    pub key: PathBuf,
    /// The `known_hosts` file: the public keys of the servers.
    pub known_hosts: PathBuf,
}
