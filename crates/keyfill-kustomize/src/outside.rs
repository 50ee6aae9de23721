//! What a build needs from outside of its tree.

use crate::generate::{Charts, NoCharts};
use keyfill_files::{Decrypt, Fetch, NoDecrypt, NoFetch};

/// Whom a build asks for what the tree does not hold.
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
    /// Nobody: charts are not rendered, and nothing is fetched or decrypted.
    fn default() -> Self {
        Self { charts: &NoCharts, fetch: &NoFetch, decrypt: &NoDecrypt }
    }
}
