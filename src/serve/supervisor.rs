//! The supervisor: it starts the workers and the server, and serves until a signal ends it.

use super::bounds::Bounds;
use super::configuration::{self, Configuration};
use super::environment;
use super::generator::KeyfillGenerator;
use super::job::Jobs;
use super::log;
use super::metrics;
use super::orders::{self, Discovery, Order, Report, Start};
use super::refresh::Refresher;
use super::traces::Exporter;
use super::worker;
use crate::cli::args::{ServeArgs, SharedArgs};
use crate::plugin::Discover;
use crate::report::Problem;
use crate::settings::Env;
use anyhow::{Context as _, Result};
use keyfill_cmp::archive::Limits;
use keyfill_cmp::{Server, ServerOptions};
use keyfill_workers::{Pool, PoolOptions, Program};
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

/// Address space in bytes that a worker's process needs besides the memory of its request: stacks, and what the
/// allocator reserves without touching it. The allocator counts what a request holds and enforces the first limit;
/// the limit of address space comes into force only if that fails.
const OVERHEAD: u64 = 96 << 20;

/// A worker that holds more bytes than this after a request is replaced.
const GROWN: u64 = 12 << 20;

/// A worker that was idle for this long is ended, so that what it saw does not stay in memory.
const IDLE: Duration = Duration::from_secs(5);

/// How many unused workers are started in advance.
const SPARES: usize = 2;

/// The longest that a worker may take to start.
const START: Duration = Duration::from_secs(20);

/// Settings of the allocator: it reserves no address space, since the limit of address space would count that.
const ALLOCATOR: [(&str, &str); 2] = [("MIMALLOC_ARENA_EAGER_COMMIT", "0"), ("MIMALLOC_ARENA_RESERVE", "0")];

/// Runs the command until a signal ends it.
pub fn run(shared: &SharedArgs, args: &ServeArgs, env: &Env) -> Result<()> {
    if args.explain {
        return explain(args, env);
    }
    log::start(&args.loglevel, &args.logformat)?;
    // Other processes cannot read the memory of this process, which holds the logins.
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .context("cannot close the process to others")?;
    let configuration = Configuration::resolve(shared, args, env)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(serve(args, configuration))
}

/// Prints how the commands of plugin.yaml are understood.
fn explain(args: &ServeArgs, env: &Env) -> Result<()> {
    let (plugin, meaning) = configuration::meaning(args, env)?;
    let text = meaning.explained(&plugin);
    std::io::stdout().lock().write_all(text.as_bytes()).context("cannot print")
}

async fn serve(args: &ServeArgs, configuration: Configuration) -> Result<()> {
    let sockets = configuration.sockets(&args.alias)?;
    let bounds = Bounds::of(args);
    let most_in_message = most_in_message(&configuration.env)?;
    let options = ServerOptions {
        sockets: sockets.clone(),
        concurrency: args.concurrency.unwrap_or_else(default_concurrency),
        deadline: configuration.deadline,
        grace: args.grace,
        archive_memory: bounds.archive_memory,
        archive_disk: bounds.archive_disk,
        limits: Limits::default(),
        most_in_message,
        discovery_configured: configuration.plugin.spec.discover.is_configured(),
        provide_git_creds: configuration.plugin.spec.provide_git_creds,
    };
    let name = configuration.plugin.metadata.name.clone();
    let most_in_answer = if most_in_message == 0 { 100 << 20 } else { most_in_message };
    let most_in_answer = most_in_answer.min(usize::try_from(bounds.answers).unwrap_or(usize::MAX));
    let jobs = jobs(args, &configuration, &bounds, most_in_answer).await?;
    let (traces, exporter) = Exporter::start(&args.traces)?;
    let refresher = Refresher::new(args, &configuration.env)?;
    let watching = refresher.clone();
    let generator = Arc::new(KeyfillGenerator::new(args, configuration, &bounds, jobs, traces, watching));
    let server = Server::bind(Arc::clone(&generator), options).await?;
    if let Some(address) = args.metrics {
        // The task ends with the runtime.
        let shown = metrics::serve(address, Arc::clone(&generator), server.queue(), server.budgets());
        let (address, _) = shown.await?;
        info!(%address, "metrics");
    }
    if let Some(refresher) = &refresher {
        refresher.begin();
    }
    for socket in &sockets {
        info!(plugin = name, socket = %socket.display(), "serving");
    }
    server.serve(asked_to_end()).await?;
    if let Some(refresher) = refresher {
        refresher.end().await;
    }
    if let Some(exporter) = exporter {
        exporter.end().await;
    }
    info!(plugin = name, "ended");
    Ok(())
}

