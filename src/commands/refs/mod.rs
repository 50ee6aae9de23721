//! `keyfill refs`: lists which secrets the roots of a tree refer to, and which roots refer to a secret. It prints
//! paths and keys, never a value. It needs a store only for `--with-store` and `--unused`.

mod state;

use super::check::targets;
use super::{Caller, each};
use crate::cli::args::{RefsArgs, RefsFormat};
use crate::discover::{Root, RootKind};
use crate::fill::policy::{check_globs, is_match};
use crate::fill::references::{self, Reference};
use crate::overrun;
use crate::places::Places;
use crate::reference_table::{self, Object, Row, Table};
use crate::render;
use crate::report::{self, AlreadyReported, Failure, Problem};
use crate::run::Run;
use crate::settings::{Given, Purpose};
use crate::tree::Tree;
use anyhow::{Context as _, Result};
use keyfill_diag::{Diagnostic, Place, Severity};
use keyfill_secrets::SecretRef;
use std::collections::BTreeSet;
use std::io::Write as _;

/// Runs the command.
pub fn run(caller: &Caller<'_>, args: &RefsArgs) -> Result<()> {
    let given =
        Given { fill: &args.fill, run: &args.run, fetch: &args.fetch, ..caller.given(Purpose::Check) };
    if let Some(glob) = &args.path {
        if glob.trim().is_empty() {
            return Err(Problem::usage("--path needs a glob, as in 'kv/data/shop/*'").into());
        }
        check_globs("--path", glob)?;
    }
    let has_room = matches!(args.format, RefsFormat::Table | RefsFormat::Json | RefsFormat::Html);
    if args.unused.is_some() && !has_room {
        return Err(Problem::usage("--unused is printed by the formats table, json and html").into());
    }
    let run = Run::of_command(&given, &args.render, ".")?;
    run.bound_process();
    run.settings.refuse_authors_choice()?;
    let Some(tree) = run.input.tree() else { return Ok(()) };
    let targets = targets::targets(tree, &args.paths, &args.exclude, &run.cx)?;
    let mut problems = run.settings.warnings.clone();
    problems.extend(targets.warnings);
    let (mut rows, found) = collect(&run, tree, &targets.roots);
    problems.extend(found);
    let mut table = Table::default();
    if args.with_store || args.unused.is_some() {
        let used: Vec<Row> = rows.clone();
        if let Some(glob) = &args.path {
            rows.retain(|row| is_match(glob, &row.path));
        }
        problems.extend(state::complete(&run, &mut rows, args.with_store)?);
        if let Some(mount) = &args.unused {
            table.unused = Some(state::unused(&run, mount, &used, &mut problems)?);
        }
    } else if let Some(glob) = &args.path {
        rows.retain(|row| is_match(glob, &row.path));
    }
    table.references = rows;
    let text = reference_table::written(&table, args.format)?;
    overrun::ends_no_more();
    std::io::stdout().lock().write_all(text.as_bytes()).context("cannot write the references")?;
    finish(&Places::of(tree), problems)
}

/// The distinct secrets that the roots of a run's tree refer to.
pub fn secrets(run: &Run, exclude: &[String]) -> Result<Vec<SecretRef>> {
    let Some(tree) = run.input.tree() else { return Ok(Vec::new()) };
    let targets = targets::targets(tree, &[], exclude, &run.cx)?;
    let found = each::root(&targets.roots, 1, |root| of_root(run, tree, root).0);
    let all: BTreeSet<SecretRef> = found.into_iter().flatten().map(|reference| reference.secret).collect();
    Ok(all.into_iter().collect())
}

/// The references of all roots, sorted by path, and the problems.
fn collect(run: &Run, tree: &Tree, roots: &[Root]) -> (Vec<Row>, Vec<Diagnostic>) {
    let (mut rows, mut problems): (Vec<Row>, Vec<Diagnostic>) = (Vec::new(), Vec::new());
    let places = Places::of(tree);
    for (root, found) in roots.iter().zip(each::root(roots, 1, |root| of_root(run, tree, root))) {
        rows.extend(found.0.into_iter().map(|reference| row(reference, root, &places)));
        for problem in found.1 {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    rows.sort_by(|a, b| {
        let key =
            |row: &Row| (row.store.clone(), row.path.clone(), row.key.clone(), row.root.clone(), row.line);
        key(a).cmp(&key(b))
    });
    (rows, problems)
}

fn of_root(run: &Run, tree: &Tree, root: &Root) -> (Vec<Reference>, Vec<Diagnostic>) {
    let rendered = match render::for_check(&*tree.files, root, &run.options, &run.outside, &run.cx) {
        Ok(rendered) => rendered,
        Err(failure) => return (Vec::new(), failure.into_problems()),
    };
    let mut warnings = rendered.warnings;
    match references::of(&rendered.documents, &run.settings.fill, &run.cx) {
        Ok((mut found, problems)) => {
            for reference in &mut found {
                if root.kind != RootKind::Yaml && reference.place.file.is_none() {
                    reference.place.file = Some(root.dir.to_string());
                }
            }
            warnings.extend(problems);
            (found, run.outside.revealed.diagnostics(warnings))
        }
        Err(failure) => (Vec::new(), run.outside.revealed.diagnostics(failure.into_problems())),
    }
}

fn row(reference: Reference, root: &Root, places: &Places) -> Row {
    let Reference { secret, key, modifiers, place, object } = reference;
    let shown = |place: Place| {
        places.diagnostic(Diagnostic::warning(keyfill_diag::Class::Other, String::new()).at(place)).place
    };
    let place = shown(place);
    let dir = if root.dir.is_root() { ".".to_owned() } else { root.dir.to_string() };
    Row {
        path: secret.path,
        key,
        version: secret.version,
        store: secret.store,
        namespace: secret.namespace,
        modifiers,
        file: place.file,
        line: place.line,
        object: Object {
            kind: object.kind.clone(),
            namespace: object.namespace.clone(),
            name: object.name.clone(),
        },
        root: shown(Place::file(dir, None)).file.unwrap_or_default(),
        state: None,
    }
}

/// Prints the problems; returns an error if one of them is an error.
fn finish(places: &Places, problems: Vec<Diagnostic>) -> Result<()> {
    let problems: Vec<Diagnostic> = problems.into_iter().map(|d| places.diagnostic(d)).collect();
    report::print(&problems);
    let errors: Vec<Diagnostic> = problems.into_iter().filter(|d| d.severity == Severity::Error).collect();
    if errors.is_empty() { Ok(()) } else { Err(AlreadyReported(Failure::new(errors)).into()) }
}
