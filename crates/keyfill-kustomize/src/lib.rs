//! `kustomize build` in process, with the bytes of kustomize v5.8.1.
//!
//! [`build`] takes a folder of a file tree and returns its resources as documents. `assemble` runs the steps
//! of one kustomization; read it first. `load` turns files into kustomizations and objects, `resource` and
//! `resmap` hold the objects and what the build remembers about them, `transform` and `generate` have a
//! file for each step, `namereference` mends references at the end (see DESIGN.md). Over plain nodes, and
//! knowing nothing of resources or files, work `fieldspec`, `schema`, `merge`, `json6902`, `replacement`
//! and `filters`.

#![warn(clippy::disallowed_methods)]

mod assemble;
mod builtins;
mod config;
pub mod error;
pub mod fieldspec;
pub mod filters;
mod generate;
pub mod gvk;
pub mod json6902;
mod load;
pub mod merge;
mod namereference;
mod order;
mod origin;
pub mod replacement;
mod resmap;
mod resource;
pub mod schema;
mod selector;
mod transform;
mod variables;

pub use assemble::{BuildRequest, Built, build};
pub use error::Error;
pub use generate::{ChartError, ChartRequest, Charts, NoCharts};
pub use gvk::Gvk;
pub use load::{FILE_NAMES, LoadRestrictor, SortOrder};
