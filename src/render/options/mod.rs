//! The rendering options of a folder, resolved from flags and Argo CD's variables and parameters.

mod author;
#[cfg(unix)]
pub use author::unread_parameters;
#[cfg(unix)]
pub mod commands;
mod helm;

use super::plain::Habits;
use crate::cli::render_args::{EngineChoice, HelmArgs, KustomizeArgs, LoadRestrictor, RenderArgs, Reorder};
use crate::discover::RootKind;
use crate::report::Problem;
use crate::settings::{Env, table};
use crate::values;
use anyhow::Result;
use keyfill_diag::Diagnostic;
use keyfill_files::TreePath;
use keyfill_helm::HelmCompat;
use std::path::PathBuf;

/// Everything that affects the result of rendering, except the files.
#[derive(Clone, Debug)]
pub struct Options {
    /// The engine that renders.
    pub engine: EngineChoice,
    /// How a folder of plain YAML is read.
    pub habits: Habits,
    /// Edits of the kustomization before it is rendered.
    pub edits: super::edits::Edits,
    /// The kind of a folder with both a kustomization and a chart, if the administrator has set it.
    pub prefer: Option<RootKind>,
    /// The options of kustomizations.
    pub kustomize: KustomizeOptions,
    /// The options of charts.
    pub helm: HelmOptions,
    /// The locations of the official binaries.
    pub binaries: Binaries,
    /// The environment variables that official binaries get.
    pub environment: Vec<(String, String)>,
}

impl Options {
    /// The values files in the tree.
    pub fn values_in_tree(&self) -> impl Iterator<Item = TreePath> {
        self.helm.values.iter().filter_map(|values| match values {
            ValuesFile::InTree(path) => Some(path.clone()),
            ValuesFile::Text { .. } => None,
        })
    }
}

/// `kustomize build`'s options.
#[derive(Clone, Debug, Default)]
pub struct KustomizeOptions {
    /// Whether files from outside a kustomization's folder are refused.
    pub restrict_to_root: bool,
    /// The requested order of objects; `None` for the kustomization's own.
    pub reorder: Option<Reorder>,
    /// Whether helmCharts are rendered.
    pub enable_helm: bool,
    /// Whether plugins run.
    pub enable_alpha_plugins: bool,
    /// Whether exec functions run.
    pub enable_exec: bool,
    /// Whether the managed-by label is added.
    pub enable_managedby_label: bool,
    /// Kubernetes version for helmCharts.
    pub helm_kube_version: Option<String>,
    /// API versions for helmCharts.
    pub helm_api_versions: Vec<String>,
}

/// `helm template`'s options.
#[derive(Clone, Debug, Default)]
pub struct HelmOptions {
    /// The release's name.
    pub release_name: String,
    /// The release's namespace.
    pub namespace: String,
    /// Values files; later ones have priority.
    pub values: Vec<ValuesFile>,
    /// `--set-json`, applied after the files.
    pub set_json: Vec<String>,
    /// `--set`, applied next.
    pub set: Vec<String>,
    /// `--set-string`, applied next.
    pub set_string: Vec<String>,
    /// `--set-file`, applied next: the key, and the content.
    pub set_file: Vec<(String, ValuesFile)>,
    /// `--set-literal`, applied last.
    pub set_literal: Vec<String>,
    /// Whether CRDs are printed.
    pub include_crds: bool,
    /// Additional API versions for `.Capabilities`.
    pub api_versions: Vec<String>,
    /// The Kubernetes version for `.Capabilities`.
    pub kube_version: Option<String>,
    /// The templates whose output is printed; all if empty.
    pub show_only: Vec<String>,
    /// Whether hooks are left out.
    pub no_hooks: bool,
    /// Whether tests are left out.
    pub skip_tests: bool,
    /// The value of `.Release.IsUpgrade`.
    pub is_upgrade: bool,
    /// Whether values are not validated with `values.schema.json`.
    pub skip_schema_validation: bool,
    /// The major version of Helm whose behaviour is followed.
    pub compat: HelmCompat,
    /// The seed of random template functions, which makes results repeatable.
    pub seed: Option<u64>,
    /// Whether the app's author enables filling placeholders in values before a chart is rendered.
    pub fills_values: bool,
    /// The names of the author's settings for a chart that are set: `HELM_ARGS`, `HELM_VALUES` or parameters.
    pub given: Vec<String>,
    /// The names of unknown parameters of the app.
    pub unknown_parameters: Vec<String>,
    /// Warnings about the options, for when a chart is rendered.
    pub warnings: Vec<Diagnostic>,
}

impl HelmOptions {
    /// Whether any values are set in addition to the chart's own.
    pub fn has_values(&self) -> bool {
        let texts = [&self.set, &self.set_string, &self.set_json, &self.set_literal];
        !self.values.is_empty() || !self.set_file.is_empty() || texts.iter().any(|all| !all.is_empty())
    }
}

/// A values file: a file of the tree, or a text.
#[derive(Clone, Debug)]
pub enum ValuesFile {
    /// A file of the tree.
    InTree(TreePath),
    /// A text with its name in errors.
    Text {
        /// The name in errors.
        name: String,
        /// The text.
        text: String,
    },
}

