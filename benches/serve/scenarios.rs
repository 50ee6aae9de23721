//! The scenarios, and the table of their figures.

use crate::archive::App;
use crate::load::{Call, Load, Outcome, send};
use crate::options::Options;
use crate::server::{Server, Store, Which};
use crate::{apps, hostile, soak};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;

/// The table's header.
const HEAD: &str = "| scenario | server | requests | a second | p50 ms | p99 ms | CPU ms each | RSS MB | peak MB | Vault reads |
|---|---|---|---|---|---|---|---|---|---|";

/// The other bound of a load that ends after a number of requests, or after a time: too large to be reached.
const LONG: Duration = Duration::from_secs(1_200);

/// A scenario: its name, a description, and the function that makes its load.
type Scenario = (&'static str, &'static str, fn(&Options) -> Load);

const SCENARIOS: [Scenario; 8] = [
    ("small", "an app of 5 placeholders", |o| timed(o, vec![apps::small(0)])),
    ("dial", "the same, a connection for each request", |o| Load {
        dial: true,
        ..timed(o, vec![apps::small(0)])
    }),
    ("annotated", "100 resources annotated with one path", |o| timed(o, vec![apps::annotated(100)])),
    ("match", "MatchRepository", |o| Load { call: Call::Match, ..timed(o, vec![apps::small(0)]) }),
    ("mixed", "50 apps of four kinds in turn", |o| counted(o, apps::mixed(50), o.requests)),
    ("many", "500 different apps at once", |o| Load {
        clients: 500,
        dial: true,
        ..counted(o, apps::mixed(500), 500)
    }),
    ("repository", "a repository's archive of 50 MB", |o| {
        counted(o, vec![apps::large_repository(50 << 20)], 40)
    }),
    ("output", "an app of 7.6 MB of output", |o| counted(o, vec![apps::large_output(7_600_000)], 80)),
];

/// Scenarios that print their own tables.
const OTHERS: [&str; 2] = ["hostile", "soak"];

fn timed(options: &Options, apps: Vec<App>) -> Load {
    Load { time: Duration::from_secs(options.seconds), ..counted(options, apps, usize::MAX) }
}

fn counted(options: &Options, apps: Vec<App>, requests: usize) -> Load {
    Load {
        call: Call::Generate,
        apps: Arc::new(apps),
        clients: options.clients,
        dial: false,
        requests,
        time: LONG,
        rate: None,
    }
}

/// Runs the scenarios that the options name and prints a table.
pub fn run(options: &Options, runtime: &Runtime) -> Result<(), String> {
    let known = |name: &String| OTHERS.contains(&name.as_str()) || SCENARIOS.iter().any(|s| s.0 == name);
    if let Some(unknown) = options.scenarios.iter().find(|name| !known(name)) {
        let names: Vec<&str> = SCENARIOS.iter().map(|s| s.0).chain(OTHERS).collect();
        return Err(format!("no scenario is called {unknown}; there are {}", names.join(", ")));
    }
    let chosen = |name: &str| options.scenarios.is_empty() || options.scenarios.iter().any(|s| s == name);
    let mut servers = vec![Which::Keyfill];
    servers.extend(options.other.as_ref().map(|_| Which::Other));
    println!("{} clients, Vault {} ms away", options.clients, options.delay);
    if options.scenarios.iter().any(|name| !OTHERS.contains(&name.as_str())) || options.scenarios.is_empty() {
        println!("{HEAD}");
    }
    let mut failures = Vec::new();
    for (name, about, load) in SCENARIOS.iter().filter(|s| chosen(s.0)) {
        let load = load(options);
        for which in &servers {
            failures.extend(measure(&format!("{name}: {about}"), &load, *which, options, runtime)?);
        }
    }
    if chosen("hostile") {
        failures.extend(hostile::run(options, runtime)?);
    }
    if options.scenarios.iter().any(|s| s == "soak") {
        failures.extend(soak::run(options, runtime)?);
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

/// Starts a server, measures it under one load and prints a row. Returns the first failure, if any.
fn measure(
    name: &str,
    load: &Load,
    which: Which,
    options: &Options,
    runtime: &Runtime,
) -> Result<Option<String>, String> {
    let mut load = load.clone();
    if which == Which::Other {
        // argocd-cmp-server is much slower, so it gets fewer requests.
        load.requests = load.requests.min(if load.time == LONG {
            load.requests.div_ceil(100).max(8)
        } else {
            usize::MAX
        });
    }
    let store = Store::start(options.delay())?;
    let server = Server::start(which, options, &store)?;
    if load.time < LONG {
        let warm = Load { time: Duration::from_millis(500), ..load.clone() };
        runtime.block_on(send(&server.socket(), &warm, &Arc::default()));
    }
    let (reads, processor) = (store.reads(), server.processor());
    let started = Arc::new(AtomicUsize::new(0));
    let (outcome, early) = runtime.block_on(async {
        let socket = server.socket();
        let sending = send(&socket, &load, &started);
        tokio::join!(sending, at_the_10_000th(&server, &load, &started))
    });
    let taken = (server.processor() - processor).as_secs_f64() * 1000.0 / outcome.times.len().max(1) as f64;
    row(name, which, &outcome, taken, server.memory(), store.reads() - reads);
    if let Some(early) = early {
        println!("| | | at the 10,000th request | | | | | {early:.1} | | |");
    }
    Ok(outcome.failure.map(|why| format!("{name}, {}: {} failed: {why}", which.name(), outcome.failed)))
}

/// The server's resident memory when the 10,000th request started; `None` for loads with fewer requests.
async fn at_the_10_000th(server: &Server, load: &Load, started: &AtomicUsize) -> Option<f64> {
    const EARLY: usize = 10_000;
    if load.requests == usize::MAX || load.requests <= EARLY {
        return None;
    }
    while started.load(Ordering::Relaxed) < EARLY {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Some(server.memory().0)
}

fn row(name: &str, which: Which, outcome: &Outcome, processor: f64, (rss, peak): (f64, f64), reads: usize) {
    let milliseconds = |percent| outcome.percentile(percent).as_secs_f64() * 1000.0;
    println!(
        "| {name} | {} | {} | {:.0} | {:.1} | {:.1} | {processor:.2} | {rss:.1} | {peak:.1} | {reads} |",
        which.name(),
        outcome.times.len(),
        outcome.rate(),
        milliseconds(50.0),
        milliseconds(99.0),
    );
}
