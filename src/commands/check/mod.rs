//! `keyfill check`: every placeholder and every rendering, offline, for pre-commit and CI.
//!
//! Changed files lead to the roots that use them; each root is rendered once, several at a time, and its
//! documents are checked without any store.

mod formats;
pub mod targets;

use super::Caller;
use crate::cli::args::{CheckArgs, FillArgs, ReportFormat};
use crate::discover::Root;
use crate::pipeline;
use crate::places::Places;
use crate::report::{self, AlreadyReported, Failure, Problem};
use crate::run::Run;
use crate::settings::{Given, Purpose};
use crate::tree::Tree;
use anyhow::{Context as _, Result};
use keyfill_diag::{Diagnostic, Severity};
use keyfill_secrets::Reads;
use keyfill_secrets::file::FileSource;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Runs the command.
pub fn run(caller: &Caller<'_>, args: &CheckArgs) -> Result<()> {
    let fill = FillArgs { kinds: args.kinds.clone(), ..FillArgs::default() };
    let given = Given { fill: &fill, run: &args.run, fetch: &args.fetch, ..caller.given(Purpose::Check) };
    let run = Run::of_command(&given, &args.render, ".")?;
    run.settings.refuse_authors_choice()?;
    let Some(tree) = run.input.tree() else { return Ok(()) };
    let start = Instant::now();
    let targets = targets::targets(tree, &args.paths, &args.exclude, &run.cx)?;
    let roots = &targets.roots;
    let mut found = run.settings.warnings.clone();
    found.extend(targets.warnings);
    let known = match &args.known_secrets {
        Some(path) => Some(FileSource::open(path).map_err(|e| Problem::usage(e.to_string()))?),
        None => None,
    };
    let known = known.map(|source| Reads::new(std::sync::Arc::new(source)));
    let check = Check { run: &run, tree, known };
    found.extend(check.all(roots, progress(args.format, roots.len())));
    let places = Places::of(tree);
    let found: Vec<Diagnostic> = found.into_iter().map(|d| places.diagnostic(d)).collect();
    let looked_at = format!("{}, {}", count(roots.len(), "root"), count(targets.files, "file"));
    print_report(&found, args.format, &looked_at, start.elapsed())
}

/// What is checked, and with what.
struct Check<'a> {
    run: &'a Run,
    tree: &'a Tree,
    known: Option<Reads>,
}

impl Check<'_> {
    /// The problems of all roots, in the roots' order.
    fn all(&self, roots: &[Root], progress: impl Fn(usize) + Sync) -> Vec<Diagnostic> {
        let next = AtomicUsize::new(0);
        let done = AtomicUsize::new(0);
        let found: Mutex<Vec<(usize, Vec<Diagnostic>)>> = Mutex::default();
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(roots.len().max(1));
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(root) = roots.get(at) else { return };
                        let problems = pipeline::check(self.run, self.tree, root, self.known.as_ref());
                        found.lock().unwrap_or_else(PoisonError::into_inner).push((at, problems));
                        progress(done.fetch_add(1, Ordering::Relaxed) + 1);
                    }
                });
            }
        });
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.sort_by_key(|(at, _)| *at);
        let mut all: Vec<Diagnostic> = Vec::new();
        for problem in found.into_iter().flat_map(|(_, problems)| problems) {
            // What a base has wrong shows in each of its overlays: it is told once.
            if !all.contains(&problem) {
                all.push(problem);
            }
        }
        all
    }
}

/// Says how far it is, on a terminal and in runs that take a while.
#[allow(clippy::print_stderr)]
fn progress(format: ReportFormat, total: usize) -> impl Fn(usize) + Sync {
    let shown = format == ReportFormat::Human && std::io::stderr().is_terminal();
    let start = Instant::now();
    move |done| {
        if shown && start.elapsed().as_millis() > 500 {
            eprint!("\r{done}/{total} roots{}", if done == total { "\n" } else { "" });
        }
    }
}

/// Reports, and fails when there is an error among the problems.
fn print_report(found: &[Diagnostic], format: ReportFormat, looked_at: &str, took: Duration) -> Result<()> {
    let errors: Vec<Diagnostic> = found.iter().filter(|d| d.severity == Severity::Error).cloned().collect();
    let mut stdout = std::io::stdout().lock();
    let text = match format {
        ReportFormat::Human => {
            let texts: Vec<String> = found.iter().map(report::human).collect();
            let (e, w) = (errors.len(), found.len() - errors.len());
            let (e, w, s) = (count(e, "error"), count(w, "warning"), took.as_secs_f64());
            let summary = format!("{looked_at}, {e}, {w} in {s:.2} s\n");
            [texts.join("\n"), summary].join(if texts.is_empty() { "" } else { "\n" })
        }
        ReportFormat::Json => formats::json_lines(found)?,
        ReportFormat::Github => formats::github(found),
        ReportFormat::Sarif => formats::sarif(found)?,
    };
    stdout.write_all(text.as_bytes()).context("cannot write the report")?;
    if errors.is_empty() { Ok(()) } else { Err(AlreadyReported(Failure::new(errors)).into()) }
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
