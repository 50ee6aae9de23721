//! `kustomize build` in process, with the bytes of kustomize v5.8.1.
//!
//! [`build`] takes a folder of a file tree and returns its resources. Files come through the trait
//! [`Files`](keyfill_files::Files): from a folder on disk (`DiskFiles`), from memory, or from a tree of your own.
//!
//! ```
//! use keyfill_diag::Cx;
//! use keyfill_files::MemoryFiles;
//! use keyfill_kustomize::{BuildRequest, Outside, build};
//!
//! let files: MemoryFiles = [
//!     ("kustomization.yaml", "resources: [settings.yaml]\nnamePrefix: prod-\n"),
//!     ("settings.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {LEVEL: info}}"),
//! ]
//! .into_iter()
//! .collect();
//!
//! let built = build(&files, &BuildRequest::default(), Outside::default(), &Cx::default())?;
//! assert_eq!(
//!     built.text(),
//!     b"apiVersion: v1\ndata:\n  LEVEL: info\nkind: ConfigMap\nmetadata:\n  name: prod-settings\n"
//! );
//! # Ok::<(), keyfill_kustomize::Error>(())
//! ```
//!
//! An [`Error`] says which file, line and object it is about, through which bases the build came there, and what
//! to do. What kustomize can do and this crate does not is an error too: [`Report::is_unsupported`](keyfill_diag::Report::is_unsupported).
//!
//! ```
//! # use keyfill_diag::Cx;
//! use keyfill_diag::Report;
//! # use keyfill_files::MemoryFiles;
//! # use keyfill_kustomize::{BuildRequest, Outside, build};
//! let files: MemoryFiles = [("kustomization.yaml", "resources:\n- missing.yaml\n")].into_iter().collect();
//! let error = build(&files, &BuildRequest::default(), Outside::default(), &Cx::default()).unwrap_err();
//! let place = &error.diagnostics()[0].place;
//! assert_eq!((place.file.as_deref(), place.line), (Some("kustomization.yaml"), Some(2)));
//! ```
//!
//! What a tree does not contain comes from [`Outside`]: it renders `helmCharts` ([`Charts`]), fetches, and
//! decrypts. The default refuses all of these.
//!
//! # Where things are
//! `assemble` runs the steps of one kustomization; read it first. `load` turns files into kustomizations and
//! objects, `resource` and `resmap` hold the objects and what the build remembers about them, `transform` and
//! `generate` have a file for each step, `namereference` corrects references at the end (see DESIGN.md). The
//! modules [`fieldspec`], [`schema`], [`merge`], [`json6902`], [`replacement`] and [`filters`] work on YAML nodes
//! and know nothing of resources or files.

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
mod outside;
pub mod replacement;
mod resmap;
mod resource;
pub mod schema;
mod selector;
mod transform;
mod variables;

pub use assemble::{BuildRequest, Built, build};
pub use error::Error;
pub use generate::{ChartError, ChartRequest, ChartValues, Charts, NoCharts};
pub use gvk::Gvk;
pub use load::{FILE_NAMES, LoadRestrictor, SortOrder};
#[doc(hidden)]
pub use load::{Repository, World, is_remote_file, names_a_manifest, submodule_address};
pub use outside::Outside;

/// Runs the examples of the README as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
