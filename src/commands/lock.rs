//! `keyfill lock`: resolves everything that the roots need from outside of the tree, and writes `keyfill.lock` or
//! reports stale entries.

use super::check::targets;
use super::{Caller, each};
use crate::cli::args::{FetchArgs, FetchChoice, LockArgs, RunArgs};
use crate::cli::render_args::RenderArgs;
use crate::discover::{Root, RootKind};
use crate::fetch::{Localized, Plan, lock_path, read_lock};
use crate::outside::Outside;
use crate::places::Places;
use crate::render;
use crate::report::{self, Failure, Problem};
use crate::run::Run;
use crate::settings::{Given, Purpose};
use crate::tree::Tree;
use anyhow::{Context as _, Result};
use keyfill_diag::{Class, Diagnostic, Severity};
use keyfill_fetch::{Fetcher, LOCK_FILE, Lock, LockedFiles, Mode, NOT_LOCKED};
use keyfill_files::{Fetch, Files, TreePath};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

/// Runs the command.
pub fn run(caller: &Caller<'_>, args: &LockArgs) -> Result<()> {
    let work = Work::new(caller, &args.run, args.cache_size, &args.render, &args.dir, args.all)?;
    let old = work.lock()?;
    if args.check { check(&work, &old, args.all) } else { write(&work, &old, args) }
}

/// A run that fetches what roots need.
pub(super) struct Work {
    /// The run.
    pub(super) run: Run,
    /// The tree, at the requested folder.
    pub(super) tree: Tree,
    /// The fetch settings.
    pub(super) plan: Plan,
    /// The roots.
    pub(super) roots: Vec<Root>,
}

impl Work {
    /// A run over the roots at or below a folder, or with `all` over those of the whole tree.
    pub(super) fn new(
        caller: &Caller<'_>,
        run: &RunArgs,
        cache_size: Option<u64>,
        render: &RenderArgs,
        dir: &str,
        all: bool,
    ) -> Result<Self> {
        if Path::new(dir).is_file() {
            return Err(Problem::usage(format!("{dir} is a file: name a folder with roots")).into());
        }
        let fetch = FetchArgs { fetch: Some(FetchChoice::On), cache_size };
        let given = Given { run, fetch: &fetch, ..caller.given(Purpose::Render) };
        let run = Run::of_command(&given, render, dir)?;
        report::print(&run.settings.warnings);
        let plan = Plan::of(&given, &run.settings)?;
        let Some(mut tree) = run.input.tree().cloned() else {
            return Err(Problem::usage("a folder is needed").into());
        };
        if all && !tree.is_whole_file_system() {
            tree.at = TreePath::root();
        }
        let targets = targets::targets(&tree, &[], &[], &run.cx)?;
        let roots = targets.roots.into_iter().filter(|root| root.kind != RootKind::Yaml).collect();
        Ok(Self { run, tree, plan, roots })
    }

    /// The services of the run with another fetcher.
    pub(super) fn outside(&self, fetch: Arc<dyn Fetch>) -> Outside {
        Outside { fetch, ..self.run.outside.clone() }
    }

    /// The lock of the tree.
    pub(super) fn lock(&self) -> Result<Lock> {
        read_lock(&*self.tree.files, &lock_path(&self.tree)).map_err(|e| Failure::of(&e).into())
    }

    /// The path of the lock file on disk.
    fn path(&self) -> Result<std::path::PathBuf> {
        let root = self.tree.root().context("the tree does not lie on disk")?;
        Ok(lock_path(&self.tree).parts().fold(root.to_owned(), |path, part| path.join(part)))
    }

    /// Fetches everything that the roots need, several roots in parallel. Returns the problems in the order of the
    /// roots, without duplicates.
    pub(super) fn resolve(&self, files: &dyn Files, outside: &Outside, anew: bool) -> Vec<Diagnostic> {
        let options = &self.run.options;
        let found = each::root(&self.roots, 2, |root| {
            render::resolve(files, root, options, outside, anew, &self.run.cx)
        });
        let mut all: Vec<Diagnostic> = Vec::new();
        let places = Places::of(&self.tree);
        for problem in found.into_iter().flatten() {
            let problem = places.diagnostic(problem);
            if !all.contains(&problem) {
                all.push(problem);
            }
        }
        all
    }
}

impl Work {
    /// Reads the files of remote bases that an official binary would get, so that the lock contains them. These
    /// may be more than a rendering reads. Errors are ignored here, since resolving the roots reports them.
    fn read_bases(&self, fetch: &dyn Fetch) {
        for root in &self.roots {
            let _ = Localized::new(fetch, &self.run.cx).add(&*self.tree.files, root);
        }
    }
}

/// Prints warnings, and fails when there are errors.
pub(super) fn finish(problems: Vec<Diagnostic>) -> Result<()> {
    let is_error = |d: &Diagnostic| d.severity == Severity::Error;
    let (errors, warnings): (Vec<_>, Vec<_>) = problems.into_iter().partition(is_error);
    report::print(&warnings);
    if errors.is_empty() { Ok(()) } else { Err(Failure::new(errors).into()) }
}

