//! The render stage: renders a folder to documents with the selected engine.

pub mod edits;
pub mod exec;
pub mod fence;
mod native;
pub mod options;
pub mod plain;
mod verify;

use crate::cli::render_args::EngineChoice;
use crate::discover::{Root, RootKind};
use crate::outside::Outside;
use crate::report::{Failure, Problem};
use crate::revealed::{TWINS, in_common};
use anyhow::Result;
use bytes::Bytes;
use keyfill_diag::{Class, Cx, Diagnostic, Remedy, Report as _, Severity};
use keyfill_files::Files;
use keyfill_yaml::Document;
use options::Options;
use plain::Habits;

/// The result of rendering.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    /// The documents, in the order of the official tool.
    pub documents: Vec<Document>,
    /// Problems that do not end the run.
    pub warnings: Vec<Diagnostic>,
    /// The name of the engine that rendered.
    pub engine: &'static str,
}

/// Renders one root. Secrets that an engine got are removed from errors and warnings.
pub fn render(
    files: &dyn Files,
    root: &Root,
    options: &Options,
    outside: &Outside,
    cx: &Cx,
) -> Result<Rendered> {
    let mut rendered = match edited(files, root, options, outside, cx) {
        Ok(rendered) => rendered,
        Err(error) if outside.revealed.is_empty() => return Err(error),
        Err(error) => {
            let again =
                |twin: &Outside| Some(Failure::of_any(&edited(files, root, options, twin, cx).err()?));
            return Err(without_secrets(Failure::of_any(&error), outside, again, cx).into());
        }
    };
    rendered.warnings = outside.revealed.diagnostics(rendered.warnings);
    rendered.warnings.extend(unread(root, options));
    Ok(rendered)
}

/// The failure of a rendering without text that depends on secrets, which is found by rendering again with random
/// values instead of them.
fn without_secrets(
    failure: Failure,
    outside: &Outside,
    again: impl Fn(&Outside) -> Option<Failure>,
    cx: &Cx,
) -> Failure {
    if outside.revealed.is_empty() {
        return failure;
    }
    if let Err(why) = cx.check() {
        return Diagnostic::error(Class::Other, format!("rendering was stopped: {why}")).into();
    }
    let twin = |_| again(&outside.disguised()).map(Failure::into_problems).unwrap_or_default();
    let twins: Vec<Vec<Diagnostic>> = (0..TWINS).map(twin).collect();
    in_common(failure, &twins).rewritten(|problem| outside.revealed.diagnostic(problem))
}

/// A warning about settings of the app that do not apply to this kind of folder. In compatibility with
/// argocd-vault-plugin there is none, since other commands of the plugin may read the settings.
fn unread(root: &Root, options: &Options) -> Option<Diagnostic> {
    if options.habits == Habits::Avp {
        return None;
    }
    let mut names: Vec<&str> = Vec::new();
    if root.kind != RootKind::Chart {
        names.extend(options.helm.given.iter().map(String::as_str));
    }
    if root.kind != RootKind::Kustomization {
        names.extend(&options.edits.given);
    }
    let parameters: Vec<String> =
        options.helm.unknown_parameters.iter().map(|name| format!("the parameter {name}")).collect();
    names.extend(parameters.iter().map(String::as_str));
    if names.is_empty() {
        return None;
    }
    let kind = match root.kind {
        RootKind::Kustomization => "a kustomization",
        RootKind::Chart => "a chart",
        RootKind::Yaml => "plain YAML",
    };
    let message =
        format!("the app sets {}, which {} does not read: it is {kind}", names.join(", "), root.dir);
    Some(Diagnostic::warning(Class::Usage, message))
}

fn edited(files: &dyn Files, root: &Root, options: &Options, outside: &Outside, cx: &Cx) -> Result<Rendered> {
    if options.edits.is_empty() {
        return choose(files, root, options, outside, cx);
    }
    if root.kind != RootKind::Kustomization {
        if options.edits.from_flags {
            let what = "--set-image and --set-annotation change a kustomization, and this folder has none";
            return Err(Problem::usage(format!("{what}: {}", root.dir)).into());
        }
        return choose(files, root, options, outside, cx);
    }
    let Some(path) = crate::references::kustomization_file(files, &root.dir) else {
        return choose(files, root, options, outside, cx);
    };
    let text = options.edits.apply(&files.read(&path)?, path.as_str(), cx)?;
    choose(&edits::Edited::new(files, path, text), root, options, outside, cx)
}

