//! Fetches what an app refers to and its own git repository does not hold: charts of chart repositories and OCI
//! registries, trees of other git repositories, and files by their URL. Each is fetched once, bound by a lock file,
//! and shared by all runs of a process.
//!
//! A [`Fetcher`] fetches for one run: [`Options`] say what may be fetched and with which [`Credentials`], [`Lock`]
//! says which version, commit and digest it must have. All runs of a process share a [`Network`]: its connections,
//! and the [`Store`], which caches what was fetched.
//!
//! - `charts/`: repositories with an `index.yaml`, OCI registries.
//! - `git/`: git's protocol version 2 over https and ssh, packs, and snapshots of commits; `git/local/`: the
//!   revisions of a repository on this machine.
//! - `store`: the cache on disk. An entry is found only by a run that may use the credential with which it was
//!   fetched.
//! - `lock`: the lock file `keyfill.lock`.
//! - `proof/`: which charts must be signed, and by whom.
//!
//! What comes from the network is limited in size, hashed, and compared with the lock before it is used.

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
