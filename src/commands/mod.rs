//! The subcommands, a file each.

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

/// What every command gets: flags that all of them take, the environment, and under which name keyfill
/// was called.
pub struct Caller<'a> {
    shared: &'a SharedArgs,
    env: Env,
    called_as_avp: bool,
    fill: FillArgs,
    run: RunArgs,
    fetch: FetchArgs,
}

impl Caller<'_> {
    /// Where settings come from, with no flag but those that all commands take.
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
