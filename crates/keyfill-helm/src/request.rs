//! The request to render a chart: the command line of `helm template` as values.

use keyfill_diag::{Cx, Diagnostic};
use keyfill_files::TreePath;
use keyfill_yaml::Value;
use std::sync::Arc;

/// The request to render a chart: the command line of `helm template`.
///
/// ```
/// use keyfill_files::TreePath;
/// use keyfill_helm::{HelmCompat, TemplateRequest, ValuesSource};
///
/// let request = TemplateRequest {
///     namespace: "team-a".into(),
///     values: vec![ValuesSource::Set("replicas=3".into())],
///     helm: HelmCompat::V3,
///     ..TemplateRequest::new(TreePath::root())
/// };
/// assert_eq!(request.helm.version(), "v3.22.0");
/// ```
#[derive(Clone, Debug)]
pub struct TemplateRequest {
    /// The chart: a folder, or a `.tgz` archive.
    pub root: TreePath,
    /// `.Release.Name`; helm's default is `release-name`.
    pub release_name: String,
    /// `.Release.Namespace`; helm's default is `default`.
    pub namespace: String,
    /// The values. Files and inline values are merged in this order. The `--set` family follows, in helm's own
    /// order of its flags.
    pub values: Vec<ValuesSource>,
    /// `--kube-version`; helm's default is v1.37.0.
    pub kube_version: Option<String>,
    /// `--api-versions`, added to helm's own list.
    pub api_versions: Vec<String>,
    /// `--include-crds`
    pub include_crds: bool,
    /// `--show-only`: globs over the paths of templates, in this order.
    pub show_only: Vec<String>,
    /// `--no-hooks`
    pub no_hooks: bool,
    /// `--skip-tests`
    pub skip_tests: bool,
    /// `--is-upgrade`
    pub is_upgrade: bool,
    /// `--skip-schema-validation`
    pub skip_schema_validation: bool,
    /// The seed of the random functions, for output that can be repeated. Without it they are random.
    pub seed: Option<u64>,
    /// The helm release whose rules are followed.
    pub helm: HelmCompat,
    /// Fills placeholders in the user's values, and in the `values.yaml` of the requested chart.
    pub fill: Option<Filler>,
}

/// Fills placeholders in values before the chart is rendered.
pub trait FillValues: Send + Sync {
    /// Returns the values that replace `texts`, in the same order, or the problems. Each item of `texts` is the
    /// path of a string in the values, and the string.
    fn fill(&self, texts: Vec<(String, String)>, cx: &Cx) -> Result<Vec<Value>, Vec<Diagnostic>>;
}

/// The [`FillValues`] of a request. It has a `Debug` output without content, since what it holds may be secret.
#[derive(Clone)]
pub struct Filler(pub Arc<dyn FillValues>);

impl std::fmt::Debug for Filler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Filler")
    }
}

impl TemplateRequest {
    /// A request with helm's defaults.
    pub fn new(root: TreePath) -> Self {
        Self {
            root,
            release_name: "release-name".into(),
            namespace: "default".into(),
            values: Vec::new(),
            kube_version: None,
            api_versions: Vec::new(),
            include_crds: false,
            show_only: Vec::new(),
            no_hooks: false,
            skip_tests: false,
            is_upgrade: false,
            skip_schema_validation: false,
            seed: None,
            helm: HelmCompat::default(),
            fill: None,
        }
    }
}

/// The helm release whose rules are followed: for values, for what templates see and may call, for the order of
/// documents and for what is printed between them. COMPATIBILITY.md lists the differences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HelmCompat {
    /// helm v3.22.0
    V3,
    /// helm v4.3.2
    #[default]
    V4,
}

impl HelmCompat {
    /// `.Capabilities.HelmVersion.Version`
    pub fn version(self) -> &'static str {
        match self {
            Self::V3 => "v3.22.0",
            Self::V4 => "v4.3.2",
        }
    }

    /// The version of Go that the release was built with: `.Capabilities.HelmVersion.GoVersion`.
    pub(crate) fn go_version(self) -> &'static str {
        match self {
            Self::V3 => "go1.26.8",
            Self::V4 => "go1.27.0",
        }
    }
}

/// A source of values.
#[derive(Clone)]
pub enum ValuesSource {
    /// `--values FILE`: a file of the tree.
    File(TreePath),
    /// The text of a values file that is not in the tree.
    Text {
        /// The name of the file in errors.
        name: String,
        /// The YAML text.
        text: String,
    },
    /// A mapping of values.
    Value(Value),
    /// `--set LINE`
    Set(String),
    /// `--set-string LINE`
    SetString(String),
    /// `--set-file NAME=PATH`
    SetFile {
        /// The name, in the language of `--set`.
        name: String,
        /// The file of the tree that holds the value.
        path: TreePath,
    },
    /// `--set-file NAME=PATH` for a file that is not in the tree.
    SetFileText {
        /// The name, in the language of `--set`.
        name: String,
        /// The value.
        text: String,
    },
    /// `--set-json LINE`
    SetJson(String),
    /// `--set-literal NAME=TEXT`
    SetLiteral(String),
}

impl std::fmt::Debug for ValuesSource {
    /// Shows the kind and the names of files: values may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "File({path})"),
            Self::Text { name, .. } => write!(f, "Text({name})"),
            Self::SetFile { path, .. } => write!(f, "SetFile({path})"),
            Self::SetFileText { .. } => f.write_str("SetFileText"),
            Self::Value(_) => f.write_str("Value"),
            Self::Set(_) => f.write_str("Set"),
            Self::SetString(_) => f.write_str("SetString"),
            Self::SetJson(_) => f.write_str("SetJson"),
            Self::SetLiteral(_) => f.write_str("SetLiteral"),
        }
    }
}
