//! `keyfill serve`: the resident sidecar, in place of argocd-cmp-server.

use crate::cli::args::{ServeArgs, SharedArgs};
use crate::serve::supervisor;
use crate::settings::Env;
use anyhow::Result;

/// Runs the command until a signal ends it.
pub fn run(shared: &SharedArgs, args: &ServeArgs, env: &Env) -> Result<()> {
    supervisor::run(shared, args, env)
}
