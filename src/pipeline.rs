//! The four stages in sight: discover, render, fill, emit. Read this first.
//!
//! | command | stages |
//! |---|---|
//! | `generate DIR` | [`discover()`], [`render()`], [`fill()`], [`emit()`] |
//! | `generate -` | [`render()`] reads stdin, [`fill()`], [`emit()`] |
//! | `render` | [`discover()`], [`render()`], [`emit()`] |
//! | `check` | [`check`] for each root: it renders, and looks at every placeholder without a store |
//! | `serve` | [`discover()`], [`render()`], [`fill_from`]; it sends manifests in place of [`emit()`] |
//!
//! Nothing is printed before every stage has succeeded for every document.

use crate::discover::{self, Root, RootKind};
use crate::emit::{self, Output};
use crate::fill::plain::{self as plain_secrets, PlainValue};
use crate::fill::{self, Filled};
use crate::places::Places;
use crate::render::fence::Fenced;
use crate::render::{self, Rendered, plain};
use crate::report::Problem;
use crate::run::{Input, Run};
use crate::settings::Settings;
use crate::source_lines::Lines;
use crate::store;
use crate::tree::Tree;
use crate::verbose::{self, Announced};
use anyhow::{Context as _, Result};
use bytes::Bytes;
use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_files::Kind;
use keyfill_secrets::Reads;
use keyfill_yaml::Document;
use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long each stage took, and what there was to do: for `--timings` and logs.
#[derive(Clone, Debug, Default)]
pub struct Timings {
    /// Stages in their order.
    pub stages: Vec<(&'static str, Duration)>,
    /// Who rendered.
    pub engine: &'static str,
    /// Documents that were printed.
    pub documents: usize,
    /// Documents that were filled.
    pub filled: usize,
    /// Placeholders in them.
    pub placeholders: usize,
    /// Secrets that were read.
    pub secrets: usize,
}

impl Timings {
    /// Runs a stage and notes its time.
    pub fn stage<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.stages.push((name, start.elapsed()));
        result
    }

    /// Prints the times on stderr.
    #[allow(clippy::print_stderr)]
    pub fn print(&self) {
        for (name, time) in &self.stages {
            eprintln!("{name:>9} {:>9.3} ms", time.as_secs_f64() * 1000.0);
        }
        let engine = if self.engine.is_empty() { "none" } else { self.engine };
        eprintln!(
            "engine {engine}, {} documents, {} filled with {} placeholders, {} secrets read",
            self.documents, self.filled, self.placeholders, self.secrets
        );
    }
}

/// The root that a run renders; none for a file or stdin. With AVP's habits a folder is its YAML files.
pub fn discover(run: &Run) -> Option<Root> {
    let tree = run.input.tree().filter(|tree| tree.kind != Kind::File)?;
    let kind = match run.settings.compat_avp {
        true => RootKind::Yaml,
        false => discover::kind_for_app(&*tree.files, &tree.at, &run.options, &run.cx),
    };
    Some(Root { dir: tree.at.clone(), kind })
}

/// Renders the root that [`discover()`] found, or reads the file or stdin.
pub fn render(run: &Run, root: Option<&Root>, timings: &mut Timings) -> Result<Rendered> {
    let tree = match &run.input {
        Input::Stdin => return from_stdin(&run.cx, timings),
        Input::Tree(tree) => tree,
    };
    let rendered = render_tree(run, tree, root, timings);
    let places = Places::of(tree);
    let mut rendered = rendered.map_err(|e| places.error(e))?;
    rendered.warnings.extend(run.outside.fetch.take_warnings());
    rendered.warnings = rendered.warnings.into_iter().map(|w| places.diagnostic(w)).collect();
    places.origins(&mut rendered.documents);
    timings.engine = rendered.engine;
    Ok(rendered)
}

fn render_tree(run: &Run, tree: &Tree, root: Option<&Root>, timings: &mut Timings) -> Result<Rendered> {
    let files = &*tree.files;
    let Some(root) = root else {
        let documents =
            timings.stage("read", || plain::file(files, &tree.at, &*run.outside.decrypt, &run.cx))?;
        return Ok(Rendered { documents, engine: "plain", ..Rendered::default() });
    };
    if root.kind == RootKind::Chart && tree.is_whole_file_system() {
        // No boundary is known: the chart's own folder is one for its links and for --set-file.
        let fenced = Fenced::new(files, &root.dir, run.options.values_in_tree());
        return timings
            .stage("render", || render::render(&fenced, root, &run.options, &run.outside, &run.cx));
    }
    timings.stage("render", || render::render(files, root, &run.options, &run.outside, &run.cx))
}

/// Room for most streams: twice the largest that was measured.
const STDIN_ROOM: usize = 16 << 20;

fn from_stdin(cx: &Cx, timings: &mut Timings) -> Result<Rendered> {
    let limits = &cx.limits;
    // Memory that is not written to costs nothing, while a buffer that grows holds its text twice.
    let mut text = Vec::with_capacity(STDIN_ROOM);
    timings
        .stage("read", || std::io::stdin().lock().take(limits.file_bytes + 1).read_to_end(&mut text))
        .context(Problem::input("cannot read stdin"))?;
    if text.len() as u64 > limits.file_bytes {
        let message = format!("stdin is larger than {} MiB", limits.file_bytes >> 20);
        return Err(Problem::input(message).into());
    }
    plain::refuse_binary(&text, "<stdin>")?;
    let documents = plain::documents(&Bytes::from(text), "<stdin>", cx);
    let documents = documents.map_err(|why| plain::stopped("<stdin>", why))?;
    Ok(Rendered { documents, ..Rendered::default() })
}

