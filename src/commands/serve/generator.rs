//! The plugin protocol's calls, answered with the pipeline.

use super::configuration::Configuration;
use super::log::Log;
use super::metrics::Metrics;
use super::render_cache::{Key, RenderCache};
use super::{app, manifests};
use crate::cli::args::{ServeArgs, SourceKind};
use crate::discover::{self, Root};
use crate::fill;
use crate::render::{self, Rendered};
use crate::report::{self, Failure};
use crate::settings::Settings;
use crate::store;
use anyhow::Result;
use keyfill_cmp::{AppRequest, BoxFuture, Generator, Matched, Parameter, Refusal};
use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_files::Files;
use keyfill_secrets::vault::{Shared, SharedOptions, SharedStats, VaultSettings};
use keyfill_secrets::{Reads, Source};
use keyfill_yaml::Document;
use std::sync::Arc;
use std::time::Instant;

/// Answers the protocol's calls.
pub struct KeyfillGenerator(Arc<Inner>);

struct Inner {
    configuration: Configuration,
    vault: Shared,
    rendered: RenderCache,
    log: Arc<Log>,
    metrics: Metrics,
}

/// What is noted of one request.
#[derive(Default)]
struct Notes {
    project: String,
    engine: &'static str,
    documents: usize,
    secrets: usize,
    cached: bool,
    warnings: Vec<Diagnostic>,
}

/// What rendering one request gave, ready to be filled.
struct Prepared {
    settings: Settings,
    documents: Vec<Document>,
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
        Self(Arc::new(Inner { configuration, vault, rendered, log, metrics: Metrics::default() }))
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
        files: &dyn Files,
        cx: &Cx,
        notes: &mut Notes,
    ) -> Result<Prepared> {
        let env = app::environment(
            &self.configuration.env,
            request,
            self.configuration.plugin.spec.provide_git_creds,
        );
        let (settings, options) = app::resolve(&self.configuration, &env, &request.path)?;
        notes.project = settings.fill.app.project.clone().unwrap_or_default();
        notes.warnings.clone_from(&settings.warnings);
        let source: Arc<dyn Source> = match settings.source {
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
                let root = Root { dir: request.path.clone(), kind: discover::kind_of(files, &request.path) };
                let rendered = Arc::new(render::render(files, &root, &options, cx)?);
                self.metrics.render.observe(start.elapsed());
                self.rendered.put(key, Arc::clone(&rendered));
                rendered
            }
        };
        notes.engine = rendered.engine;
        notes.warnings.extend(rendered.warnings.iter().cloned());
        let Rendered { documents, .. } = (*rendered).clone();
        Ok(Prepared { settings, documents, source })
    }

    async fn generate(
        self: &Arc<Self>,
        request: &AppRequest,
        files: Arc<dyn Files>,
        cx: &Cx,
        notes: &mut Notes,
    ) -> Result<Vec<String>> {
        let prepared = {
            let (inner, request, cx) = (Arc::clone(self), request.clone(), cx.clone());
            let work = move || {
                let mut notes = Notes::default();
                let prepared = inner.prepare(&request, &*files, &cx, &mut notes);
                (prepared, notes)
            };
            let (prepared, noted) = tokio::task::spawn_blocking(work).await?;
            *notes = noted;
            prepared?
        };
        let Prepared { settings, documents, source } = prepared;
        let start = Instant::now();
        let reads = Reads::new(source);
        let filled = fill::fill(documents, &settings.fill, &reads, cx).await.map_err(Failure::from)?;
        self.metrics.fill.observe(start.elapsed());
        notes.secrets = reads.count();
        notes.warnings.extend(reads.take_warnings());
        notes.warnings.extend(filled.warnings);
        let allow_empty = settings.allow_empty;
        let documents = filled.documents;
        let manifests =
            tokio::task::spawn_blocking(move || manifests::of_documents(&documents, allow_empty)).await??;
        notes.documents = manifests.len();
        Ok(manifests)
    }

    /// Whether what the app's folder reads holds placeholders; or what plugin.yaml's patterns say.
    fn matches(&self, request: &AppRequest, files: &dyn Files) -> bool {
        let rules = &self.configuration.plugin.spec.discover;
        let names = || files.walk(&request.path);
        let depth = request.path.parts().count();
        if !rules.file_name.is_empty() {
            return names().iter().any(|path| {
                let below: Vec<&str> = path.parts().skip(depth).collect();
                glob_matches(&rules.file_name, &below.join("/"))
            });
        }
        if !rules.find.glob.is_empty() {
            return names().iter().any(|path| {
                let below: Vec<&str> = path.parts().skip(depth).collect();
                glob_matches(&rules.find.glob, &below.join("/"))
            });
        }
        let any = rules.find.command.iter().chain(&rules.find.args).any(|a| a == "--any");
        let roots = discover::roots(files, &request.path);
        rules.is_configured() && roots.iter().any(|root| any || discover::is_ours(files, root))
    }

    /// One line for each request.
    fn finish(
        &self,
        call: &'static str,
        request: &AppRequest,
        notes: &Notes,
        start: Instant,
        refused: Option<&Refusal>,
    ) {
        let time = start.elapsed();
        self.metrics.request(call, refused.map(|r| r.class), time);
        let warnings: Vec<String> = notes.warnings.iter().map(ToString::to_string).collect();
        let numbers = [
            notes.documents.to_string(),
            notes.secrets.to_string(),
            format!("{:.3}", time.as_secs_f64() * 1000.0),
        ];
        let mut fields = vec![
            ("call", call),
            ("app", request.app()),
            ("project", notes.project.as_str()),
            ("root", request.path.as_str()),
            ("engine", notes.engine),
            ("documents", numbers[0].as_str()),
            ("secrets", numbers[1].as_str()),
            ("cached", if notes.cached { "true" } else { "false" }),
            ("ms", numbers[2].as_str()),
        ];
        fields.extend(warnings.iter().map(|w| ("warning", w.as_str())));
        match refused {
            None => self.log.info("request", &fields),
            Some(refusal) => {
                fields.push(("class", refusal.class.name()));
                fields.push(("error", refusal.message.lines().next().unwrap_or_default()));
                self.log.error("request failed", &fields);
            }
        }
    }
}

