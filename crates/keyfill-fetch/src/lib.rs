//! What git does not hold: charts of repositories and registries, trees of git repositories, files by their
//! URL; fetched once, bound by a lock, shared by all.
//!
//! A [`Fetcher`] answers the questions of one run: [`Options`] say what may be fetched and with which
//! [`Credentials`], [`Lock`] what it must be. Behind it a [`Network`] is shared by all runs of a process: connections,
//! and the [`Store`].
//!
//! - `charts/`: repositories with an `index.yaml`, OCI registries.
//! - `git/`: protocol version 2 over https and ssh, packs, and snapshots of commits; `git/local/`, the revisions of
//!   a repository on this machine.
//! - `store`: contents by digest, found only by who may use the credential that they needed.
//! - `lock`: `keyfill.lock`.
//! - `proof/`: who must have signed what.
//!
//! What comes from a network is bounded, hashed and compared before it is used.

#![warn(clippy::disallowed_methods)]

mod argo_cd;
mod charts;
mod credentials;
mod digest;
mod fetcher;
mod git;
mod helper;
mod lock;
mod login;
mod network;
mod options;
mod proof;
mod store;
mod web;

pub use argo_cd::ArgoCdRepository;
#[doc(hidden)]
pub use charts::manifest_of;
pub use charts::{Index, Listed, NotFound};
pub use credentials::{Credentials, Repository, read_if_there};
pub use digest::Digest;
pub(crate) use fetcher::LOCK_IT;
pub use fetcher::{Fetcher, Handed, NOT_CACHED, NOT_LOCKED};
#[doc(hidden)]
pub use git::folder_of;
pub use git::{
    AskFolder, Changes, LocalRepository, Others, Pack, Revision, RevisionFiles, Snapshot, Tree, changes,
};
pub use helper::{Helpers, is_plain as is_helper_name};
pub use lock::{FILE_NAME as LOCK_FILE, Lock, LockError, LockedChart, LockedFiles, LockedTree};
pub use login::{Asked, Login, LoginSource};
pub use network::{Network, Stats};
pub use options::{Mode, Options, Ssh};
pub use proof::Proofs;
#[doc(hidden)]
pub use proof::claims_of;
pub use store::{DEFAULT_SIZE, Name, Record, Store, Writer};
