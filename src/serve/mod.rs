//! The resident sidecar: a supervisor and its workers.
//!
//! The [`supervisor`] holds the sockets, the queue, the logins, the cache of secrets, the policy and the cache of
//! renderings. Of an author's input it reads only the fields of the request. A [`worker`] discovers, renders and
//! fills. It has no network and no files, and it can be killed. The supervisor sends it the secrets and the data
//! keys of encrypted files that it asks for, after a check of each path and each key, and fetches charts, bases and
//! files that the archive does not hold. Their messages are in [`orders`].

mod account;
mod bounds;
pub mod configuration;
mod crashes;
mod documents;
pub mod environment;
pub mod fetch_orders;
mod fetching;
mod fields;
mod generator;
mod job;
mod log;
mod lost;
mod measured;
mod metrics;
pub mod orders;
mod refresh;
mod render_cache;
mod secrets;
mod sizes;
mod stores;
pub mod supervisor;
mod traces;
mod unlock;
pub mod worker;
