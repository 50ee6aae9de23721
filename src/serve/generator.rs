//! The plugin protocol's calls, answered by workers.

use super::account::{Account, Notes};
use super::bounds::Bounds;
use super::configuration::Configuration;
use super::environment;
use super::fetching::{Fetches, SharedNetwork};
use super::fields::Fields;
use super::job::{Beside, How, Job, Jobs, Outcome, matches_order};
use super::metrics::Metrics;
use super::orders::{self, Failed, Fill, Generate, Input, Numbered, Order, Task, Wanted};
use super::refresh::Refresher;
use super::render_cache::{Kept, Key, RenderCache};
use super::secrets::Reader;
use super::stores::SharedStores;
use super::traces::{Stage, Traces};
use super::unlock::Unlocker;
use crate::cli::args::ServeArgs;
use crate::emit;
use crate::fetch::{self, Plan};
use crate::fill::policy::APP_NAMESPACES;
use crate::plugin::Discover;
use crate::report;
use crate::settings::{FillsValues, Settings, table, unread};
use anyhow::Result;
use bytes::Bytes;
use keyfill_cmp::archive::Archive;
use keyfill_cmp::{Answer, AppRequest, BoxFuture, Generator, Matched, Parameter, Refusal};
use keyfill_diag::{Class, Cx};
use keyfill_fetch::Stats;
use keyfill_secrets::Source;
use keyfill_secrets::vault::SharedStats;
use keyfill_workers::Scope;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout_at;
use tracing::error;

/// The longest that finding out whether a folder is for this plugin may take: Argo CD does not wait longer for an
/// answer.
const MATCH_TIME: Duration = Duration::from_secs(10);

/// The scope of workers that find out whether a folder is for this plugin. They get no other requests, since those
/// calls carry neither project nor settings.
const LOOKING: Scope = [0; 32];

/// Answers the calls of Argo CD's plugin protocol.
pub struct KeyfillGenerator {
    configuration: Configuration,
    stores: SharedStores,
    network: Arc<SharedNetwork>,
    rendered: RenderCache,
    jobs: Jobs,
    traces: Traces,
    metrics: Metrics,
    refresher: Option<Arc<Refresher>>,
}

/// What the supervisor derives from a request before a worker gets it.
struct Prepared {
    settings: Settings,
    fill: Fill,
    engine: Option<String>,
    helm_compat: Option<String>,
    prefer: Option<String>,
    source: Arc<dyn Source>,
    scope: Scope,
    key: Key,
    unlocker: Option<Unlocker>,
    fetches: Option<Arc<Fetches>>,
}

impl KeyfillGenerator {
    /// No store is read before the first request.
    pub fn new(
        args: &ServeArgs,
        configuration: Configuration,
        bounds: &Bounds,
        jobs: Jobs,
        traces: Traces,
        refresher: Option<Arc<Refresher>>,
    ) -> Self {
        let stores = SharedStores::new(args, bounds.secrets);
        let rendered = RenderCache::new(bounds.render_cache);
        let (network, metrics) = (Arc::default(), Metrics::default());
        Self { configuration, stores, network, rendered, jobs, traces, metrics, refresher }
    }

    fn account<'a>(&'a self, call: &'static str, request: &'a AppRequest, cx: &'a Cx) -> Account<'a> {
        Account::open(&self.metrics, &self.traces, call, request, cx)
    }

    /// The workers, and the requests that wait for them.
    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// The counters for Prometheus.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Numbers about logins and reads of Vault, for metrics.
    pub fn vault_stats(&self) -> SharedStats {
        self.stores.vault_stats()
    }

    /// The stores of secrets.
    pub fn stores(&self) -> &SharedStores {
        &self.stores
    }

    /// Which apps use which secrets; `None` unless `--refresh` or `--refs` is set.
    pub fn refresher(&self) -> Option<&Refresher> {
        self.refresher.as_deref()
    }

