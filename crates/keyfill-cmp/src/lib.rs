//! Argo CD's config management plugin protocol: the server side, over a unix socket.
//!
//! It replaces argocd-cmp-server in a sidecar and knows nothing of rendering or secrets: it receives a request's
//! archive, checks it, and calls a [`Generator`]. The protocol is `proto/plugin.proto`; its code is generated at
//! build time.
//!
//! Repo-server sends an `:authority` that HTTP/2 libraries in Rust refuse; [`authority`] replaces it on the wire.

#![warn(clippy::disallowed_methods)]
#![cfg(unix)]

mod answer;
pub mod archive;
pub mod ask_pass;
pub mod authority;
pub mod config;
mod connections;
mod error;
mod generator;
pub mod queue;
mod server;
mod service;

pub use answer::{Answer, Direct};
pub use error::Error;
pub use generator::{AppRequest, BoxFuture, Generator, Matched, Parameter, Refusal};
pub use server::{Server, ServerOptions, plugin_service};
pub use service::Service;

/// The protocol's messages and services, generated.
#[allow(missing_docs, clippy::all, clippy::pedantic, unused_qualifications)]
pub mod proto {
    /// `package askpass`.
    pub mod askpass {
        tonic::include_proto!("askpass");
    }
    /// `package plugin`.
    pub mod plugin {
        tonic::include_proto!("plugin");
    }
    /// `package repository`.
    pub mod repository {
        tonic::include_proto!("repository");
    }
}
