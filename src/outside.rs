//! What a run needs from outside of its tree.

use keyfill_files::{Fetch, NoFetch};
use std::sync::Arc;

/// Whom a run asks for what its tree does not hold.
#[derive(Clone)]
pub struct Outside {
    /// Charts, git repositories and files by their URL.
    pub fetch: Arc<dyn Fetch>,
}

impl Default for Outside {
    /// Nobody: nothing is fetched.
    fn default() -> Self {
        Self { fetch: Arc::new(NoFetch) }
    }
}