fn write(work: &Work, old: &Lock, args: &LockArgs) -> Result<()> {
    let kept = match &args.update {
        None => old.clone(),
        Some(name) if name.is_empty() => Lock::default(),
        Some(name) => {
            let kept = old.without(name);
            if kept == *old {
                let message = format!("{LOCK_FILE} holds nothing that is called {name}");
                let hint = "name a chart, its repository, a git repository or a URL as the lock has it";
                return Err(Problem::usage(message).hint(hint).into());
            }
            kept
        }
    };
    // For an update, cached resolutions of branches and ranges are ignored.
    let plan = work.plan.clone().fresh(args.update.is_some());
    let fetcher = Arc::new(plan.fetcher(kept).map_err(|e| Failure::of(&e))?);
    let mut problems =
        work.resolve(&*work.tree.files, &work.outside(Arc::clone(&fetcher) as Arc<dyn Fetch>), false);
    problems.extend(fetcher.take_lasting_warnings());
    work.read_bases(&*fetcher);
    let taken = fetcher.taken();
    let is_complete = !problems.iter().any(|problem| problem.severity == Severity::Error);
    // A root that failed may need entries that it did not get to request.
    let new =
        if args.all && is_complete { taken } else { old.clone().with(moved(old, taken, &fetcher, work)) };
    let text = new.to_string();
    let path = work.path()?;
    let is_there = path.exists();
    if new == *old && (is_there || new.is_empty()) {
        say(&format!("{LOCK_FILE} is up to date: {}", counts(&new)))?;
    } else {
        replace(&path, text.as_bytes())?;
        say(&format!("{LOCK_FILE} holds {}", counts(&new)))?;
    }
    finish(problems)
}

/// The new entries. A repository with a new commit keeps its previously locked folders too, since roots outside of
/// this run may read them.
fn moved(old: &Lock, mut taken: Lock, fetcher: &Fetcher, work: &Work) -> Lock {
    for (want, found) in &mut taken.git {
        let before = old.git.get(want).filter(|before| before.commit != found.commit);
        let (Some(before), LockedFiles::Folders(folders)) = (before, &mut found.files) else { continue };
        let dirs = before.folders().into_iter().flatten().map(|(dir, _)| dir.clone());
        let dirs: Vec<TreePath> = dirs.filter(|dir| !folders.contains_key(dir)).collect();
        // If this fails, the roots that read these folders report it.
        if let Ok(digests) = fetcher.digests(want, &dirs, &work.run.cx) {
            folders.extend(digests);
        }
    }
    taken
}

/// Reports stale entries. Locked entries in the cache need no network.
fn check(work: &Work, old: &Lock, all: bool) -> Result<()> {
    let plan = work.plan.clone().with(Mode::Locked);
    let fetcher = Arc::new(plan.fetcher(old.clone()).map_err(|e| Failure::of(&e))?);
    let mut problems =
        work.resolve(&*work.tree.files, &work.outside(Arc::clone(&fetcher) as Arc<dyn Fetch>), false);
    work.read_bases(&*fetcher);
    for problem in &mut problems {
        if problem.message.contains(NOT_LOCKED) {
            problem.class = Class::Missing;
        }
    }
    let is_complete = !problems.iter().any(|problem| problem.severity == Severity::Error);
    if all && is_complete {
        let unused = old.names_beyond(&fetcher.taken());
        problems.extend(unused.into_iter().map(|name| {
            Diagnostic::error(Class::Missing, format!("{LOCK_FILE} holds {name}, which nothing asks for"))
                .hint("run `keyfill lock --all`")
        }));
    }
    finish(problems)?;
    say(&format!("{LOCK_FILE} fits: {}", counts(old)))
}

fn counts(lock: &Lock) -> String {
    let count = |n: usize, what: &str, many: &str| format!("{n} {}", if n == 1 { what } else { many });
    format!(
        "{}, {}, {}",
        count(lock.charts.len(), "chart", "charts"),
        count(lock.git.len(), "repository", "repositories"),
        count(lock.files.len(), "file", "files")
    )
}

/// Prints a line on stdout.
pub(super) fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// Replaces a file atomically.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let cannot = || format!("cannot write {}", path.display());
    std::fs::create_dir_all(folder).with_context(cannot)?;
    let mut file = tempfile::Builder::new().prefix(".keyfill-").tempfile_in(folder).with_context(cannot)?;
    file.write_all(content).with_context(cannot)?;
    set_mode(file.path()).with_context(cannot)?;
    file.persist(path).with_context(cannot)?;
    Ok(())
}

/// Sets the usual mode of a file in a work tree, since a temporary file is readable only by its owner.
#[cfg(unix)]
fn set_mode(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_mode(_: &Path) -> std::io::Result<()> {
    Ok(())
}