    /// Numbers about fetched charts, bases and files, for metrics.
    pub fn fetch_stats(&self) -> Stats {
        self.network.stats()
    }

    /// The bytes of cached renderings, and how often one was found.
    pub fn render_cache(&self) -> (u64, u64) {
        (self.rendered.bytes(), self.rendered.hits())
    }

    /// Resolves the settings, the stores and the policy of a request. The author's expressions are passed on
    /// without being parsed.
    fn prepare(&self, request: &AppRequest) -> Result<Prepared> {
        let configuration = &self.configuration;
        let env = environment::for_settings(&configuration.env, request);
        let env = configuration.meaning.secret_of(&env).unwrap_or(env);
        let mut settings = configuration.settings_of(&env)?;
        settings.warnings.extend(unread::warnings(&env, configuration.meaning.reads.as_ref()));
        let source = self.stores.of(&settings)?;
        let engine = settings.effective.get("KEYFILL_ENGINE").map(str::to_owned);
        let helm_compat = settings.effective.get("KEYFILL_HELM_COMPAT").map(str::to_owned);
        let prefer = settings.effective.get("KEYFILL_PREFER").map(str::to_owned);
        let with_git = configuration.plugin.spec.provide_git_creds;
        let chosen = [engine.as_deref(), helm_compat.as_deref(), prefer.as_deref()];
        let key = Key::of(request, with_git, chosen, (settings.compat_avp, settings.filling));
        let fill = fill(request, &settings);
        let scope = scope(request, &settings, env.authors("AVP_SECRET"));
        let unlocker = Unlocker::of(&settings);
        let plan = Plan::of_request(&configuration.given(&env), &settings)?;
        let lent = with_git.then(|| fetch::lent(|name| request.var(name))).flatten();
        let plan = plan.map(|plan| plan.with_lent(lent));
        let fetches = plan.map(|plan| Arc::new(Fetches::new(plan, Arc::clone(&self.network))));
        Ok(Prepared { settings, fill, engine, helm_compat, prefer, source, scope, key, unlocker, fetches })
    }

    async fn generate(
        &self,
        request: &AppRequest,
        archive: &Archive,
        cx: &Cx,
        notes: &mut Notes,
    ) -> Result<Answer, Refusal> {
        let request = &environment::with_known_names(request);
        let prepared = self.prepared(request).await.map_err(|e| refusal(&e))?;
        let settings = &prepared.settings;
        notes.project = settings.fill.app.project.clone().unwrap_or_default();
        notes.warnings = settings.warnings.iter().map(ToString::to_string).collect();
        let reader = Reader::new(
            Arc::clone(&prepared.source),
            settings.fill.policy.clone(),
            settings.fill.stores.clone(),
        )
        .noting(self.refresher.as_ref().map(|refresher| refresher.marks()));
        // Placeholders may name encrypted files of the archive. A cached rendering cannot be filled without the
        // archive, so none is used.
        let is_kept = !settings.reads_encrypted();
        let mut kept = self.rendered.get(&prepared.key).filter(|_| is_kept);
        notes.cached = kept.is_some();
        let mut job = Job::new(request, cx, prepared.scope, Some(&reader));
        (job.unlocker, job.marked) = (prepared.unlocker.as_ref(), !is_kept);
        job.fetches.clone_from(&prepared.fetches);
        let filled = match &kept {
            Some(kept) if kept.to_fill == 0 => Ok(Vec::new()),
            _ => self.work(&mut job, &prepared, &mut kept, archive, notes).await,
        };
        notes.stages.extend(reader.take_stages());
        let filled = filled?;
        let Some(kept) = kept else { return Err(broken()) };
        notes.engine.clone_from(&kept.engine);
        notes.warnings.extend(kept.warnings.iter().cloned());
        let fetched = prepared.fetches.iter().flat_map(|fetches| fetches.take_warnings());
        notes.warnings.extend(fetched.map(|warning| warning.to_string()));
        notes.warnings.extend(reader.take_warnings().iter().map(ToString::to_string));
        let manifests = merged(&kept, filled);
        notes.documents = manifests.len();
        emit::refuse_empty(manifests.is_empty(), settings.allow_empty).map_err(|e| refusal(&e.into()))?;
        if let Some(refresher) = &self.refresher {
            refresher.served(request, prepared.scope, &prepared.source, &reader.take_given());
        }
        Ok(Answer::new(manifests, Some(Box::new(job.take_held()))))
    }

