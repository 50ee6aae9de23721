//! `kustomize build` in process, with the bytes of kustomize v5.8.1.
//!
//! Modules over plain nodes, which know nothing of resources or files: [`fieldspec`], [`schema`],
//! [`merge`], [`json6902`], [`replacement`], [`filters`]. The rest builds on them: files are loaded,
//! resources accumulated base by base, transformed, their names' references mended, and put in order.

pub mod error;
pub mod fieldspec;
pub mod filters;
pub mod gvk;
pub mod json6902;
pub mod merge;
pub mod replacement;
pub mod schema;

pub use error::Error;
pub use gvk::Gvk;
