//! `keyfill serve`: the resident sidecar, in place of argocd-cmp-server.

mod account;
mod app;
mod configuration;
mod generator;
mod log;
mod manifests;
mod metrics;
mod patterns;
mod render_cache;

use crate::cli::args::{ServeArgs, SharedArgs};
use crate::render::exec;
use crate::report::Problem;
use crate::settings::Env;
use anyhow::{Context as _, Result};
use configuration::Configuration;
use generator::KeyfillGenerator;
use keyfill_cmp::archive::Limits;
use keyfill_cmp::{Server, ServerOptions};
use log::Log;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Runs the command until a signal ends it.
pub fn run(shared: &SharedArgs, args: &ServeArgs, env: Env) -> Result<()> {
    let log = Arc::new(Log::new(&args.loglevel, &args.logformat)?);
    let configuration = Configuration::resolve(shared, args, env)?;
    exec::stay_resident();
    // Rendering keeps a processor busy in a thread of its own kind; these threads move bytes.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(serve(args, configuration, log))
}

async fn serve(args: &ServeArgs, configuration: Configuration, log: Arc<Log>) -> Result<()> {
    let sockets = configuration.sockets(&args.alias)?;
    let options = ServerOptions {
        sockets: sockets.clone(),
        concurrency: args.concurrency.unwrap_or_else(default_concurrency),
        deadline: configuration.deadline,
        grace: args.grace,
        archive_memory: args.archive_memory << 20,
        limits: Limits::default(),
        most_in_message: most_in_message(&configuration.env)?,
        discovery_configured: configuration.plugin.spec.discover.is_configured(),
        provide_git_creds: configuration.plugin.spec.provide_git_creds,
    };
    let name = configuration.plugin.metadata.name.clone();
    let generator = Arc::new(KeyfillGenerator::new(args, configuration, Arc::clone(&log)));
    let server = Server::bind(Arc::clone(&generator), options).await?;
    if let Some(address) = args.metrics {
        // The task ends with the runtime.
        let shown = metrics::serve(address, Arc::clone(&generator), server.queue(), server.budget());
        let (address, _) = shown.await?;
        log.info("metrics", &[("address", &address.to_string())]);
    }
    for socket in &sockets {
        log.info("serving", &[("plugin", &name), ("socket", &socket.display().to_string())]);
    }
    server.serve(asked_to_end(Arc::clone(&log))).await?;
    log.info("ended", &[("plugin", &name)]);
    Ok(())
}

/// Most of a request's time is waiting for Vault: more requests than processors are worked on at once.
fn default_concurrency() -> usize {
    processors() * 16
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// `ARGOCD_GRPC_MAX_SIZE_MB`, as argocd-cmp-server takes it.
fn most_in_message(env: &Env) -> Result<usize> {
    let Some(text) = env.get("ARGOCD_GRPC_MAX_SIZE_MB") else { return Ok(0) };
    let megabytes: usize = text
        .trim()
        .parse()
        .map_err(|_| Problem::usage(format!("ARGOCD_GRPC_MAX_SIZE_MB is {text:?}; it must be a number")))?;
    Ok(megabytes << 20)
}

async fn asked_to_end(log: Arc<Log>) {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        log.error("cannot listen for signals", &[]);
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    log.info("asked to end; going on until the connections close or the grace period ends", &[]);
}
