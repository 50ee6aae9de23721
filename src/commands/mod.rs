//! The subcommands, one per file or folder.

pub mod check;
pub mod diff;
pub mod discover;
pub mod doctor;
mod each;
pub mod edit;
pub mod generate;
pub mod lock;
pub mod pages;
pub mod refs;
pub mod render;
#[cfg(unix)]
pub mod serve;
pub mod settings;
pub mod vendor;
pub mod version;

use crate::cli::args::{Cli, Command, FetchArgs, FillArgs, RunArgs, SharedArgs};
use crate::settings::{Env, Given, Purpose};
use crate::terminal;
use anyhow::Result;

/// The input of every command: the common flags, the environment, and whether keyfill was called as
/// argocd-vault-plugin.
pub struct Caller<'a> {
    shared: &'a SharedArgs,
    env: Env,
    called_as_avp: bool,
    fill: FillArgs,
    run: RunArgs,
    fetch: FetchArgs,
}

impl Caller<'_> {
    /// The sources of settings, with only the common flags.
    fn given(&self, purpose: Purpose) -> Given<'_> {
        Given {
            shared: self.shared,
            fill: &self.fill,
            run: &self.run,
            fetch: &self.fetch,
            env: &self.env,
            called_as_avp: self.called_as_avp,
            purpose,
        }
    }
}

/// Runs a command line.
pub fn run(cli: &Cli, called_as_avp: bool) -> Result<()> {
    let caller = Caller {
        shared: &cli.shared,
        env: Env::of_process(),
        called_as_avp,
        fill: FillArgs::default(),
        run: RunArgs::default(),
        fetch: FetchArgs::default(),
    };
    terminal::look_at(&caller.env);
    match &cli.command {
        Command::Generate(args) => generate::run(&caller, args),
        Command::Render(args) => render::run(&caller, args),
        Command::Edit(args) => edit::run(args),
        Command::Doctor(args) => doctor::run(&caller, args),
        Command::Refs(args) => refs::run(&caller, args),
        Command::Lock(args) => lock::run(&caller, args),
        Command::Vendor(args) => vendor::run(&caller, args),
        Command::Discover(args) => discover::run(args, &caller.env),
        Command::Settings(args) => settings::run(*args),
        Command::Version(args) => version::run(*args, called_as_avp),
        Command::Completions { shell } => pages::completions(*shell),
        Command::Man { command } => pages::man(command.as_deref()),
        #[cfg(unix)]
        Command::Serve(args) => serve::run(&cli.shared, args, &caller.env),
        Command::Check(args) => check::run(&caller, args),
        Command::Diff(args) => diff::run(&caller, args),
    }
}