/// Fills documents from the store that the settings name. It opens the store even when there is nothing to
/// fill, since wrong settings are errors then too; it logs in only when there is something to read.
pub fn fill(run: &Run, documents: Vec<Document>, timings: &mut Timings) -> Result<Filled> {
    let (mut source, warnings) = store::open(&run.settings)?;
    if run.settings.verbose {
        verbose::settings(&run.settings);
        source = Arc::new(Announced(source));
    }
    let reads = Reads::new(source);
    let filled = timings.stage("fill", || -> Result<Filled> {
        runtime()?.block_on(fill_from(&reads, documents, &run.settings, &run.cx))
    });
    let revealed = &run.outside.revealed;
    let mut filled = filled.map_err(|e| match run.input.tree() {
        Some(tree) => revealed.error(Places::of(tree).with_lines(e)),
        None => revealed.error(e),
    })?;
    filled.warnings = revealed.diagnostics(filled.warnings);
    filled.warnings.splice(0..0, warnings.into_iter().chain(reads.take_warnings()));
    timings.filled = filled.filled.iter().filter(|filled| **filled).count();
    timings.placeholders = filled.placeholders;
    timings.secrets = reads.count();
    Ok(filled)
}

/// Fills documents, which an earlier run may have rendered, with what `reads` gives. It must run inside a
/// tokio runtime.
pub async fn fill_from(
    reads: &Reads,
    documents: Vec<Document>,
    settings: &Settings,
    cx: &Cx,
) -> Result<Filled> {
    Ok(fill::fill(documents, &settings.fill, reads, cx).await?)
}

/// A runtime for reading secrets.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start reading secrets")
}

/// What a check finds in one root.
#[derive(Debug, Default)]
pub struct Checked {
    /// What is wrong.
    pub problems: Vec<Diagnostic>,
    /// Values of Secrets that stand in plain, where they are looked for.
    pub plain: Vec<PlainValue>,
}

impl From<Vec<Diagnostic>> for Checked {
    fn from(problems: Vec<Diagnostic>) -> Self {
        Self { problems, plain: Vec::new() }
    }
}

/// The problems of one root of the run's tree, found without a store. With `known`, which knows the secrets
/// that exist, paths and keys are looked up there; with `plain`, values of Secrets that stand in plain are found.
pub fn check(run: &Run, tree: &Tree, root: &Root, known: Option<&Reads>, plain: bool) -> Checked {
    let rendered = match render::for_check(&*tree.files, root, &run.options, &run.outside, &run.cx) {
        Ok(rendered) => rendered,
        Err(failure) => return failure.into_problems().into(),
    };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            return vec![Diagnostic::error(Class::Other, format!("{}: {error:#}", root.dir))].into();
        }
    };
    let plain = if plain { plain_values(run, tree, root, &rendered.documents) } else { Vec::new() };
    let checked = fill::check(&rendered.documents, &run.settings.fill, known, &run.cx);
    let lines = Lines::of(&*tree.files);
    let mut problems = rendered.warnings;
    problems.extend(run.outside.fetch.take_warnings());
    // A rendered document's lines are not the lines of any file: the root is named instead.
    problems.extend(runtime.block_on(checked).into_iter().map(|mut problem| {
        if root.kind != RootKind::Yaml && problem.place.file.is_none() {
            problem.place.file = Some(root.dir.to_string());
        }
        lines.complete(&mut problem);
        problem
    }));
    let problems = problems.into_iter().map(Diagnostic::bounded).collect();
    Checked { problems: run.outside.revealed.diagnostics(problems), plain }
}

/// The values of a root's Secrets that stand in plain. What a template makes anew each time (`randAlphaNum`,
/// `genCA`) stands nowhere: a second rendering has another value there.
fn plain_values(run: &Run, tree: &Tree, root: &Root, documents: &[Document]) -> Vec<PlainValue> {
    let find = |documents: &[Document]| {
        plain_secrets::values(documents, &run.settings.fill, &run.outside.revealed, &run.cx)
    };
    let mut found = find(documents);
    if root.kind != RootKind::Yaml && !found.is_empty() {
        let mut options = run.options.clone();
        options.helm.seed = options.helm.seed.map(|seed| seed.wrapping_add(1));
        if let Ok(again) = render::for_check(&*tree.files, root, &options, &run.outside, &run.cx) {
            let again = find(&again.documents);
            found.retain(|value| again.iter().any(|other| other.is_same(value)));
        }
    }
    for value in &mut found {
        if value.place.file.is_none() {
            value.place.file = Some(root.dir.to_string());
        }
    }
    found
}

/// Puts the result together and prints it, or refuses it when it is empty.
pub fn emit(run: &Run, documents: &[Document], warnings: &[Diagnostic], timings: &mut Timings) -> Result<()> {
    let output = timings.stage("emit", || Output::of(documents, &run.cx))?;
    emit::refuse_empty(output.is_empty(), run.settings.allow_empty)?;
    crate::report::print(warnings);
    timings.documents = documents.len();
    timings.stage("print", || emit::to_stdout(&output))
}