    /// Prepares a request, in a way that may block if a Secret of the cluster has to be read.
    async fn prepared(&self, request: &AppRequest) -> Result<Prepared> {
        if !self.configuration.has_own_secret(request) {
            return self.prepare(request);
        }
        // Waiting for the API server must not hold up the other requests of this thread.
        tokio::task::block_in_place(|| self.prepare(request))
    }

    /// Has workers render and fill until there is an answer. `kept` is the cached rendering, if there is one; the
    /// rendering of this request is put there.
    async fn work(
        &self,
        job: &mut Job<'_>,
        prepared: &Prepared,
        kept: &mut Option<Arc<Kept>>,
        archive: &Archive,
        notes: &mut Notes,
    ) -> Result<Numbered, Refusal> {
        let mut how = How { open: self.starts_binaries(prepared), size: self.jobs.sizes.of(job.request) };
        let mut known: Vec<Wanted> = Vec::new();
        let mut explained = false;
        loop {
            let was_rendered = kept.is_some();
            let secrets = match job.reader {
                Some(reader) if !known.is_empty() => {
                    let answers = reader.read(&known, job.cx).await;
                    std::mem::take(&mut known).into_iter().zip(answers).collect()
                }
                _ => Vec::new(),
            };
            job.renders = kept.is_none();
            job.may_park = kept.as_ref().is_some_and(|kept| kept.bytes() < 256 << 10);
            let (input, beside) = match &*kept {
                Some(kept) => (Input::Rendered, Beside::Tail(kept.open.clone())),
                None => {
                    let (archive, beside) = Beside::of(archive.packed());
                    (Input::Archive(archive), beside)
                }
            };
            let request = job.request;
            let order = |milliseconds, memory| {
                self.order(request, prepared, how, input, secrets, (milliseconds, memory))
            };
            let outcome = self.jobs.attempt(job, how, order, beside, &self.metrics).await?;
            if let Some((rendered, microseconds)) = job.rendered.take() {
                let time = Duration::from_micros(microseconds);
                self.metrics.rendered(time);
                notes.stages.push(Stage::ended("render", time));
                let rendered = Arc::new(rendered);
                // A rendering whose documents were too large to be packed can be used for this answer only.
                let is_whole = rendered.to_fill == 0 || !rendered.open.is_empty();
                // A rendering that depends on a branch is not cached: the branch may have moved by the next
                // request.
                let moves = prepared.fetches.as_ref().is_some_and(|fetches| fetches.may_move());
                if is_whole && !job.marked && !moves {
                    self.rendered.put(prepared.key, Arc::clone(&rendered));
                }
                if is_whole && !job.marked || matches!(outcome, Outcome::Generated(..)) {
                    *kept = Some(rendered);
                }
            }
            match outcome {
                Outcome::Generated(generated, filled) => {
                    let time = Duration::from_micros(generated.microseconds);
                    self.metrics.filled(time);
                    notes.stages.push(Stage::ended("fill", time));
                    notes.secrets = generated.secrets;
                    notes.warnings.extend(generated.warnings);
                    return Ok(filled);
                }
                Outcome::Parked(wanted) => known = wanted,
                Outcome::TooLarge(size) => how.size = size,
                // The request waits for its lanes again, behind those that waited for them.
                Outcome::Displaced => {}
                // After the fetch its result is in the cache, or its error is known.
                Outcome::Fetching(work) => drop(timeout_at(job.cx.deadline.into(), work).await),
                Outcome::Failed(failed) if failed.unsupported && !how.open && self.jobs.has_open() => {
                    how.open = true;
                    *kept = None;
                }
                // The message shows the line with the error only if the worker has the archive, so it is rendered
                // again.
                Outcome::Failed(failed) if was_rendered && !explained && shows_a_line(failed.class()) => {
                    explained = true;
                    *kept = None;
                }
                Outcome::Failed(failed) => return Err(of_worker(failed)),
                Outcome::Matches(_) => return Err(broken()),
            }
        }
    }

