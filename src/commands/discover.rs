//! `keyfill discover`: lists the folders with placeholders, for the discovery of an Argo CD plugin.

use crate::cli::args::DiscoverArgs;
use crate::discover;
use crate::escape;
use crate::ignore_file::IgnoreFiles;
use crate::memory;
use crate::overrun;
use crate::report::Problem;
use crate::settings::Env;
use crate::tree::{Boundary, Tree};
use crate::values::is_true;
use anyhow::Result;
use keyfill_diag::{Class, Cx, Limits};
use std::io::Write as _;

/// Prints one folder per line, relative to the given folder. An empty list is not an error.
pub fn run(args: &DiscoverArgs, env: &Env) -> Result<()> {
    let named = args.root.as_deref().or_else(|| env.get("KEYFILL_ROOT").map(std::path::Path::new));
    let boundary = Boundary::of_env(named, env);
    let tree = Tree::open(&args.dir, boundary, Limits::default().file_bytes)?;
    let files = &*tree.files;
    let cx = Cx::default().with_memory(memory::limited(memory::DEFAULT_LIMIT));
    overrun::ends_after(&cx, Class::Render.exit_code());
    let mut roots = if args.any {
        discover::all_roots(files, &tree.at, &mut IgnoreFiles::new(files), &cx)
    } else {
        discover::roots(files, &tree.at, &cx)
    };
    let decrypts = is_true(env.get("KEYFILL_SOPS"));
    roots.retain(|root| args.any || discover::is_ours(files, root, decrypts, &cx));
    // An incomplete list would omit a folder with placeholders, which would then be applied to the cluster unfilled.
    cx.check()
        .map_err(|stopped| Problem::input(format!("stopped while looking for placeholders: {stopped}")))?;
    overrun::ends_no_more();
    let mut stdout = std::io::stdout().lock();
    for root in roots {
        let below = root.dir.as_str().strip_prefix(tree.at.as_str()).unwrap_or(root.dir.as_str());
        let below = below.trim_start_matches('/');
        writeln!(stdout, "{}", if below.is_empty() { ".".into() } else { escape::one_line(below) })?;
    }
    Ok(())
}
