//! `keyfill diff`: shows how a change affects the rendered manifests, for reviews and CI.

mod html;
mod human;
mod json;
mod markdown;
#[cfg(test)]
mod tests;

use super::Caller;
use crate::cli::args::{DiffArgs, DiffFormat};
use crate::diff::apps::{self, AppSide, World};
use crate::diff::compare::{self, Names};
use crate::diff::reach::{self, Context, Job};
use crate::diff::revisions::{self, Revisions, Side};
use crate::diff::{Report, RootDiff};
use crate::fetch::Plan;
use crate::outside::Outside;
use crate::overrun;
use crate::progress::Progress;
use crate::report::{self, AlreadyReported, Failure, Problem};
use crate::run::Run;
use crate::settings::{Env, Given, Purpose};
use crate::terminal::{Stream, has_colours};
use crate::tree::Tree;
use anyhow::{Context as _, Result};
use keyfill_diag::{Class, Diagnostic};
use keyfill_files::{NoDecrypt, TreePath};
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Runs the command.
pub fn run(caller: &Caller<'_>, args: &DiffArgs) -> Result<()> {
    let given = Given { run: &args.run, fetch: &args.fetch, ..caller.given(Purpose::Check) };
    let run = Run::of_command(&given, &args.render, start_folder(args)?)?;
    run.bound_process();
    run.settings.refuse_authors_choice()?;
    report::print(&run.settings.warnings);
    let tree = run.input.tree().context("there is no folder to start from")?;
    let looking = Progress::of("looking for what the change reaches");
    let revisions = revisions::open(tree, &args.base, args.head.as_deref(), &run.cx)?;
    let plan = Plan::of(&given, &run.settings)?;
    let outside = |side: &Side| Outside {
        fetch: plan.clone().fetch(Some(&side.tree)),
        // Encrypted values are compared without decrypting them, since no value may be shown.
        decrypt: Arc::new(NoDecrypt),
        ..Outside::default()
    };
    let (base, head) = (outside(&revisions.base), outside(&revisions.head));
    let options = Arc::new(run.options.clone());
    let within = args.paths.iter().map(|path| named(tree, &revisions, path)).collect::<Result<Vec<_>>>()?;
    let sides = [
        Context { files: &revisions.base.tree.files, options: &options, outside: &base },
        Context { files: &revisions.head.tree.files, options: &options, outside: &head },
    ];
    let (jobs, notes) = match args.apps {
        false => (reach::jobs(&revisions, &sides, &within, &args.exclude, &run.cx)?, Vec::new()),
        true => {
            let repository: Vec<String> = revisions.remotes.iter().chain(&args.repo).cloned().collect();
            let options = |env: &Env, folder: &TreePath| {
                let given = Given { env, ..given };
                crate::run::options(&given, &args.render, &run.settings, folder)
            };
            let world = World {
                changed: &revisions.changed,
                repository: &repository,
                env: &caller.env,
                options: &options,
            };
            let (base, head) = (
                AppSide { side: &revisions.base, outside: &base },
                AppSide { side: &revisions.head, outside: &head },
            );
            apps::jobs(&world, &base, &head, &within, &run.cx)?
        }
    };
    drop(looking);
    let report = all(&run, &revisions, &jobs, notes);
    print(&report, args.format)?;
    let failures = report.failures();
    if !failures.is_empty() {
        return Err(AlreadyReported(Failure::new(failures)).into());
    }
    if report.is_empty() {
        return Ok(());
    }
    // Exit code 1; the report was already printed.
    let message = format!("{} and {} differ", report.base, report.head);
    Err(AlreadyReported(Diagnostic::error(Class::Other, message).into()).into())
}

/// The folder at which the run starts: `--root`, else the current folder.
fn start_folder(args: &DiffArgs) -> Result<&str> {
    match &args.run.root {
        None => Ok("."),
        Some(root) => root.to_str().context(Problem::usage("--root is not UTF-8")),
    }
}

/// The path of a named file or folder. It must exist on at least one side, since a misspelt path would look like
/// no difference.
fn named(tree: &Tree, revisions: &Revisions, name: &str) -> Result<TreePath> {
    let path = tree.named_file(name)?;
    let is_in = |side: &Side| path.as_str().is_empty() || side.tree.files.resolve(&path).is_ok();
    if is_in(&revisions.base) || is_in(&revisions.head) {
        return Ok(path);
    }
    let (base, head) = (&revisions.base.name, &revisions.head.name);
    Err(Problem::usage(format!("{name} is neither in {base} nor in {head}")).into())
}

/// Compares all roots, several in parallel.
fn all(run: &Run, revisions: &Revisions, jobs: &[Job], notes: Vec<String>) -> Report {
    let names = Names { base: &revisions.base.name, head: &revisions.head.name };
    let next = AtomicUsize::new(0);
    let found: Mutex<Vec<(usize, RootDiff, Vec<String>)>> = Mutex::default();
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(jobs.len().max(1));
    let progress = Progress::new("roots", jobs.len());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(at) else { return };
                    let (diff, notes) = compare::compare(job, names, &run.settings.fill, &run.cx);
                    found.lock().unwrap_or_else(PoisonError::into_inner).push((at, diff, notes));
                    progress.step();
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|(at, ..)| *at);
    let mut report = Report {
        base: names.base.to_owned(),
        head: names.head.to_owned(),
        files: revisions.changed.len(),
        notes,
        ..Report::default()
    };
    for (_, diff, notes) in found {
        report.notes.extend(notes);
        if diff.is_empty() {
            report.same += 1;
        } else {
            report.roots.push(diff);
        }
    }
    report
}

fn print(report: &Report, format: DiffFormat) -> Result<()> {
    let text = match format {
        DiffFormat::Human => human::text(report, has_colours(Stream::Out)),
        DiffFormat::Markdown => markdown::text(report),
        DiffFormat::Json => json::text(report)?,
        DiffFormat::Html => html::page(report),
    };
    overrun::ends_no_more();
    std::io::stdout().lock().write_all(text.as_bytes()).context("cannot write the differences")
}

/// `N thing` or `N things`.
fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// A sentence with the numbers of what was compared and found.
fn summary(report: &Report) -> String {
    let rendered = report.roots.len() + report.same;
    let files = count(report.files, "changed file");
    if report.is_empty() {
        return format!("{files}, {} rendered, no difference", count(rendered, "root"));
    }
    let failed = report.roots.iter().filter(|root| !root.failures.is_empty()).count();
    let failed = if failed == 0 { String::new() } else { format!(", {} failed", count(failed, "root")) };
    let differ = report.roots.len();
    let roots = count(rendered, "root");
    format!("{files}, {roots} rendered, {differ} with differences: objects {}{failed}", report.counts())
}

/// Differences of an object other than its fields, in a few words.
fn remarks(object: &crate::diff::ObjectDiff) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(name) = &object.renamed_from {
        remarks.push(format!("was {name}"));
    }
    if !object.hooks.is_empty() {
        remarks.push(format!("hook {}", object.hooks.join(", ")));
    }
    if !object.replaced_by.is_empty() {
        remarks.push(format!("has to be replaced: {} cannot be changed", object.replaced_by.join(", ")));
    }
    remarks
}
