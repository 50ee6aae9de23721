//! What holds for the questions of one run.

use crate::credentials::Credentials;
use crate::lock::Lock;
use crate::proof::Proofs;
use keyfill_http::HostPolicy;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Whether something may be fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is.
    #[default]
    Off,
    /// What the lock names.
    Locked,
    /// Anything that the policy allows.
    On,
}

/// What holds for the questions of one run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether something may be fetched.
    pub mode: Mode,
    /// From where.
    pub policy: HostPolicy,
    /// Who must have signed what.
    pub proofs: Proofs,
    /// With which logins.
    pub credentials: Arc<Credentials>,
    /// What repositories over ssh are asked with; none are where there is none.
    pub ssh: Option<Ssh>,
    /// What is locked.
    pub lock: Lock,
    /// Whether an index that gives a wrong digest is an error.
    pub strict: bool,
    /// How long a branch, a range of versions or an index holds before it is asked for again.
    pub ttl: Duration,
    /// Whether the network is left alone: what the store does not hold is missing.
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

/// The program that fetches over ssh, and what it may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ssh {
    /// `ssh` of OpenSSH.
    pub program: PathBuf,
    /// The private key that logs in.
    pub key: PathBuf,
    /// The keys of the hosts that may be asked.
    pub known_hosts: PathBuf,
}
