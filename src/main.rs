//! The entry point: runs the command and returns the exit code.

#![warn(clippy::disallowed_methods)]

mod app;
mod cli;
mod commands;
mod diff;
mod discover;
mod edit_script;
mod emit;
mod escape;
#[cfg(debug_assertions)]
mod faults;
mod fetch;
mod fill;
mod hydrated;
mod ignore_file;
mod memory;
mod output_files;
mod outside;
mod overrun;
mod pipeline;
mod places;
#[cfg(unix)]
mod plugin;
mod prefill;
mod progress;
mod reference_table;
mod references;
mod render;
mod report;
mod revealed;
mod run;
#[cfg(unix)]
mod serve;
mod settings;
mod sops;
mod source_lines;
mod stack;
mod store;
mod terminal;
mod tree;
mod values;
mod verbose;

use std::process::ExitCode;

/// musl's own allocator is several times slower with two threads.
#[global_allocator]
static ALLOCATOR: memory::Allocator = memory::Allocator;

fn main() -> ExitCode {
    // A worker must enter its sandbox before there is a second thread.
    #[cfg(unix)]
    if std::env::args_os().nth(1).is_some_and(|first| first == serve::worker::ARGUMENT) {
        return serve::worker::run();
    }
    stack::run(run)
}

fn run() -> ExitCode {
    memory::keep_out_of_core_dumps();
    let name = std::env::args_os().next().map(std::path::PathBuf::from);
    let stem = name.as_deref().and_then(|n| n.file_stem()).and_then(|n| n.to_str()).unwrap_or_default();
    let called_as_avp = stem == "argocd-vault-plugin";
    let mut words: Vec<std::ffi::OsString> = std::env::args_os().collect();
    if stem == "argocd-cmp-server" {
        // Under the name of Argo CD's server keyfill takes that server's flags, without a subcommand.
        words.insert(1, "serve".into());
    }
    let cli = match cli::args::parse(words.clone()) {
        Ok(cli) => cli,
        Err(error) => {
            // The arguments may come from an author, by the command of a plugin: control characters in them are
            // escaped.
            let shown =
                words.iter().map(|word| escape::one_line(&word.to_string_lossy()).into_owned().into());
            let error = cli::args::parse(shown.collect()).err().unwrap_or(error);
            // If stdout or stderr is closed, nobody can be told.
            let _ = error.print();
            let wrong = if called_as_avp { 1 } else { 2 };
            return ExitCode::from(if error.use_stderr() { wrong } else { 0 });
        }
    };
    let compat_avp = cli.shared.compat.map_or(called_as_avp, |c| c == cli::args::Compat::Avp);
    match commands::run(&cli, called_as_avp) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // `check` has already printed its problems on stdout, in the requested format.
            if error.downcast_ref::<report::AlreadyReported>().is_none() {
                report::print(&report::problems(&error));
            }
            ExitCode::from(if compat_avp { 1 } else { report::class(&error).exit_code() })
        }
    }
}