/// Starts the workers, and logs what their sandbox lacks.
async fn jobs(
    args: &ServeArgs,
    configuration: &Configuration,
    bounds: &Bounds,
    most_in_answer: usize,
) -> Result<Jobs> {
    let (closed, sandbox) = pool(configuration, bounds, false).await.context("cannot start a worker")?;
    let missing = sandbox.missing().join(", ");
    if !missing.is_empty() {
        if args.require_sandbox {
            return Err(Problem::usage(format!(
                "--require-sandbox: this system cannot put workers into a sandbox: {missing}"
            ))
            .into());
        }
        warn!(missing, "workers are not in a full sandbox");
    }
    let open =
        if has_binaries(configuration) { Some(pool(configuration, bounds, true).await?.0) } else { None };
    info!(
        number = bounds.workers,
        memory_mib = bounds.small >> 20,
        large_memory_mib = bounds.large >> 20,
        largest_memory_mib = bounds.whole >> 20,
        sandbox = if missing.is_empty() { "whole" } else { "partial" },
        official_binaries = open.is_some(),
        "workers"
    );
    Ok(Jobs::new(closed, open, *bounds, most_in_answer))
}

/// Whether at least one of the official binaries can be started.
fn has_binaries(configuration: &Configuration) -> bool {
    use crate::discover::{Root, RootKind};
    use crate::render::exec;
    use crate::render::options::{self, Chosen};
    let path = keyfill_files::TreePath::root();
    let Ok(options) =
        options::resolve(&configuration.render, &configuration.env, &path, true, Chosen::default())
    else {
        return false;
    };
    let is_there = |kind| exec::is_there(&Root { dir: path.clone(), kind }, &options);
    is_there(RootKind::Kustomization) || is_there(RootKind::Chart)
}

async fn pool(
    configuration: &Configuration,
    bounds: &Bounds,
    may_start_programs: bool,
) -> Result<(Pool, orders::Sandbox)> {
    let discover = &configuration.plugin.spec.discover;
    let environment =
        if may_start_programs { environment::for_binaries(&configuration.env) } else { Vec::new() };
    let most = bounds.whole + OVERHEAD;
    let start = Order::Start(Box::new(Start {
        parent: std::process::id(),
        memory: most,
        may_start_programs,
        render: configuration.render.clone(),
        discovery: Discovery {
            configured: discover.is_configured(),
            any: matches!(configuration.meaning.discover, Discover::Own(true)),
            decrypts: configuration.decrypts,
            file_name: discover.file_name.clone(),
            glob: discover.find.glob.clone(),
            asked: match &configuration.meaning.discover {
                Discover::Asked(plan) => Some(plan.clone()),
                Discover::None | Discover::Own(_) => None,
            },
        },
        plan: configuration.meaning.generate.clone(),
        env: environment.clone(),
    }));
    let mut program = Program::this(&[worker::ARGUMENT])?;
    program.own_group = may_start_programs;
    program.environment = ALLOCATOR.map(|(name, value)| (name.into(), value.into())).to_vec();
    program.environment.extend(environment.into_iter().map(|(name, value)| (name.into(), value.into())));
    let options = PoolOptions {
        program,
        hello: orders::frame(&start)?,
        most: bounds.workers,
        spares: if may_start_programs { 0 } else { SPARES },
        grown: GROWN,
        idle: IDLE,
        start: START,
    };
    let (pool, greeting) = Pool::new(options).await?;
    match orders::read(&greeting)? {
        Report::Ready(sandbox) => Ok((pool, sandbox)),
        _ => Err(anyhow::anyhow!("a worker's first message cannot be decoded")),
    }
}

/// How many requests are worked on at once by default. It is more than there are workers, since a request spends
/// most of its time waiting for Vault.
fn default_concurrency() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from) * 16
}

/// `ARGOCD_GRPC_MAX_SIZE_MB` in bytes, as argocd-cmp-server reads it; 0 if it is not set.
fn most_in_message(env: &Env) -> Result<usize> {
    let Some(text) = env.get("ARGOCD_GRPC_MAX_SIZE_MB") else { return Ok(0) };
    let megabytes: usize = text
        .trim()
        .parse()
        .map_err(|_| Problem::usage(format!("ARGOCD_GRPC_MAX_SIZE_MB is {text:?}; it must be a number")))?;
    Ok(megabytes << 20)
}

async fn asked_to_end() {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        error!("cannot listen for signals");
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    info!("asked to end; going on until the connections close or the grace period ends");
}
