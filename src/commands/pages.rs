//! `keyfill completions` and `keyfill man`: files that packages install with the binary.

use crate::cli::args;
use crate::report::Problem;
use anyhow::Result;
use clap_complete::Shell;
use std::io::Write as _;

/// Prints a shell's completion script.
pub fn completions(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::command(), "keyfill", &mut script);
    Ok(std::io::stdout().write_all(&script)?)
}

/// Prints the manual page of keyfill or of one of its commands.
pub fn man(command: Option<&str>) -> Result<()> {
    let mut cli = args::command();
    // Adds the common flags and the full name to each command.
    cli.build();
    let described = match command {
        None => cli,
        Some(name) => cli
            .find_subcommand(name)
            .cloned()
            .ok_or_else(|| Problem::usage(format!("there is no command {name}; see keyfill --help")))?,
    };
    Ok(clap_mangen::Man::new(described).render(&mut std::io::stdout())?)
}
