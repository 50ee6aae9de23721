//! The plugin protocol's calls, answered with the pipeline.

use super::account::{Account, Notes};
use super::configuration::Configuration;
use super::log::Log;
use super::manifests::{self, Manifest};
use super::metrics::Metrics;
use super::render_cache::{Key, RenderCache, Rendered};
use super::{app, patterns, processors};
use crate::cli::args::{ServeArgs, SourceKind};
use crate::discover;
use crate::fill::Print;
use crate::pipeline::{self, Timings};
use crate::render;
use crate::report::{self, Failure};
use crate::run::{Input, Run};
use crate::settings::Settings;
use crate::store;
use crate::tree::Tree;
use anyhow::Result;
use keyfill_cmp::archive::{Archive, ArchiveFiles};
use keyfill_cmp::{AppRequest, BoxFuture, Generator, Matched, Parameter, Refusal, Workers};
use keyfill_diag::Cx;
use keyfill_files::Files;
use keyfill_secrets::vault::{Shared, SharedOptions, SharedStats, VaultSettings};
use keyfill_secrets::{Reads, Source};
use std::sync::Arc;
use std::time::Instant;

/// Requests that keep a processor busy at once, for each processor. More than one, since an official binary
/// and a temporary file are waited for; few, since each holds what it renders.
const WORKERS_A_PROCESSOR: usize = 2;

/// Answers the protocol's calls.
pub struct KeyfillGenerator(Arc<Inner>);

struct Inner {
    configuration: Configuration,
    vault: Shared,
    rendered: RenderCache,
    workers: Workers,
    log: Arc<Log>,
    metrics: Metrics,
}

/// What rendering one request gave, ready to be filled.
struct Prepared {
    settings: Settings,
    rendered: Arc<Rendered>,
    source: Arc<dyn Source>,
}

impl KeyfillGenerator {
    /// Nothing is read before a request comes.
    pub fn new(args: &ServeArgs, configuration: Configuration, log: Arc<Log>) -> Self {
        let vault = Shared::new(SharedOptions {
            keep: args.secret_ttl,
            concurrency: args.vault_concurrency.max(1),
            requests_per_second: (args.vault_rps > 0).then_some(args.vault_rps),
            ..SharedOptions::default()
        });
        let rendered = RenderCache::new(args.render_cache << 20);
        let workers = Workers::new(WORKERS_A_PROCESSOR * processors());
        Self(Arc::new(Inner { configuration, vault, rendered, workers, log, metrics: Metrics::default() }))
    }

    fn account<'a>(&'a self, call: &'static str, request: &'a AppRequest, cx: &'a Cx) -> Account<'a> {
        Account::open(&self.0.log, &self.0.metrics, call, request, cx)
    }

    /// Requests that keep a processor busy.
    pub fn working(&self) -> usize {
        self.0.workers.busy()
    }

    /// The counters.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// What the Vault side did.
    pub fn vault_stats(&self) -> SharedStats {
        self.0.vault.stats()
    }

    /// Bytes of rendered results that are kept, and how often one was found.
    pub fn render_cache(&self) -> (u64, u64) {
        (self.0.rendered.bytes(), self.0.rendered.hits())
    }
}

impl Inner {
    /// Everything before secrets: settings, rendering. It keeps a processor busy.
    fn prepare(
        &self,
        request: &AppRequest,
        archive: Archive,
        cx: &Cx,
        notes: &mut Notes,
    ) -> Result<Prepared> {
        let env = app::environment(
            &self.configuration.env,
            request,
            self.configuration.plugin.spec.provide_git_creds,
        );
        let (mut settings, options) = app::resolve(&self.configuration, &env, &request.path)?;
        notes.project = settings.fill.app.project.clone().unwrap_or_default();
        notes.warnings.clone_from(&settings.warnings);
        let source: Arc<dyn Source> = match settings.source()? {
            SourceKind::Vault => {
                // Logins are kept in memory and shared; the root file system is read-only.
                let kept_in_memory = VaultSettings { token_cache: None, ..store::vault_settings(&settings)? };
                self.vault.source(kept_in_memory)?
            }
            SourceKind::File => store::open(&settings)?.0,
        };
        let key = Key::of(request, &options);
        let rendered = match self.rendered.get(&key) {
            Some(rendered) => {
                notes.cached = true;
                rendered
            }
            None => {
                let start = Instant::now();
                let tree = Tree::of_archive(Arc::new(open(archive)?), request.path.clone());
                let run = Run { input: Input::Tree(tree), settings, options, cx: cx.clone() };
                let root = pipeline::discover(&run);
                let render::Rendered { documents, warnings, engine } =
                    pipeline::render(&run, root.as_ref(), &mut Timings::default())?;
                settings = run.settings;
                let manifests = match settings.fill.print {
                    Print::Json => manifests::make_ready(documents)?,
                    Print::Yaml => documents.into_iter().map(Manifest::Open).collect(),
                };
                let rendered = Arc::new(Rendered { manifests, warnings, engine });
                self.metrics.render.observe(start.elapsed());
                self.rendered.put(key, Arc::clone(&rendered));
                rendered
            }
        };
        notes.engine = rendered.engine;
        notes.warnings.extend(rendered.warnings.iter().cloned());
        Ok(Prepared { settings, rendered, source })
    }

