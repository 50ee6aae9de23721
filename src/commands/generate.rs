//! `keyfill generate`: discovers, renders, fills and emits a folder, or fills and emits the stream on stdin.

use super::Caller;
use crate::cli::args::GenerateArgs;
use crate::memory;
use crate::pipeline::{self, Timings};
use crate::report::{self, Problem};
use crate::run::Run;
use crate::settings::{Given, Purpose, unread};
use anyhow::Result;

/// Runs the command.
pub fn run(caller: &Caller<'_>, args: &GenerateArgs) -> Result<()> {
    let path = the_path(&args.paths)?;
    let given =
        Given { fill: &args.fill, run: &args.run, fetch: &args.fetch, ..caller.given(Purpose::Generate) };
    let run = Run::of_command(&given, &args.render, path)?;
    run.bound_process();
    report::print(&run.settings.warnings);
    if run.input.tree().is_some() && !run.settings.compat_avp {
        // With stdin, and under argocd-vault-plugin's name, other commands of the plugin may read the variables.
        report::print(&unread::warnings(&caller.env, None));
    }
    #[cfg(debug_assertions)]
    crate::faults::have(crate::faults::of_process().as_deref());
    let mut timings = Timings::default();
    let root = pipeline::discover(&run);
    memory::prepare(root.as_ref().map(|root| root.kind));
    let rendered = pipeline::render(&run, root.as_ref(), &mut timings)?;
    if !run.fills {
        pipeline::emit(&run, &rendered.documents, &rendered.warnings, &mut timings)?;
        return finish(&timings, args);
    }
    let filled = pipeline::fill(&run, rendered.documents, &mut timings)?;
    let warnings = [rendered.warnings, filled.warnings].concat();
    pipeline::emit(&run, &filled.documents, &warnings, &mut timings)?;
    finish(&timings, args)
}

fn finish(timings: &Timings, args: &GenerateArgs) -> Result<()> {
    if args.run.timings {
        timings.print();
    }
    Ok(())
}

fn the_path(paths: &[String]) -> Result<&str, Problem> {
    match paths {
        [path] => Ok(path),
        [] => Err(Problem::usage("a path is required: a folder, a file, or - for stdin")),
        [_, more @ ..] => {
            Err(Problem::usage(format!("only one path can be generated, not also {}", more.join(", "))))
        }
    }
}
