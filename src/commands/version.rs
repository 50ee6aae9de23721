//! `keyfill version`.

use crate::cli::args::VersionArgs;
use anyhow::Result;
use std::io::Write as _;

/// Prints the version, and the versions of kustomize and helm whose output keyfill reproduces.
pub fn run(args: VersionArgs, called_as_avp: bool) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    let version = env!("CARGO_PKG_VERSION");
    if args.short {
        writeln!(stdout, "{version}")?;
    } else if called_as_avp {
        writeln!(stdout, "argocd-vault-plugin: keyfill {version}")?;
    } else {
        writeln!(stdout, "keyfill {version} (renders as kustomize v5.8.1 and helm v3.22.0)")?;
    }
    Ok(())
}