    async fn generate(
        self: &Arc<Self>,
        request: &AppRequest,
        archive: Archive,
        cx: &Cx,
        notes: &mut Notes,
    ) -> Result<Vec<String>> {
        let prepared = {
            let (inner, request, cx) = (Arc::clone(self), request.clone(), cx.clone());
            let work = move || {
                let mut notes = Notes::default();
                let prepared = inner.prepare(&request, archive, &cx, &mut notes);
                (prepared, notes)
            };
            let (prepared, noted) = self.workers.run(work).await?;
            *notes = noted;
            prepared?
        };
        let Prepared { settings, rendered, source } = prepared;
        let start = Instant::now();
        let reads = Reads::new(source);
        let documents = manifests::open(&rendered.manifests);
        let mut filled = pipeline::fill_from(&reads, documents, &settings, cx).await?;
        self.metrics.fill.observe(start.elapsed());
        notes.secrets = reads.count();
        notes.warnings.extend(reads.take_warnings());
        notes.warnings.append(&mut filled.warnings);
        let (as_json, allow_empty) = (settings.fill.print == Print::Json, settings.allow_empty);
        let finish = move || manifests::finish(&rendered.manifests, filled, as_json, allow_empty);
        let manifests = self.workers.run(finish).await??;
        notes.documents = manifests.len();
        Ok(manifests)
    }

    /// Whether what the app's folder reads holds placeholders; or what plugin.yaml's patterns say.
    fn matches(&self, request: &AppRequest, files: &dyn Files) -> bool {
        let rules = &self.configuration.plugin.spec.discover;
        if !rules.file_name.is_empty() {
            return patterns::file_name_fits(files, &request.path, &rules.file_name);
        }
        if !rules.find.glob.is_empty() {
            return patterns::glob_fits(files, &request.path, &rules.find.glob);
        }
        let any = rules.find.command.iter().chain(&rules.find.args).any(|a| a == "--any");
        let roots = discover::roots(files, &request.path);
        rules.is_configured() && roots.iter().any(|root| any || discover::is_ours(files, root))
    }
}

/// The text that Argo CD's UI shows.
fn refusal(error: &anyhow::Error) -> Refusal {
    let problems: Vec<String> = report::problems(error).iter().map(report::human).collect();
    Refusal { class: report::class(error), message: problems.join("\n") }
}

/// Expands an archive.
fn open(archive: Archive) -> Result<ArchiveFiles, Failure> {
    archive.open().map_err(|e| Failure::new(e.diagnostics()))
}

impl Generator for KeyfillGenerator {
    fn generate<'a>(
        &'a self,
        request: &'a AppRequest,
        archive: Archive,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Vec<String>, Refusal>> {
        Box::pin(async move {
            let mut account = self.account("generate", request, cx);
            let result = self.0.generate(request, archive, cx, &mut account.notes).await;
            account.end(result.map_err(|e| refusal(&e)))
        })
    }

    fn matches<'a>(
        &'a self,
        request: &'a AppRequest,
        archive: Archive,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Matched, Refusal>> {
        Box::pin(async move {
            let account = self.account("match", request, cx);
            let (inner, asked) = (Arc::clone(&self.0), request.clone());
            let look = move || open(archive).map(|files| inner.matches(&asked, &files));
            let supported = match self.0.workers.run(look).await {
                Ok(supported) => supported.map_err(anyhow::Error::from),
                Err(broke_off) => Err(broke_off.into()),
            };
            let discovery_enabled = self.0.configuration.plugin.spec.discover.is_configured();
            let matched = supported.map(|supported| Matched { supported, discovery_enabled });
            account.end(matched.map_err(|e| refusal(&e)))
        })
    }

    fn parameters<'a>(
        &'a self,
        request: &'a AppRequest,
        _: Archive,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Vec<Parameter>, Refusal>> {
        Box::pin(async move {
            let announced = &self.0.configuration.plugin.spec.parameters.announced;
            let parameters = announced.iter().map(Parameter::from).collect();
            self.account("parameters", request, cx).end(Ok(parameters))
        })
    }

    fn turned_away(&self, app: &str, refusal: &Refusal) {
        self.0.metrics.turned_away(refusal.class);
        let fields = [("app", app), ("class", refusal.class.name()), ("error", refusal.message.as_str())];
        self.0.log.error("request turned away", &fields);
    }
}
