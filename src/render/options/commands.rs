//! Parses command lines of `helm template` and `kustomize build`. Options that are not given have the tool's own
//! default, whatever Argo CD's variables for the app are.

use super::author::{HelmLine, take};
use super::helm::given_release_name;
use super::{HelmOptions, KustomizeOptions, ValuesFile, of_flags};
use crate::cli::pflag;
use crate::cli::render_args::KustomizeArgs;
use crate::report::Problem;
use anyhow::Result;
use clap::{CommandFactory, Parser};

/// `kustomize build`.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true, args_override_self = true)]
struct BuildLine {
    dirs: Vec<String>,
    #[command(flatten)]
    kustomize: KustomizeArgs,
    #[arg(long)]
    stack_trace: bool,
}

/// `helm template`.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true, args_override_self = true)]
struct TemplateLine {
    words: Vec<String>,
    #[command(flatten)]
    line: HelmLine,
    #[arg(short = 'g', long)]
    generate_name: bool,
}

/// A parsed command line of `helm template`.
pub struct Helm {
    /// The chart's folder as written.
    pub chart: String,
    /// The release's name, if it is given.
    pub release: Option<String>,
    line: HelmLine,
}

fn parsed<T: Parser + CommandFactory>(tool: &str, words: &[String]) -> Result<T, Problem> {
    let refused = |why: &str| {
        let first = why.lines().next().unwrap_or_default().trim_start_matches("error: ");
        Problem::usage(format!("{tool}: {first}"))
    };
    let words = words.iter().map(Into::into).collect();
    let words = pflag::normalize(words, &T::command()).map_err(|why| refused(&why))?;
    T::try_parse_from(words).map_err(|error| refused(&error.to_string()))
}

/// The folder and the options of `kustomize build`. `literal` are the words that the administrator wrote: only
/// they, and not a variable of the app, may start programs.
pub fn kustomize(literal: &[String], words: &[String]) -> Result<(String, KustomizeOptions), Problem> {
    let line: BuildLine = parsed("kustomize build", words)?;
    let own = parsed::<BuildLine>("kustomize build", literal).map(|line| line.kustomize).unwrap_or_default();
    let args = &line.kustomize;
    if args.enable_exec && !own.enable_exec || args.helm_command != own.helm_command {
        let message = "kustomize build: a variable of the app names a program, or lets one be started";
        return Err(Problem::forbidden(message));
    }
    match line.dirs.as_slice() {
        [] => Ok((".".to_owned(), of_flags(args))),
        [dir] => Ok((dir.clone(), of_flags(args))),
        [_, more @ ..] => {
            Err(Problem::usage(format!("kustomize build takes one folder, not also {}", more.join(" "))))
        }
    }
}

/// Parses the words of `helm template`.
pub fn helm(words: &[String]) -> Result<Helm, Problem> {
    // In helm `--release-name` is a switch that affects only `--output-dir`.
    let is_switch = |word: &str| match word.strip_prefix("--release-name") {
        Some("") => true,
        Some(value) => value.strip_prefix('=').is_some_and(|value| pflag::parse_bool(value).is_some()),
        None => false,
    };
    let kept = words.iter().filter(|word| !is_switch(word));
    let kept = HelmLine::with_long_names(kept.cloned());
    let TemplateLine { words, line, .. } = parsed("helm template", &kept)?;
    let (release, chart) = match words.as_slice() {
        [chart] => (None, chart),
        [release, chart] => (Some(release.clone()), chart),
        [] => return Err(Problem::usage("helm template: the chart is missing")),
        [_, _, more @ ..] => {
            return Err(Problem::usage(format!(
                "helm template takes a name and a chart, not also {}",
                more.join(" ")
            )));
        }
    };
    let release = release.or_else(|| line.helm.name_template.clone());
    Ok(Helm { chart: chart.clone(), release, line })
}

impl Helm {
    /// The options. `base` are the administrator's; `file` finds a values file by its name.
    pub fn options(
        mut self,
        base: &HelmOptions,
        file: &dyn Fn(&str) -> Result<ValuesFile>,
    ) -> Result<HelmOptions> {
        let mut options = HelmOptions { include_crds: false, ..base.clone() };
        if let Some(name) = given_release_name(&self.line.helm)?.or(self.release.take()) {
            options.release_name = name;
        }
        take(&mut options, "helm template", self.line.of_command(), file)?;
        Ok(options)
    }

    /// The values files in the command line.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        let files =
            self.line.helm.set_file.iter().filter_map(|pair| pair.split_once('=')).map(|(_, file)| file);
        self.line.helm.values.iter().map(String::as_str).chain(files)
    }

    /// The namespace, if it is given.
    pub fn namespace(&self) -> Option<&str> {
        self.line.helm.namespace.as_deref()
    }
}
