//! The subcommands, a file each.

pub mod check;
pub mod discover;
pub mod generate;
pub mod pages;
pub mod render;
#[cfg(unix)]
pub mod serve;
pub mod settings;
pub mod version;

use crate::cli::args::{Cli, Command};
use crate::cli::env::Env;
use anyhow::Result;

/// Runs a command line.
pub fn run(cli: &Cli, called_as_avp: bool) -> Result<()> {
    let env = Env::of_process();
    match &cli.command {
        Command::Generate(args) => generate::run(&cli.shared, args, &env, called_as_avp),
        Command::Render(args) => render::run(args, &env),
        Command::Discover(args) => discover::run(args, &env),
        Command::Settings => settings::run(),
        Command::Version(args) => version::run(*args, called_as_avp),
        Command::Completions { shell } => pages::completions(*shell),
        Command::Man { command } => pages::man(command.as_deref()),
        #[cfg(unix)]
        Command::Serve(args) => serve::run(&cli.shared, args, env),
        Command::Check(args) => check::run(args, &env),
    }
}
