//! A load generator for Argo CD's plugin protocol. It sends requests to `keyfill serve`, and to argocd-cmp-server
//! if its binary is given, over a unix socket as repo-server does. A proxy delays the answers of a real Vault.
//!
//! ```sh
//! cargo bench --bench serve                                    # every scenario, a table on stdout
//! cargo bench --bench serve -- small match                     # some of them
//! cargo bench --bench serve -- --other argocd-cmp-server       # both servers side by side
//! cargo bench --bench serve -- soak --minutes 10               # half load, a sample a minute
//! cargo bench --bench serve -- hostile                         # hostile requests of all kinds beside a tenant
//! ```
//!
//! Every load is bounded in requests or time and stays on this machine. The official tools (kustomize,
//! argocd-vault-plugin) and Vault are taken from `KEYFILL_ORACLES`.

#![allow(clippy::print_stdout, clippy::print_stderr)]

#[cfg(unix)]
mod apps;
#[cfg(unix)]
mod archive;
#[cfg(unix)]
mod hostile;
#[cfg(unix)]
mod load;
#[cfg(unix)]
mod options;
#[cfg(unix)]
mod scenarios;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod soak;

/// The protocol runs over unix sockets, so this benchmark runs on unix only.
#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    use clap::Parser as _;
    use std::process::ExitCode;

    let options = options::Options::parse();
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
