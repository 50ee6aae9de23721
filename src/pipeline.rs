//! The four stages of a run: discover, render, fill, emit. Read this module first.
//!
//! | command | stages |
//! |---|---|
//! | `generate DIR` | [`discover()`], [`render()`], [`fill()`], [`emit()`] |
//! | `generate -` | [`render()`] reads stdin, [`fill()`], [`emit()`] |
//! | `render` | [`discover()`], [`render()`], [`emit()`] |
//! | `check` | [`check`] for each root: it renders, and checks every placeholder without a store |
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
use keyfill_files::FileKind;
use keyfill_secrets::Reads;
use keyfill_yaml::Document;
use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The duration of each stage and the amount of work, for `--timings` and logs.
#[derive(Clone, Debug, Default)]
pub struct Timings {
    /// The stages in their order, each with its duration.
    pub stages: Vec<(&'static str, Duration)>,
    /// The name of the engine that rendered.
    pub engine: &'static str,
    /// The number of printed documents.
    pub documents: usize,
    /// The number of filled documents.
    pub filled: usize,
    /// The number of placeholders in them.
    pub placeholders: usize,
    /// The number of secrets that were read.
    pub secrets: usize,
}

impl Timings {
    /// Runs a stage and records its duration.
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

/// The root that a run renders; `None` for a file or stdin. In compatibility with AVP a folder is always plain YAML.
pub fn discover(run: &Run) -> Option<Root> {
    let tree = run.input.tree().filter(|tree| tree.kind != FileKind::File)?;
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
        // The tree is the whole file system, so that the chart's own folder is the boundary for links and
        // `--set-file`.
        let fenced = Fenced::new(files, &root.dir, run.options.values_in_tree());
        return timings
            .stage("render", || render::render(&fenced, root, &run.options, &run.outside, &run.cx));
    }
    timings.stage("render", || render::render(files, root, &run.options, &run.outside, &run.cx))
}

/// The initial size of the buffer for stdin, in bytes: twice the largest stream that was measured.
const STDIN_ROOM: usize = 16 << 20;

fn from_stdin(cx: &Cx, timings: &mut Timings) -> Result<Rendered> {
    let limits = &cx.limits;
    // Memory that is never written to costs nothing, while growing a buffer copies it, and needs twice its memory
    // meanwhile.
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

/// Fills documents from the stores of the settings. It creates the stores even if there is nothing to fill, since
/// wrong settings are errors then too. It logs in only if there is something to read.
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

/// Fills documents, which an earlier run may have rendered, with secrets that `reads` returns. It must run inside
/// a tokio runtime.
pub async fn fill_from(
    reads: &Reads,
    documents: Vec<Document>,
    settings: &Settings,
    cx: &Cx,
) -> Result<Filled> {
    Ok(fill::fill(documents, &settings.fill, reads, cx).await?)
}

/// Makes a tokio runtime for reading secrets.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start reading secrets")
}

/// The result of checking one root.
#[derive(Debug, Default)]
pub struct Checked {
    /// The errors and warnings.
    pub problems: Vec<Diagnostic>,
    /// Plain-text values of Secrets; empty unless they are searched for.
    pub plain: Vec<PlainValue>,
}

impl From<Vec<Diagnostic>> for Checked {
    fn from(problems: Vec<Diagnostic>) -> Self {
        Self { problems, plain: Vec::new() }
    }
}

/// Checks one root of the run's tree without a store. With `known`, a source that lists the existing secrets,
/// paths and keys are looked up there; with `plain`, plain-text values of Secrets are searched for.
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
    // A rendered document may not come from any one file; then the position names the root.
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

/// The plain-text values of a root's Secrets. Random values that a template makes (`randAlphaNum`, `genCA`) are
/// not in git: they are recognised by a second rendering, in which they are different.
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

/// Joins the result and prints it, or refuses it if it is empty.
pub fn emit(run: &Run, documents: &[Document], warnings: &[Diagnostic], timings: &mut Timings) -> Result<()> {
    let output = timings.stage("emit", || Output::of(documents, &run.cx))?;
    emit::refuse_empty(output.is_empty(), run.settings.allow_empty)?;
    crate::report::print(warnings);
    timings.documents = documents.len();
    timings.stage("print", || emit::to_stdout(&output))
}
