//! `keyfill check --watch`: checks once, and then, each time that files are saved, the roots that use them.
//!
//! The roots of the tree and the files that they read are cached between the checks, so that after a save little
//! more is done than rendering the affected roots.

#[cfg_attr(target_os = "linux", path = "inotify.rs")]
#[cfg_attr(not(target_os = "linux"), path = "polling.rs")]
mod saves;

use super::once;
use super::targets::{self, Memory, Targets};
use crate::cli::args::CheckArgs;
use crate::commands::Caller;
use crate::discover::{KUSTOMIZATION_NAMES, Root};
use crate::overrun;
use crate::report::{AlreadyReported, Problem};
use crate::run::Run;
use crate::tree::Tree;
use crate::values::count;
use anyhow::Result;
use keyfill_files::TreePath;
use saves::Saves;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// A save that follows another within this time belongs to it, since one save of an editor causes several events.
const QUIET: Duration = Duration::from_millis(5);

/// The longest time after a save in which further saves are collected before the check starts.
const LONGEST: Duration = Duration::from_millis(25);

/// The most changed files of one save; with more, everything is checked again.
const MOST_FILES: usize = 1_000;

/// A change in the watched folders.
pub enum Change {
    /// A file was changed, created or deleted.
    File(TreePath),
    /// The changed files are not known.
    All,
}

/// The changes that were saved together.
#[derive(Default)]
struct Batch {
    files: BTreeSet<TreePath>,
    all: bool,
}

/// Runs the command until it is interrupted.
pub fn run(caller: &Caller<'_>, args: &CheckArgs) -> Result<()> {
    let mut memory = Memory::default();
    let mut saves: Option<Saves> = None;
    let first = once(caller, args, |run, tree| {
        // Watching starts before the first check, so that no save is missed.
        saves = Some(watch(tree)?);
        let targets = targets::targets(tree, &args.paths, &args.exclude, &run.cx)?;
        look(run, tree, args, &BTreeSet::new(), &mut memory)?;
        Ok(Some(targets))
    });
    go_on(first)?;
    let Some(mut saves) = saves else { return Ok(()) };
    saves.add(memory.folders());
    let folders = count(saves.len(), "folder");
    // A closed stderr does not end the command.
    let _ = writeln!(std::io::stderr(), "watching {folders}; interrupt to end");
    while let Some(batch) = next(&mut saves) {
        go_on(once(caller, args, |run, tree| {
            let is_new = |path: &TreePath| !memory.knows(path) || !tree.files.is_file(path);
            if batch.all || batch.files.iter().any(|path| decides_roots(path) && is_new(path)) {
                memory = Memory::default();
            }
            if batch.all || batch.files.len() > MOST_FILES {
                return targets::targets(tree, &args.paths, &args.exclude, &run.cx).map(Some);
            }
            let mut reached = look(run, tree, args, &batch.files, &mut memory)?;
            reached.roots.retain(|root| is_wanted(tree, args, root));
            Ok(Some(reached).filter(|reached| !reached.roots.is_empty()))
        }))?;
    }
    Ok(())
}

fn watch(tree: &Tree) -> Result<Saves> {
    let Some(root) = tree.root().filter(|_| !tree.is_whole_file_system()) else {
        return Err(
            Problem::usage("--watch needs a git work tree around the folder, or --root".to_owned()).into()
        );
    };
    Saves::below(root)
}

/// Problems that a check has reported do not end the command; an error that prevents the check does.
fn go_on(checked: Result<()>) -> Result<()> {
    overrun::ends_no_more();
    match checked {
        Err(error) if error.downcast_ref::<AlreadyReported>().is_some() => Ok(()),
        other => other,
    }
}

fn look(
    run: &Run,
    tree: &Tree,
    args: &CheckArgs,
    changed: &BTreeSet<TreePath>,
    memory: &mut Memory,
) -> Result<Targets> {
    let from = tree.current.clone().unwrap_or_else(|| tree.at.clone());
    targets::reached_again(&*tree.files, &from, changed, &args.exclude, memory, &run.cx)
}

/// Whether a root is at or below a path on the command line, or without paths below the current folder.
fn is_wanted(tree: &Tree, args: &CheckArgs, root: &Root) -> bool {
    if args.paths.is_empty() {
        return root.dir.is_within(&tree.at);
    }
    let named = args.paths.iter().filter_map(|name| tree.named_file(name).ok());
    named.into_iter().any(|path| root.dir.is_within(&path) || path.is_within(&root.dir))
}

/// Whether the existence of a file decides which folders are roots.
fn decides_roots(path: &TreePath) -> bool {
    let name = path.name();
    KUSTOMIZATION_NAMES.contains(&name) || matches!(name, "Chart.yaml" | ".keyfillignore")
}

/// Waits for the next save, and a short time for others that belong to it.
fn next(saves: &mut Saves) -> Option<Batch> {
    let mut batch = Batch::default();
    batch.add(saves.wait(None)?);
    let start = Instant::now();
    while start.elapsed() < LONGEST
        && let Some(change) = saves.wait(Some(QUIET))
    {
        batch.add(change);
    }
    Some(batch)
}

impl Batch {
    fn add(&mut self, change: Change) {
        match change {
            Change::All => self.all = true,
            Change::File(path) => drop(self.files.insert(path)),
        }
    }
}
