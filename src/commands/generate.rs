//! `keyfill generate`: discover, render, fill, emit; or fill and emit for what comes on stdin.

use crate::cli::args::{GenerateArgs, SharedArgs};
use crate::cli::env::Env;
use crate::pipeline::{self, Timings};
use crate::render::Rendered;
use crate::render::plain;
use crate::report::Problem;
use crate::settings::{self, Given, Settings};
use crate::tree::{Boundary, Tree};
use anyhow::{Context as _, Result};
use bytes::Bytes;
use keyfill_diag::{Cx, Limits};
use std::io::Read as _;
use std::path::Path;

/// Runs the command.
pub fn run(shared: &SharedArgs, args: &GenerateArgs, env: &Env, called_as_avp: bool) -> Result<()> {
    let path = match &args.paths[..] {
        [] => {
            return Err(Problem::usage("a path is required: a folder, a file, or - for stdin").into());
        }
        [path] => path,
        [_, more @ ..] => {
            return Err(Problem::usage(format!(
                "only one path can be generated, not also {}",
                more.join(", ")
            ))
            .into());
        }
    };
    let given = Given { shared, fill: &args.fill, run: &args.run, env, called_as_avp };
    let settings = settings::resolve(&given, &settings::read_files(&given)?)?;
    let cx = Cx::with_time(settings.deadline);
    let mut timings = Timings::default();
    let rendered = if path == "-" {
        from_stdin(&cx.limits, &mut timings)?
    } else {
        from_tree(path, args, env, &settings, &cx, &mut timings)?
    };
    let filled = pipeline::fill(rendered.documents, &settings, &cx, &mut timings)?;
    let warnings = [settings.warnings, rendered.warnings, filled.warnings].concat();
    pipeline::emit(
        &filled.documents,
        settings.allow_empty || settings.compat_avp,
        &args.run,
        &warnings,
        &mut timings,
    )
}

/// Room for most streams: twice the largest that was measured.
const STDIN_ROOM: usize = 16 << 20;

fn from_stdin(limits: &Limits, timings: &mut Timings) -> Result<Rendered> {
    // Memory that is not written to costs nothing, while a buffer that grows holds its text twice.
    let mut text = Vec::with_capacity(STDIN_ROOM);
    timings
        .stage("read", || std::io::stdin().lock().take(limits.file_bytes + 1).read_to_end(&mut text))
        .context(Problem::input("cannot read stdin"))?;
    if text.len() as u64 > limits.file_bytes {
        let message = format!("stdin is larger than {} MiB", limits.file_bytes >> 20);
        return Err(Problem::input(message).into());
    }
    plain::refuse_binary(&text, "<stdin>")?;
    Ok(Rendered { documents: plain::documents(&Bytes::from(text), "<stdin>"), ..Rendered::default() })
}

fn from_tree(
    path: &str,
    args: &GenerateArgs,
    env: &Env,
    settings: &Settings,
    cx: &Cx,
    timings: &mut Timings,
) -> Result<Rendered> {
    let named = args.run.root.as_deref().or_else(|| settings.effective.get("KEYFILL_ROOT").map(Path::new));
    let boundary = Boundary { named, app_path: env.get("ARGOCD_APP_SOURCE_PATH") };
    let tree = Tree::open(Path::new(path), boundary, cx.limits.file_bytes)?;
    let engine = settings.effective.get("KEYFILL_ENGINE");
    let options = crate::render::options::resolve(&args.render, env, &tree.at, true, engine)?;
    let root = pipeline::root_of(&tree, settings.compat_avp);
    pipeline::render(&tree, root.as_ref(), &options, cx, timings)
}
