//! keyfill fetches charts, bases and files that the work tree does not hold, from real servers on the loopback
//! interface.

#![allow(clippy::unwrap_used)]

mod applications;
mod bad_input;
mod certificate;
mod charts;
mod cosign;
mod engines;
mod faults;
mod hostile;
mod kustomize;
mod lock;
mod logins;
mod names;
mod page;
mod partial;
mod place;
mod proof;
mod provenance;
mod registry;
mod ssh;
mod submodules;
mod tls;
