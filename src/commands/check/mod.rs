//! `keyfill check`: renders roots and checks every placeholder, offline, for pre-commit and CI.
//!
//! For changed files, the roots that use them are checked. Each root is rendered once, several in parallel, and
//! its documents are checked without any store.

mod exceptions;
mod formats;
pub mod targets;
mod watch;

use super::{Caller, each};
use crate::cli::args::{CheckArgs, FillArgs, ReportFormat};
use crate::discover::Root;
use crate::overrun;
use crate::pipeline;
use crate::places::Places;
use crate::report::{self, AlreadyReported, Failure, Problem};
use crate::run::Run;
use crate::settings::{Given, Purpose};
use crate::terminal::Stream;
use crate::tree::Tree;
use crate::values::count;
use crate::verbose;
use anyhow::{Context as _, Result};
use exceptions::Exceptions;
use keyfill_diag::{Diagnostic, Severity};
use keyfill_secrets::Reads;
use keyfill_secrets::file::FileSource;
use std::collections::HashSet;
use std::io::Write as _;
use std::time::{Duration, Instant};
use targets::Targets;

/// Runs the command.
pub fn run(caller: &Caller<'_>, args: &CheckArgs) -> Result<()> {
    if args.watch {
        return watch::run(caller, args);
    }
    once(caller, args, |run, tree| targets::targets(tree, &args.paths, &args.exclude, &run.cx).map(Some))
}

/// Checks the targets that `find` returns once. If it returns `None`, nothing is checked or printed.
fn once(
    caller: &Caller<'_>,
    args: &CheckArgs,
    find: impl FnOnce(&Run, &Tree) -> Result<Option<Targets>>,
) -> Result<()> {
    let fill = FillArgs { kinds: args.kinds.clone(), ..FillArgs::default() };
    let given = Given { fill: &fill, run: &args.run, fetch: &args.fetch, ..caller.given(Purpose::Check) };
    let run = Run::of_command(&given, &args.render, ".")?;
    run.bound_process();
    run.settings.refuse_authors_choice()?;
    let Some(tree) = run.input.tree() else { return Ok(()) };
    let start = Instant::now();
    let Some(targets) = find(&run, tree)? else { return Ok(()) };
    let roots = &targets.roots;
    let mut found = run.settings.warnings.clone();
    found.extend(targets.warnings);
    let known = match &args.known_secrets {
        Some(path) => Some(FileSource::open(path).map_err(|e| Problem::usage(e.to_string()))?),
        None => None,
    };
    let known = known.map(|source| Reads::new(std::sync::Arc::new(source)));
    let plain = args.plain_secrets.then(|| Exceptions::read(&*tree.files, &tree.at, &run.cx)).transpose()?;
    let check = Check { run: &run, tree, known, plain };
    found.extend(check.all(roots));
    if args.paths.is_empty() && args.exclude.is_empty() && !args.watch {
        found.extend(check.plain.iter().flat_map(Exceptions::unused));
    }
    if run.settings.verbose {
        verbose::settings(&run.settings);
        roots.iter().for_each(verbose::root);
    }
    let places = Places::of(tree);
    let found: Vec<Diagnostic> = found.into_iter().map(|d| places.diagnostic(d)).collect();
    let looked_at = format!("{}, {}", count(roots.len(), "root"), count(targets.files, "file"));
    print_report(&found, args.format, &looked_at, start.elapsed())
}

/// The context of a check.
struct Check<'a> {
    run: &'a Run,
    tree: &'a Tree,
    known: Option<Reads>,
    /// The allowed plain-text values; `None` if plain-text values are not searched for.
    plain: Option<Exceptions>,
}

impl Check<'_> {
    /// The problems of one root.
    fn root(&self, root: &Root) -> Vec<Diagnostic> {
        let checked = pipeline::check(self.run, self.tree, root, self.known.as_ref(), self.plain.is_some());
        let mut problems = checked.problems;
        if let Some(exceptions) = &self.plain {
            let found = checked.plain.into_iter().filter_map(|value| exceptions.judge(value)).collect();
            problems.extend(self.run.outside.revealed.diagnostics(found));
        }
        problems
    }

    /// The problems of all roots, in the roots' order.
    fn all(&self, roots: &[Root]) -> Vec<Diagnostic> {
        let mut all: Vec<Diagnostic> = each::root(roots, 1, |root| self.root(root)).concat();
        // A problem of a base occurs in each of its overlays, but is reported once.
        let mut known = HashSet::new();
        all.retain(|problem| known.insert(problem.clone()));
        all
    }
}

/// Prints the report, and returns an error if one of the problems is an error.
fn print_report(found: &[Diagnostic], format: ReportFormat, looked_at: &str, took: Duration) -> Result<()> {
    let errors: Vec<Diagnostic> = found.iter().filter(|d| d.severity == Severity::Error).cloned().collect();
    let mut stdout = std::io::stdout().lock();
    let text = match format {
        ReportFormat::Human => {
            let texts: Vec<String> = found.iter().map(|d| report::human_for(d, Stream::Out)).collect();
            let (e, w) = (errors.len(), found.len() - errors.len());
            let (e, w, s) = (count(e, "error"), count(w, "warning"), took.as_secs_f64());
            let summary = format!("{looked_at}, {e}, {w} in {s:.2} s\n");
            [texts.join("\n"), summary].join(if texts.is_empty() { "" } else { "\n" })
        }
        ReportFormat::Json => formats::json_lines(found)?,
        ReportFormat::Github => formats::github(found),
        ReportFormat::Sarif => formats::sarif(found)?,
    };
    overrun::ends_no_more();
    stdout.write_all(text.as_bytes()).context("cannot write the report")?;
    if errors.is_empty() { Ok(()) } else { Err(AlreadyReported(Failure::new(errors)).into()) }
}
