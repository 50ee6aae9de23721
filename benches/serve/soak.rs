//! Sends half of the highest possible load for ten minutes, to see whether memory and times stay constant.

use crate::apps;
use crate::load::{Call, Load, send};
use crate::options::Options;
use crate::server::{Server, Store, Which};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Time spent to find the highest rate of requests.
const FIRST: Duration = Duration::from_secs(10);

/// Runs the soak and prints a row per minute. Returns the first failure, if any.
pub fn run(options: &Options, runtime: &Runtime) -> Result<Option<String>, String> {
    let store = Store::start(options.delay())?;
    let server = Server::start(Which::Keyfill, options, &store)?;
    let mut load = Load {
        call: Call::Generate,
        apps: Arc::new(apps::mixed(50)),
        clients: options.clients,
        dial: true,
        requests: usize::MAX,
        time: FIRST,
        rate: None,
    };
    let send = |load: &Load| runtime.block_on(send(&server.socket(), load, &Arc::new(AtomicUsize::new(0))));
    let full = send(&load).rate();
    load.rate = Some(full / 2.0);
    load.time = Duration::from_secs(60);
    println!("soak: {:.0} requests a second, half of {full:.0}, a connection for each", full / 2.0);
    println!("| minute | requests | p50 ms | p99 ms | RSS MB | peak MB | Vault reads |");
    println!("|---|---|---|---|---|---|---|");
    let mut failure = None;
    for minute in 1..=options.minutes {
        let outcome = send(&load);
        let milliseconds = |percent| outcome.percentile(percent).as_secs_f64() * 1000.0;
        let (rss, peak) = server.memory();
        println!(
            "| {minute} | {} | {:.1} | {:.1} | {rss:.1} | {peak:.1} | {} |",
            outcome.times.len(),
            milliseconds(50.0),
            milliseconds(99.0),
            store.reads(),
        );
        failure = failure.or(outcome.failure.map(|why| format!("soak: {} failed: {why}", outcome.failed)));
    }
    Ok(failure)
}