    /// Whether the settings ask for the official binaries (`exec` or `verify`).
    fn starts_binaries(&self, prepared: &Prepared) -> bool {
        let named = self.configuration.render.engine.map(|engine| format!("{engine:?}").to_lowercase());
        let engine = named.or_else(|| prepared.engine.clone());
        self.jobs.has_open() && engine.is_some_and(|engine| matches!(&*engine, "exec" | "verify"))
    }

    fn order(
        &self,
        request: &AppRequest,
        prepared: &Prepared,
        how: How,
        input: Input,
        secrets: Vec<(Wanted, orders::Answer)>,
        (milliseconds, memory): (u64, u64),
    ) -> Order {
        let with_git = how.open && self.configuration.plugin.spec.provide_git_creds;
        let env = environment::of_request(request, with_git);
        Order::Generate(Box::new(Generate {
            task: Task { path: request.path.as_str().to_owned(), milliseconds, memory },
            env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            engine: prepared.engine.clone(),
            helm_compat: prepared.helm_compat.clone(),
            prefer: prepared.prefer.clone(),
            fill: prepared.fill.clone(),
            input,
            secrets,
            pack_below: self.rendered.most_kept(),
            decrypts: prepared.settings.decrypts(),
            fills_values: match prepared.settings.fills_values() {
                FillsValues::Never => None,
                FillsValues::WhereAsked => Some(false),
                FillsValues::Always => Some(true),
            },
            fetches: prepared.fetches.is_some(),
            filling: prepared.settings.filling,
        }))
    }

    async fn look(&self, request: &AppRequest, archive: &Archive, cx: &Cx) -> Result<bool, Refusal> {
        let mut cx = cx.clone();
        cx.deadline = cx.deadline.min(std::time::Instant::now() + MATCH_TIME);
        let mut job = Job::new(request, &cx, LOOKING, None);
        let mut how = How { open: false, size: self.jobs.sizes.of(request) };
        loop {
            let (looked_at, beside) = Beside::of(archive.packed());
            let order = |milliseconds, memory| matches_order(request, looked_at, milliseconds, memory);
            match self.jobs.attempt(&mut job, how, order, beside, &self.metrics).await? {
                Outcome::Matches(matches) => return Ok(matches),
                Outcome::TooLarge(size) => how.size = size,
                Outcome::Displaced => {}
                Outcome::Failed(failed) => return Err(of_worker(failed)),
                _ => return Err(broken()),
            }
        }
    }
}

/// All manifests in the order of the rendered stream.
fn merged(kept: &Kept, filled: Numbered) -> Vec<Bytes> {
    let mut all = Vec::with_capacity(kept.ready.len() + filled.len());
    let mut filled = filled.into_iter().peekable();
    for (number, json) in &kept.ready {
        while let Some((_, text)) = filled.next_if(|(n, _)| n < number) {
            all.push(text);
        }
        all.push(json.clone());
    }
    all.extend(filled.map(|(_, text)| text));
    all
}

