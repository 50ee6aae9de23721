//! What a build needs from outside of its file tree.

use crate::generate::{Charts, NoCharts};
use keyfill_files::{Decrypt, Fetch, NoDecrypt, NoFetch};

/// Interfaces for what the tree does not contain.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// Renders charts.
    pub charts: &'a dyn Charts,
    /// Fetches charts, repositories and files.
    pub fetch: &'a dyn Fetch,
    /// Decrypts files of the tree.
    pub decrypt: &'a dyn Decrypt,
}

impl Default for Outside<'_> {
    /// Renders no charts, fetches nothing and decrypts nothing: each of these is an error.
    fn default() -> Self {
        Self { charts: &NoCharts, fetch: &NoFetch, decrypt: &NoDecrypt }
    }
}
