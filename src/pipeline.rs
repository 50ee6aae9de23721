//! The four stages in sight: discover, render, fill, emit. Read this first.
//!
//! `generate` runs all four, `render` leaves fill out, a pipe enters at fill. Nothing is printed before
//! every stage has succeeded for every document.

use crate::cli::args::RunArgs;
use crate::discover::{self, Root, RootKind};
use crate::emit::{self, Output};
use crate::fill;
use crate::memory;
use crate::places::Places;
use crate::render::{self, Rendered, options::Options};
use crate::settings::Settings;
use crate::store;
use crate::tree::Tree;
use anyhow::Result;
use keyfill_diag::{Cx, Diagnostic};
use keyfill_files::Kind;
use keyfill_secrets::Reads;
use keyfill_yaml::Document;
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

/// What a tree's folder is; nothing for a file. With AVP's habits a folder is its YAML files.
pub fn root_of(tree: &Tree, as_plain: bool) -> Option<Root> {
    let kind = match tree.kind {
        Kind::File => return None,
        _ if as_plain => RootKind::Yaml,
        _ => discover::kind_of(&*tree.files, &tree.at),
    };
    Some(Root { dir: tree.at.clone(), kind })
}

/// Renders the root that [`root_of`] found, or reads the tree's file.
pub fn render(
    tree: &Tree,
    root: Option<&Root>,
    options: &Options,
    cx: &Cx,
    timings: &mut Timings,
) -> Result<Rendered> {
    let files = &*tree.files;
    let rendered =
        match root {
            None => timings
                .stage("read", || render::plain::file(files, &tree.at))
                .map(|documents| Rendered { documents, engine: "plain", ..Rendered::default() }),
            Some(root) => {
                if root.kind == RootKind::Chart {
                    memory::in_huge_pages();
                }
                timings.stage("render", || render::render(files, root, options, cx))
            }
        };
    let places = Places::of(tree);
    let mut rendered = rendered.map_err(|e| places.error(e))?;
    rendered.warnings = rendered.warnings.into_iter().map(|w| places.diagnostic(w)).collect();
    for document in &mut rendered.documents {
        places.origin(&mut document.origin.file);
    }
    timings.engine = rendered.engine;
    Ok(rendered)
}

/// Fills documents from the store that the settings name. It opens the store even when there is nothing to
/// fill, since wrong settings are errors then too; it logs in only when there is something to read.
pub fn fill(
    documents: Vec<Document>,
    settings: &Settings,
    cx: &Cx,
    timings: &mut Timings,
) -> Result<fill::Filled> {
    let (source, warnings) = store::open(settings)?;
    let reads = Reads::new(source);
    let mut filled = timings.stage("fill", || -> Result<fill::Filled> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(fill::fill(documents, &settings.fill, &reads, cx)).map_err(Into::into)
    })?;
    filled.warnings.splice(0..0, warnings.into_iter().chain(reads.take_warnings()));
    timings.filled = filled.filled.iter().filter(|filled| **filled).count();
    timings.placeholders = filled.placeholders;
    timings.secrets = reads.count();
    Ok(filled)
}

/// Puts the result together and prints it, or refuses it when it is empty.
pub fn emit(
    documents: &[Document],
    allow_empty: bool,
    run: &RunArgs,
    warnings: &[Diagnostic],
    timings: &mut Timings,
) -> Result<()> {
    let output = timings.stage("emit", || Output::of(documents));
    emit::refuse_empty(&output, allow_empty)?;
    crate::report::print(warnings);
    timings.documents = documents.len();
    timings.stage("print", || emit::to_stdout(&output))?;
    if run.timings {
        timings.print();
    }
    Ok(())
}
