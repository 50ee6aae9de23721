//! Flags of rendering: those of `kustomize build` and `helm template`, with the same names, and keyfill's own.

#![allow(rustdoc::broken_intra_doc_links, reason = "the comments are the text of --help, brackets and all")]

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

/// How a folder is rendered.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[command(next_help_heading = "Rendering")]
pub struct RenderArgs {
    /// Who renders: keyfill itself where it can (auto), only keyfill, only the official tool, or both compared
    #[arg(long, value_enum, value_name = "ENGINE")]
    pub engine: Option<EngineChoice>,
    /// Set an image, as `kustomize edit set image` does: NAME[=NEW][:TAG|@DIGEST] (repeatable)
    #[arg(long, value_name = "IMAGE")]
    pub set_image: Vec<String>,
    /// Set an annotation on all resources, as `kustomize edit set annotation` does: KEY=VALUE (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    pub set_annotation: Vec<String>,
    #[command(flatten)]
    pub kustomize: KustomizeArgs,
    #[command(flatten)]
    pub helm: HelmArgs,
}

/// The engine that renders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum EngineChoice {
    /// In process; what is not supported there goes to the official binary.
    #[default]
    Auto,
    /// In process only.
    Native,
    /// The official binary only.
    Exec,
    /// Both; the run fails with a diff where they differ.
    Verify,
}

/// `kustomize build`'s flags.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[command(next_help_heading = "Kustomize (as in kustomize build)")]
pub struct KustomizeArgs {
    /// LoadRestrictionsRootOnly, or LoadRestrictionsNone to read files from outside a kustomization's folder
    #[arg(long, value_enum, value_name = "RULE", default_value = "LoadRestrictionsRootOnly")]
    pub load_restrictor: LoadRestrictor,
    /// Order of the output: legacy, or none for the order of reading
    #[arg(long, value_enum, value_name = "ORDER")]
    pub reorder: Option<Reorder>,
    /// Render helmCharts
    #[arg(long)]
    pub enable_helm: bool,
    /// Run plugins; the builtin ones are known
    #[arg(long)]
    pub enable_alpha_plugins: bool,
    /// Allow exec functions (needs --engine exec)
    #[arg(long)]
    pub enable_exec: bool,
    /// Add the label app.kubernetes.io/managed-by
    #[arg(long)]
    pub enable_managedby_label: bool,
    /// Kubernetes version for helmCharts
    #[arg(long, value_name = "VERSION")]
    pub helm_kube_version: Option<String>,
    /// Further API versions for helmCharts
    #[arg(long, value_name = "VERSION,...", value_delimiter = ',')]
    pub helm_api_versions: Vec<String>,
    /// The official helm that kustomize starts with --engine exec
    #[arg(long, value_name = "PATH")]
    pub helm_command: Option<String>,
    /// Accepted as kustomize does; it concerns container functions only
    #[arg(long, hide = true)]
    pub as_current_user: bool,
    /// Accepted as kustomize does; it concerns container functions only
    #[arg(long, hide = true)]
    pub network: bool,
    /// Accepted as kustomize does; it concerns container functions only
    #[arg(long, hide = true, value_name = "NAME")]
    pub network_name: Option<String>,
    /// Accepted as kustomize does; it concerns container functions only
    #[arg(long, hide = true, value_name = "MOUNT")]
    pub mount: Vec<String>,
    /// Accepted as kustomize does; it concerns container functions only
    #[arg(short = 'e', long = "env", hide = true, value_name = "NAME")]
    pub function_env: Vec<String>,
    /// Accepted as kustomize does
    #[arg(long, hide = true)]
    pub helm_debug: bool,
}

/// Which files a kustomization may name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum LoadRestrictor {
    /// Files inside the kustomization's own folder.
    #[default]
    #[value(name = "LoadRestrictionsRootOnly", alias = "rootOnly")]
    RootOnly,
    /// Files anywhere in the tree.
    #[value(name = "LoadRestrictionsNone", alias = "none")]
    None,
}

/// The order of kustomize's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum Reorder {
    /// By kind, namespaces first, webhooks last.
    Legacy,
    /// As read.
    None,
}

/// `helm template`'s flags.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[command(next_help_heading = "Helm (as in helm template)")]
pub struct HelmArgs {
    /// The release's name [default: ARGOCD_APP_NAME, else release-name]
    #[arg(long, value_name = "NAME")]
    pub release_name: Option<String>,
    /// The release's name as a template, such as 'web-{{ lower "A" }}'
    #[arg(long, value_name = "TEMPLATE", conflicts_with = "release_name")]
    pub name_template: Option<String>,
    /// The release's namespace [default: ARGOCD_APP_NAMESPACE, else default]
    #[arg(short = 'n', long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// A file of values (repeatable)
    #[arg(short = 'f', long, value_name = "FILE", value_delimiter = ',')]
    pub values: Vec<String>,
    /// Set a value: key=value[,...] (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Set a value as a string (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    pub set_string: Vec<String>,
    /// Set a value from a file: key=path (repeatable)
    #[arg(long, value_name = "KEY=FILE")]
    pub set_file: Vec<String>,
    /// Set a value from JSON: key=json (repeatable)
    #[arg(long, value_name = "KEY=JSON")]
    pub set_json: Vec<String>,
    /// Set a string without any escaping (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    pub set_literal: Vec<String>,
    /// Print the chart's CRDs too (generate does so unless --skip-crds)
    #[arg(long)]
    pub include_crds: bool,
    /// Leave the chart's CRDs out
    #[arg(long, conflicts_with = "include_crds")]
    pub skip_crds: bool,
    /// API versions for Capabilities.APIVersions (repeatable)
    #[arg(short = 'a', long, value_name = "VERSION,...", value_delimiter = ',')]
    pub api_versions: Vec<String>,
    /// Kubernetes version for Capabilities.KubeVersion
    #[arg(long, value_name = "VERSION")]
    pub kube_version: Option<String>,
    /// Print only these templates (repeatable)
    #[arg(long, value_name = "TEMPLATE")]
    pub show_only: Vec<String>,
    /// Leave hooks out
    #[arg(long)]
    pub no_hooks: bool,
    /// Leave tests out
    #[arg(long)]
    pub skip_tests: bool,
    /// Set .Release.IsUpgrade instead of .Release.IsInstall
    #[arg(long)]
    pub is_upgrade: bool,
    /// Do not check values against values.schema.json
    #[arg(long)]
    pub skip_schema_validation: bool,
    /// The helm whose rules are followed: 3 or 4 [4]
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u8).range(3..=4))]
    pub helm_compat: Option<u8>,
    /// Make random functions repeat with this number
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
}