/// How placeholders are filled, with policies and stores as unparsed strings.
fn fill(request: &AppRequest, settings: &Settings) -> Fill {
    let (app, stores) = (&settings.fill.app, &settings.fill.stores);
    let authors = request.var(environment::AUTHORS_EXPRESSION).filter(|expression| !expression.is_empty());
    Fill {
        compat_avp: settings.compat_avp,
        kinds: settings.fill.kinds.clone(),
        app: [app.name.clone(), app.namespace.clone(), app.project.clone()],
        remove_missing_any: settings.fill.remove_missing_any,
        env: settings.fill.env.clone(),
        globs: settings.effective.get("KEYFILL_ALLOWED_PATHS").map(str::to_owned),
        namespaces: settings.effective.get(APP_NAMESPACES).map(str::to_owned),
        expression: settings.effective.get("AVP_PATH_VALIDATION").map(str::to_owned),
        authors_expression: authors.map(str::to_owned),
        vals_refs: settings.fill.vals_refs,
        store: stores.default.map(|kind| kind.name().to_owned()),
        stores: stores.named.iter().map(|(name, kind)| (name.clone(), kind.name().to_owned())).collect(),
    }
}

/// Identifies whose secrets a worker may have seen: by the project, the paths that may be read, and the author's
/// settings of store and login. The administrator's settings are the same for all requests. Only requests with the
/// same scope share a worker.
fn scope(request: &AppRequest, settings: &Settings, secret: Option<&str>) -> Scope {
    let mut fields = Fields::default();
    let mut field = |text: &str| fields.add(text);
    field(request.project());
    field(secret.unwrap_or_default());
    field(&format!("{:?}", settings.fill.policy));
    for (name, value) in &request.env {
        let setting = name.strip_prefix("ARGOCD_ENV_");
        if setting.is_some_and(|name| table::setting(name).is_some() || name == "AVP_SECRET") {
            field(name);
            field(value);
        }
    }
    fields.hash()
}

/// The refusal for an error, with the message that Argo CD's UI shows.
fn refusal(error: &anyhow::Error) -> Refusal {
    let problems: Vec<String> = report::problems(error).iter().map(report::human).collect();
    Refusal { class: report::class(error), message: problems.join("\n") }
}

fn of_worker(failed: Failed) -> Refusal {
    Refusal { class: failed.class(), message: failed.message }
}

/// Whether an error of this class lies in what the author wrote, so that showing the line helps.
fn shows_a_line(class: Class) -> bool {
    matches!(class, Class::Render | Class::Missing | Class::Forbidden)
}

/// The refusal when a worker's answer does not fit its order.
fn broken() -> Refusal {
    Refusal { class: Class::Other, message: "the worker's answer does not fit its order".to_owned() }
}

impl Generator for KeyfillGenerator {
    fn generate<'a>(
        &'a self,
        request: &'a AppRequest,
        archive: Archive,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Answer, Refusal>> {
        Box::pin(async move {
            let mut account = self.account("generate", request, cx);
            let result = self.generate(request, &archive, cx, &mut account.notes).await;
            account.end(result)
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
            let supported = self.look(request, &archive, cx).await;
            // `keyfill discover` decides about apps that name no plugin. An app that names this plugin is rendered
            // by it, with placeholders or without.
            let decides_for_all = !matches!(self.configuration.meaning.discover, Discover::Own(_));
            let discovery_enabled = self.configuration.plugin.spec.discover.is_configured()
                && (decides_for_all || supported.as_ref().is_ok_and(|supported| *supported));
            account.end(supported.map(|supported| Matched { supported, discovery_enabled }))
        })
    }

    fn parameters<'a>(
        &'a self,
        request: &'a AppRequest,
        _: Archive,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Vec<Parameter>, Refusal>> {
        Box::pin(async move {
            let announced = &self.configuration.plugin.spec.parameters.announced;
            let parameters = announced.iter().map(Parameter::from).collect();
            self.account("parameters", request, cx).end(Ok(parameters))
        })
    }

    fn turned_away(&self, app: &str, refusal: &Refusal) {
        self.metrics.turned_away(refusal.class);
        error!(app, class = refusal.class.name(), error = refusal.message, "request turned away");
    }
}