fn choose(files: &dyn Files, root: &Root, options: &Options, outside: &Outside, cx: &Cx) -> Result<Rendered> {
    let mut rendered = by_engine(files, root, options, outside, cx)?;
    if root.kind == RootKind::Chart {
        rendered.warnings.extend_from_slice(&options.helm.warnings);
    }
    Ok(rendered)
}

fn by_engine(
    files: &dyn Files,
    root: &Root,
    options: &Options,
    outside: &Outside,
    cx: &Cx,
) -> Result<Rendered> {
    if root.kind == RootKind::Yaml {
        return plain::folder(files, &root.dir, options.habits, &*outside.decrypt, cx);
    }
    match options.engine {
        EngineChoice::Native => Ok(native::render(files, root, options, outside, cx)?),
        EngineChoice::Exec => by_binary(files, root, options, outside, cx),
        EngineChoice::Verify => verify::render(files, root, options, outside, cx),
        EngineChoice::Auto => match native::render(files, root, options, outside, cx) {
            Ok(rendered) => Ok(rendered),
            // Decrypted values are not given to a program.
            Err(error)
                if error.is_unsupported() && outside.revealed.is_empty() && exec::is_there(root, options) =>
            {
                by_binary(files, root, options, outside, cx)
            }
            Err(error) => Err(error.into()),
        },
    }
}

fn by_binary(
    files: &dyn Files,
    root: &Root,
    options: &Options,
    outside: &Outside,
    cx: &Cx,
) -> Result<Rendered> {
    let text = Bytes::from(exec::render(files, root, options, outside, cx)?);
    let name = format!("{} (rendered)", root.dir);
    let documents = plain::documents(&text, &name, cx).map_err(|why| plain::stopped(&name, why))?;
    Ok(Rendered { documents, engine: "exec", ..Rendered::default() })
}

/// Fetches everything that a root needs from outside of its tree, and returns the errors and warnings. With
/// `anew`, charts that are in the tree and have a repository are fetched too.
pub fn resolve(
    files: &dyn Files,
    root: &Root,
    options: &Options,
    outside: &Outside,
    anew: bool,
    cx: &Cx,
) -> Vec<Diagnostic> {
    let found = native::resolve(files, root, options, outside, anew, cx);
    outside.revealed.diagnostics(found.unwrap_or_else(Failure::into_problems))
}

/// The hint for a chart that requires values which it does not contain.
const VALUES_IN_CHECK: &str = "the chart is rendered with its own values alone: give others with -f or --set, or leave \
                               it out with --exclude";

/// Renders for `check`, without official binaries. Features that only the official binary has, and things that
/// must be fetched first, are reported as warnings.
pub fn for_check(
    files: &dyn Files,
    root: &Root,
    options: &Options,
    outside: &Outside,
    cx: &Cx,
) -> Result<Rendered, Failure> {
    if root.kind == RootKind::Yaml {
        return choose(files, root, options, outside, cx)
            .map_err(|e| Failure::of_any(&e).rewritten(|problem| outside.revealed.diagnostic(problem)));
    }
    // Plugins are never started here. With plugins enabled, one that only the official binary supports is a
    // warning and not an error.
    let mut options = options.clone();
    options.kustomize.enable_alpha_plugins = true;
    native::render(files, root, &options, outside, cx).or_else(|error| {
        let again = |twin: &Outside| native::render(files, root, &options, twin, cx).err();
        let error = without_secrets(error, outside, again, cx);
        // A chart that gets required values only at installation is not an error.
        let wants_values = error.refuses_values() && !options.helm.has_values();
        if error.remedy() == Remedy::None && !wants_values {
            return Err(error);
        }
        let as_warning = |d: Diagnostic| {
            let hint = d.hint.or_else(|| wants_values.then(|| VALUES_IN_CHECK.to_owned()));
            Diagnostic { severity: Severity::Warning, hint, ..d }
        };
        let warnings = error.into_problems().into_iter().map(as_warning).collect();
        Ok(Rendered { warnings, engine: "none", ..Rendered::default() })
    })
}