/// Whether a path below the app's folder fits a pattern of plugin.yaml: `*` within a name, `**` across.
fn glob_matches(pattern: &str, path: &str) -> bool {
    fill::policy::is_match(pattern.trim_start_matches("./"), path)
}

/// The text that Argo CD's UI shows.
fn refusal(error: &anyhow::Error) -> Refusal {
    let problems: Vec<String> = report::problems(error).iter().map(report::human).collect();
    Refusal { class: report::class(error), message: problems.join("\n") }
}

impl Generator for KeyfillGenerator {
    fn generate<'a>(
        &'a self,
        request: &'a AppRequest,
        files: Arc<dyn Files>,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Vec<String>, Refusal>> {
        Box::pin(async move {
            let (start, mut notes) = (Instant::now(), Notes::default());
            let result = self.0.generate(request, files, cx, &mut notes).await.map_err(|e| refusal(&e));
            self.0.finish("generate", request, &notes, start, result.as_ref().err());
            result
        })
    }

    fn matches<'a>(
        &'a self,
        request: &'a AppRequest,
        files: Arc<dyn Files>,
        _: &'a Cx,
    ) -> BoxFuture<'a, Result<Matched, Refusal>> {
        Box::pin(async move {
            let start = Instant::now();
            let (inner, asked) = (Arc::clone(&self.0), request.clone());
            let supported = tokio::task::spawn_blocking(move || inner.matches(&asked, &*files)).await;
            let supported =
                supported.map_err(|_| Refusal { class: Class::Other, message: "discovery broke off".into() });
            self.0.finish("match", request, &Notes::default(), start, supported.as_ref().err());
            let discovery_enabled = self.0.configuration.plugin.spec.discover.is_configured();
            Ok(Matched { supported: supported?, discovery_enabled })
        })
    }

    fn parameters<'a>(
        &'a self,
        request: &'a AppRequest,
        _: Arc<dyn Files>,
        _: &'a Cx,
    ) -> BoxFuture<'a, Result<Vec<Parameter>, Refusal>> {
        Box::pin(async move {
            let start = Instant::now();
            let announced = &self.0.configuration.plugin.spec.parameters.announced;
            self.0.finish("parameters", request, &Notes::default(), start, None);
            Ok(announced.iter().map(Parameter::from).collect())
        })
    }
}
