//! The resident sidecar: a supervisor and its workers.
//!
//! The [`supervisor`] holds sockets, queue, logins, the cache of secrets, policy and the cache of renderings. Of what
//! an author wrote it reads the request's own fields and nothing else. A [`worker`] discovers, renders, plans and
//! fills: it has no network and no files, it can be killed, and the secrets of its plan, and the data keys
//! of encrypted files, it gets from the supervisor, which checks each path and each key. So it gets what the archive
//! does not hold: the supervisor fetches. What they say to each other is in [`orders`].

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
