//! `keyfill discover`: which folders are ours, for an Argo CD plugin's discovery.

use crate::cli::args::DiscoverArgs;
use crate::discover;
use crate::ignore_file::IgnoreFiles;
use crate::settings::Env;
use crate::tree::{Boundary, Tree};
use anyhow::Result;
use keyfill_diag::Limits;
use std::io::Write as _;

/// Prints one folder a line, relative to the folder asked for. Nothing found is no error.
pub fn run(args: &DiscoverArgs, env: &Env) -> Result<()> {
    let named = args.root.as_deref().or_else(|| env.get("KEYFILL_ROOT").map(std::path::Path::new));
    let boundary = Boundary::of_env(named, env);
    let tree = Tree::open(&args.dir, boundary, Limits::default().file_bytes)?;
    let files = &*tree.files;
    let roots = if args.any {
        discover::all_roots(files, &tree.at, &mut IgnoreFiles::new(files))
    } else {
        discover::roots(files, &tree.at)
    };
    let mut stdout = std::io::stdout().lock();
    for root in roots.iter().filter(|root| args.any || discover::is_ours(files, root)) {
        let below = root.dir.as_str().strip_prefix(tree.at.as_str()).unwrap_or(root.dir.as_str());
        let below = below.trim_start_matches('/');
        writeln!(stdout, "{}", if below.is_empty() { "." } else { below })?;
    }
    Ok(())
}
