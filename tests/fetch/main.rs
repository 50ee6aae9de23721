//! What the tree does not hold, fetched by the real program from real servers on loopback.

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
