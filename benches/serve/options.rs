//! The command line of the benchmark.

use clap::Parser;
use std::path::PathBuf;
use std::time::Duration;

/// What is measured, and how.
#[derive(Clone, Parser, Debug)]
pub struct Options {
    /// Scenarios to run [default: all but soak]
    #[arg(value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// Clients at once
    #[arg(long, default_value_t = 8)]
    pub clients: usize,
    /// How long a scenario without a number of requests runs
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
    /// How many requests the scenario `mixed` sends
    #[arg(long, default_value_t = 100_000)]
    pub requests: usize,
    /// How long the soak takes
    #[arg(long, default_value_t = 10)]
    pub minutes: u64,
    /// How many seconds the scenario `hostile` takes
    #[arg(long, default_value_t = 120)]
    pub hostile_seconds: u64,
    /// How far away Vault is
    #[arg(long, value_name = "MS", default_value_t = 3)]
    pub delay: u64,
    /// The server under test
    #[arg(long, value_name = "BINARY", default_value = env!("CARGO_BIN_EXE_keyfill"))]
    pub keyfill: PathBuf,
    /// An argocd-cmp-server to drive as well; it runs kustomize and argocd-vault-plugin
    #[arg(long, value_name = "BINARY")]
    pub other: Option<PathBuf>,
    /// Further arguments of `keyfill serve`
    #[arg(long = "serve-arg", value_name = "ARG", allow_hyphen_values = true)]
    pub serve_args: Vec<String>,
    /// Show what the servers log
    #[arg(long)]
    pub verbose: bool,
    /// Cargo says that this is a benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// Delay of each answer of Vault.
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay)
    }
}
