//! `keyfill settings`: every name of the environment, what it means, and who may give it.

use crate::cli::env::{APP, Author, SETTINGS};
use anyhow::Result;
use std::io::Write as _;

/// Prints the table. It holds no values: what is set is nobody's business on a terminal.
pub fn run() -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    for var in SETTINGS.iter().chain(APP) {
        let who = match var.author {
            Author::No => "administrator",
            Author::Identity => "author, where the administrator left it open",
            Author::Connection => "author, where the administrator set no address",
            Author::Yes => "author",
        };
        let secret = if var.secret { "; secret" } else { "" };
        writeln!(stdout, "{:<26} {} ({who}{secret})", var.name, var.meaning)?;
    }
    Ok(())
}