/// The locations of the official binaries.
#[derive(Clone, Debug, Default)]
pub struct Binaries {
    /// `KEYFILL_KUSTOMIZE`; `None`: searched on `PATH`.
    pub kustomize: Option<PathBuf>,
    /// `KEYFILL_HELM` or `--helm-command`; `None`: searched on `PATH`.
    pub helm: Option<PathBuf>,
    /// `PATH`.
    pub search_path: Option<String>,
}

/// Settings of the administrator that the command line overrides.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chosen<'a> {
    /// `KEYFILL_ENGINE`
    pub engine: Option<&'a str>,
    /// `KEYFILL_HELM_COMPAT`
    pub helm_compat: Option<&'a str>,
    /// `KEYFILL_PREFER`
    pub prefer: Option<&'a str>,
}

/// Resolves flags and variables. `folder` is the app's folder, to which paths of its author are relative.
/// `generating` says that the manifests are for Argo CD: CRDs are printed and charts in kustomizations rendered
/// without a flag.
pub fn resolve(
    args: &RenderArgs,
    env: &Env,
    folder: &TreePath,
    generating: bool,
    chosen: Chosen<'_>,
) -> Result<Options> {
    let k = &args.kustomize;
    let kustomize = KustomizeOptions {
        enable_helm: k.enable_helm || generating,
        helm_kube_version: k.helm_kube_version.clone().or_else(|| env.get("KUBE_VERSION").map(str::to_owned)),
        helm_api_versions: or_listed(&k.helm_api_versions, env.get("KUBE_API_VERSIONS")),
        ..of_flags(k)
    };
    let path = |name: &str| env.get(name).map(PathBuf::from);
    Ok(Options {
        engine: engine_choice(args, chosen.engine)?,
        habits: Habits::default(),
        prefer: prefer(chosen.prefer)?,
        edits: super::edits::Edits::resolve(args, env)?,
        kustomize,
        helm: HelmOptions {
            compat: helm_compat(&args.helm, chosen.helm_compat)?,
            ..helm::options(&args.helm, env, folder, generating)?
        },
        binaries: Binaries {
            kustomize: path("KEYFILL_KUSTOMIZE"),
            helm: k.helm_command.as_ref().map(PathBuf::from).or_else(|| path("KEYFILL_HELM")),
            search_path: env.get("PATH").map(str::to_owned),
        },
        environment: child_environment(env),
    })
}

/// The options by kustomize's flags, for Argo CD. Charts are always enabled, since they are rendered by keyfill
/// itself; kustomize's flag guards against starting a binary.
fn of_flags(args: &KustomizeArgs) -> KustomizeOptions {
    KustomizeOptions {
        restrict_to_root: args.load_restrictor == LoadRestrictor::RootOnly,
        reorder: args.reorder,
        enable_helm: true,
        enable_alpha_plugins: args.enable_alpha_plugins,
        enable_exec: args.enable_exec,
        enable_managedby_label: args.enable_managedby_label,
        helm_kube_version: args.helm_kube_version.clone(),
        helm_api_versions: args.helm_api_versions.clone(),
    }
}

fn engine_choice(args: &RenderArgs, setting: Option<&str>) -> Result<EngineChoice> {
    if let Some(choice) = args.engine {
        return Ok(choice);
    }
    let parse = |text: &str| {
        <EngineChoice as clap::ValueEnum>::from_str(text, true).map_err(|_| {
            let what = format!("KEYFILL_ENGINE is {text:?}; it must be auto, native, exec or verify");
            Problem::usage(what).into()
        })
    };
    setting.map_or(Ok(EngineChoice::default()), parse)
}

fn prefer(setting: Option<&str>) -> Result<Option<RootKind>> {
    match setting.map(str::trim) {
        None => Ok(None),
        Some("kustomization") => Ok(Some(RootKind::Kustomization)),
        Some("chart") => Ok(Some(RootKind::Chart)),
        Some(other) => {
            let message = format!("KEYFILL_PREFER is {other:?}; it must be kustomization or chart");
            Err(Problem::usage(message).into())
        }
    }
}

/// The major version of Helm by the command line, else by the administrator's setting; by default 4.
fn helm_compat(args: &HelmArgs, setting: Option<&str>) -> Result<HelmCompat> {
    let given = args.helm_compat.map(|version| version.to_string());
    match given.as_deref().or(setting) {
        None | Some("4") => Ok(HelmCompat::V4),
        Some("3") => Ok(HelmCompat::V3),
        Some(other) => {
            Err(Problem::usage(format!("KEYFILL_HELM_COMPAT is {other:?}; it must be 3 or 4")).into())
        }
    }
}

fn or_listed(given: &[String], listed: Option<&str>) -> Vec<String> {
    if given.is_empty() {
        listed.map(|l| values::list(l).map(str::to_owned).collect()).unwrap_or_default()
    } else {
        given.to_vec()
    }
}

/// The environment variables that an official binary needs to run and to reach the network, and none of Vault's.
pub fn child_environment(env: &Env) -> Vec<(String, String)> {
    const NAMES: &[&str] =
        &["PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "USER"];
    let wanted = |name: &str| {
        NAMES.contains(&name)
            || table::HANDED_ON.iter().any(|beginning| name.starts_with(beginning))
            || name.to_ascii_lowercase().ends_with("_proxy")
    };
    env.iter().filter(|(name, _)| wanted(name)).map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}
