//! A load generator for Argo CD's plugin protocol: drives `keyfill serve`, and argocd-cmp-server beside it
//! when its binary is given, over a unix socket as repo-server does, with a real Vault behind a delay.
//!
//! ```sh
//! cargo bench --bench serve                                    # every scenario, a table on stdout
//! cargo bench --bench serve -- small match                     # some of them
//! cargo bench --bench serve -- --other argocd-cmp-server       # both servers side by side
//! cargo bench --bench serve -- soak --minutes 10               # half load, a sample a minute
//! ```
//!
//! Every load is bounded in requests or time and stays on this machine. The official tools (kustomize,
//! argocd-vault-plugin) and Vault are taken from `KEYFILL_ORACLES`.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod apps;
mod archive;
mod load;
mod scenarios;
mod server;
mod soak;

use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// What is measured, and how.
#[derive(Parser, Debug)]
pub struct Options {
    /// Scenarios to run [default: all but soak]
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<String>,
    /// Clients at once
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// How long a scenario without a number of requests runs
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How many requests the scenario `mixed` sends
    #[arg(long, default_value_t = 100_000)]
    requests: usize,
    /// How long the soak takes
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// How far away Vault is
    #[arg(long, value_name = "MS", default_value_t = 3)]
    delay: u64,
    /// The server under test
    #[arg(long, value_name = "BINARY", default_value = env!("CARGO_BIN_EXE_keyfill"))]
    keyfill: PathBuf,
    /// An argocd-cmp-server to drive as well; it runs kustomize and argocd-vault-plugin
    #[arg(long, value_name = "BINARY")]
    other: Option<PathBuf>,
    /// Further arguments of `keyfill serve`
    #[arg(long = "serve-arg", value_name = "ARG", allow_hyphen_values = true)]
    serve_args: Vec<String>,
    /// Show what the servers log
    #[arg(long)]
    verbose: bool,
    /// Cargo says that this is a benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    fn delay(&self) -> Duration {
        Duration::from_millis(self.delay)
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be made");
    match scenarios::run(&options, &runtime) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
