//! `keyfill check`: every placeholder and every rendering, offline, for pre-commit and CI.
//!
//! Changed files lead to the roots that use them; each root is rendered once, several at a time, and its
//! documents are checked without any store.

mod formats;
mod targets;

use crate::cli::args::{CheckArgs, ReportFormat};
use crate::cli::env::Env;
use crate::discover::{Root, RootKind};
use crate::fill::{self, App, FillOptions};
use crate::places::Places;
use crate::render;
use crate::render::options::{self, Options};
use crate::report::{self, Failure, Problem};
use crate::tree::{Boundary, Tree};
use anyhow::{Context as _, Result};
use keyfill_diag::{Class, Cx, Diagnostic, Limits, Severity};
use keyfill_files::Files;
use keyfill_secrets::Reads;
use keyfill_secrets::file::FileSource;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs the command.
pub fn run(args: &CheckArgs, env: &Env) -> Result<()> {
    let named = args.run.root.as_deref().or_else(|| env.get("KEYFILL_ROOT").map(Path::new));
    let tree = Tree::open(Path::new("."), Boundary { named, app_path: None }, Limits::default().file_bytes)?;
    let (roots, warnings) = targets::roots(&tree, &args.paths)?;
    let time = args.run.deadline.unwrap_or(std::time::Duration::from_secs(600));
    let options = options::resolve(&args.render, env, &tree.at, true, env.get("KEYFILL_ENGINE"))?;
    let known = match &args.known_secrets {
        Some(path) => Some(FileSource::open(path).map_err(|e| Problem::usage(e.to_string()))?),
        None => None,
    };
    let check = Check {
        files: &*tree.files,
        options: &options,
        fill: FillOptions { app: some_app(env), ..FillOptions::default() },
        known: known.map(|source| Reads::new(std::sync::Arc::new(source))),
        cx: Cx::with_time(time),
    };
    let mut found = warnings;
    found.extend(check.all(&roots, progress(args.format, roots.len())));
    let places = Places::of(&tree);
    let found: Vec<Diagnostic> = found.into_iter().map(|d| places.diagnostic(d)).collect();
    tell(&found, args.format, roots.len())
}

/// The app that path templates name: no app is known here, so that any name stands for it.
fn some_app(env: &Env) -> App {
    let known = crate::settings::app(env);
    let or = |part: Option<String>, any: &str| Some(part.unwrap_or_else(|| any.to_owned()));
    App {
        name: or(known.name, "app"),
        namespace: or(known.namespace, "namespace"),
        project: or(known.project, "project"),
    }
}

/// What is checked, and with what.
struct Check<'a> {
    files: &'a dyn Files,
    options: &'a Options,
    fill: FillOptions,
    known: Option<Reads>,
    cx: Cx,
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
                        let problems = self.one(root);
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

    /// The problems of one root.
    fn one(&self, root: &Root) -> Vec<Diagnostic> {
        let rendered = match render::for_check(self.files, root, self.options, &self.cx) {
            Ok(rendered) => rendered,
            Err(failure) => return failure.diagnostics().to_vec(),
        };
        let mut problems = rendered.warnings;
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                return vec![Diagnostic::error(Class::Other, format!("cannot check {}: {error}", root.dir))];
            }
        };
        let checked =
            runtime.block_on(fill::check(&rendered.documents, &self.fill, self.known.as_ref(), &self.cx));
        // A rendered document's lines are not the lines of any file: the root is named instead.
        problems.extend(
            checked.into_iter().map(|d| if root.kind == RootKind::Yaml { d } else { with_root(d, root) }),
        );
        problems
    }
}

fn with_root(mut diagnostic: Diagnostic, root: &Root) -> Diagnostic {
    if diagnostic.place.file.is_none() {
        diagnostic.place.file = Some(root.dir.to_string());
    }
    diagnostic
}

/// Says how far it is, on a terminal and in runs that take a while.
#[allow(clippy::print_stderr)]
fn progress(format: ReportFormat, total: usize) -> impl Fn(usize) + Sync {
    let shown = format == ReportFormat::Human && std::io::stderr().is_terminal();
    let start = std::time::Instant::now();
    move |done| {
        if shown && start.elapsed().as_millis() > 500 {
            eprint!("\r{done}/{total} roots{}", if done == total { "\n" } else { "" });
        }
    }
}

/// Reports, and fails when there is an error among the problems.
fn tell(found: &[Diagnostic], format: ReportFormat, roots: usize) -> Result<()> {
    let errors: Vec<Diagnostic> = found.iter().filter(|d| d.severity == Severity::Error).cloned().collect();
    let mut stdout = std::io::stdout().lock();
    let text = match format {
        ReportFormat::Human => {
            let texts: Vec<String> = found.iter().map(report::human).collect();
            let (e, w) = (errors.len(), found.len() - errors.len());
            let summary =
                format!("{}, {}, {}\n", count(roots, "root"), count(e, "error"), count(w, "warning"));
            [texts.join("\n"), summary].join(if texts.is_empty() { "" } else { "\n" })
        }
        ReportFormat::Json => formats::json_lines(found)?,
        ReportFormat::Github => formats::github(found),
        ReportFormat::Sarif => formats::sarif(found)?,
    };
    stdout.write_all(text.as_bytes()).context("cannot write the report")?;
    if errors.is_empty() { Ok(()) } else { Err(Failed(Failure::new(errors)).into()) }
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// The check found errors, and they are told already.
#[derive(Debug)]
pub struct Failed(pub Failure);

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failed {}
