//! How a folder is rendered: flags, Argo CD's variables and parameters, resolved once.

use crate::cli::render_args::{EngineChoice, HelmArgs, LoadRestrictor, RenderArgs, Reorder};
use crate::report::Problem;
use crate::settings::{Env, table};
use crate::values;
use anyhow::{Context as _, Result};
use clap::Parser;
use keyfill_diag::Cx;
use keyfill_files::TreePath;
use keyfill_helm::HelmCompat;
use std::path::PathBuf;
use std::time::Duration;

/// The longest that `--name-template` may take.
const NAME_TIME: Duration = Duration::from_secs(5);

/// Everything that decides what is rendered, besides the files.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who renders.
    pub engine: EngineChoice,
    /// What `kustomize edit set` would do first.
    pub edits: super::edits::Edits,
    /// For kustomizations.
    pub kustomize: KustomizeOptions,
    /// For charts.
    pub helm: HelmOptions,
    /// The official binaries.
    pub binaries: Binaries,
    /// What the official binaries may see of the environment.
    pub environment: Vec<(String, String)>,
}

/// `kustomize build`'s options.
#[derive(Clone, Debug, Default)]
pub struct KustomizeOptions {
    /// Whether files from outside a kustomization's folder are refused.
    pub restrict_to_root: bool,
    /// The order asked for; the kustomization's own otherwise.
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
    /// Files of values, the later ones win.
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
    /// API versions.
    pub api_versions: Vec<String>,
    /// Kubernetes version.
    pub kube_version: Option<String>,
    /// The templates that are printed; all when empty.
    pub show_only: Vec<String>,
    /// Leaves hooks out.
    pub no_hooks: bool,
    /// Leaves tests out.
    pub skip_tests: bool,
    /// Sets `.Release.IsUpgrade`.
    pub is_upgrade: bool,
    /// Leaves values.schema.json alone.
    pub skip_schema_validation: bool,
    /// Whose rules are followed.
    pub compat: HelmCompat,
    /// Makes random functions repeat.
    pub seed: Option<u64>,
}

/// A file of values: one of the tree, or a text that was given.
#[derive(Clone, Debug)]
pub enum ValuesFile {
    /// A file of the tree.
    InTree(TreePath),
    /// A text, and what errors call it.
    Text {
        /// What errors call it.
        name: String,
        /// The text.
        text: String,
    },
}

/// Where the official binaries are.
#[derive(Clone, Debug, Default)]
pub struct Binaries {
    /// `KEYFILL_KUSTOMIZE`; looked for on PATH otherwise.
    pub kustomize: Option<PathBuf>,
    /// `KEYFILL_HELM` or `--helm-command`; looked for on PATH otherwise.
    pub helm: Option<PathBuf>,
    /// `PATH`.
    pub search_path: Option<String>,
}

/// Settings that the administrator chooses and the command line overrides.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chosen<'a> {
    /// `KEYFILL_ENGINE`
    pub engine: Option<&'a str>,
    /// `KEYFILL_HELM_COMPAT`
    pub helm_compat: Option<&'a str>,
}

/// What Argo CD's variables say of rendering. Helm's flags among them go through the same parser as ours,
/// so that only known ones are taken and none reaches a shell.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct HelmLine {
    #[command(flatten)]
    helm: HelmArgs,
}

/// Resolves flags and variables. `folder` is the app's: names that its author gives start there.
/// `generating` says that it is for Argo CD: CRDs are printed and kustomizations' charts rendered without a flag.
pub fn resolve(
    args: &RenderArgs,
    env: &Env,
    folder: &TreePath,
    generating: bool,
    chosen: Chosen<'_>,
) -> Result<Options> {
    let k = &args.kustomize;
    let kustomize = KustomizeOptions {
        restrict_to_root: k.load_restrictor == LoadRestrictor::RootOnly,
        reorder: k.reorder,
        // Charts are rendered in process: kustomize's flag guards the start of a binary.
        enable_helm: k.enable_helm || generating,
        enable_alpha_plugins: k.enable_alpha_plugins,
        enable_exec: k.enable_exec,
        enable_managedby_label: k.enable_managedby_label,
        helm_kube_version: k.helm_kube_version.clone().or_else(|| env.get("KUBE_VERSION").map(str::to_owned)),
        helm_api_versions: or_listed(&k.helm_api_versions, env.get("KUBE_API_VERSIONS")),
    };
    let path = |name: &str| env.get(name).map(PathBuf::from);
    Ok(Options {
        engine: engine_choice(args, chosen.engine)?,
        edits: super::edits::Edits::resolve(args, env)?,
        kustomize,
        helm: HelmOptions {
            compat: helm_compat(&args.helm, chosen.helm_compat)?,
            ..helm_options(&args.helm, env, folder, generating)?
        },
        binaries: Binaries {
            kustomize: path("KEYFILL_KUSTOMIZE"),
            helm: k.helm_command.as_ref().map(PathBuf::from).or_else(|| path("KEYFILL_HELM")),
            search_path: env.get("PATH").map(str::to_owned),
        },
        environment: child_environment(env),
    })
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

/// The helm that the command line asks for, else the administrator; helm 4 without either.
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

/// What an official binary needs to run and to reach what the user named: nothing of Vault's.
fn child_environment(env: &Env) -> Vec<(String, String)> {
    const NAMES: &[&str] =
        &["PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "USER"];
    let wanted = |name: &str| {
        NAMES.contains(&name)
            || table::HANDED_ON.iter().any(|beginning| name.starts_with(beginning))
            || name.to_ascii_lowercase().ends_with("_proxy")
    };
    env.iter().filter(|(name, _)| wanted(name)).map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}

fn helm_options(args: &HelmArgs, env: &Env, folder: &TreePath, include_crds: bool) -> Result<HelmOptions> {
    let mut options = HelmOptions {
        release_name: given_release_name(args)?
            .or_else(|| env.get("ARGOCD_APP_NAME").map(release_name_of_app))
            .unwrap_or_else(|| "release-name".to_owned()),
        namespace: named(&args.namespace, env, "ARGOCD_APP_NAMESPACE", "default"),
        include_crds: (include_crds || args.include_crds) && !args.skip_crds,
        api_versions: or_listed(&args.api_versions, env.get("KUBE_API_VERSIONS")),
        kube_version: args.kube_version.clone().or_else(|| env.get("KUBE_VERSION").map(str::to_owned)),
        ..HelmOptions::default()
    };
    add_authors_values(&mut options, env, folder)?;
    for name in &args.values {
        options.values.push(ValuesFile::given(name)?);
    }
    for pair in &args.set_file {
        options.set_file.push(key_and_file(pair, ValuesFile::given)?);
    }
    add_flags(&mut options, args);
    Ok(options)
}

/// Flags that are taken the same way from the command line and from `HELM_ARGS`.
fn add_flags(options: &mut HelmOptions, args: &HelmArgs) {
    options.set.extend_from_slice(&args.set);
    options.set_string.extend_from_slice(&args.set_string);
    options.set_json.extend_from_slice(&args.set_json);
    options.set_literal.extend_from_slice(&args.set_literal);
    options.show_only.extend_from_slice(&args.show_only);
    options.no_hooks |= args.no_hooks;
    options.skip_tests |= args.skip_tests;
    options.is_upgrade |= args.is_upgrade;
    options.skip_schema_validation |= args.skip_schema_validation;
    options.seed = args.seed.or(options.seed);
}

fn named(given: &Option<String>, env: &Env, variable: &str, default: &str) -> String {
    given.as_deref().or_else(|| env.get(variable)).unwrap_or(default).to_owned()
}

/// The release's name that the flags say, if they do.
fn given_release_name(args: &HelmArgs) -> Result<Option<String>> {
    let Some(template) = args.name_template.as_ref().filter(|template| !template.is_empty()) else {
        return Ok(args.release_name.clone());
    };
    let name = keyfill_helm::release_name(template, &Cx::with_time(NAME_TIME));
    Ok(Some(name.context(Problem::usage(format!("--name-template {template}")))?))
}

/// `NAMESPACE_NAME`, as Argo CD names apps in any namespace, is no release name: helm gets the name alone,
/// as Argo CD's own helm does.
fn release_name_of_app(app: &str) -> String {
    app.rsplit('_').next().unwrap_or(app).to_owned()
}

/// What the app's author says, below the command line: `HELM_VALUES`, `HELM_ARGS`, then the parameters.
fn add_authors_values(options: &mut HelmOptions, env: &Env, folder: &TreePath) -> Result<()> {
    let in_tree = |name: &str| ValuesFile::of_author(name, folder);
    if let Some(line) = env.get("ARGOCD_ENV_HELM_ARGS") {
        let words =
            shell_words::split(line).context(Problem::usage("ARGOCD_ENV_HELM_ARGS has an open quote"))?;
        let HelmLine { helm } = HelmLine::try_parse_from(words).map_err(|e| {
            let first =
                e.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Problem::usage(format!("ARGOCD_ENV_HELM_ARGS: {first}"))
        })?;
        for name in &helm.values {
            options.values.push(in_tree(name)?);
        }
        for pair in &helm.set_file {
            options.set_file.push(key_and_file(pair, in_tree)?);
        }
        add_flags(options, &helm);
        options.release_name =
            given_release_name(&helm)?.unwrap_or(std::mem::take(&mut options.release_name));
        options.namespace = helm.namespace.clone().unwrap_or(std::mem::take(&mut options.namespace));
        options.include_crds = (options.include_crds || helm.include_crds) && !helm.skip_crds;
        options.kube_version = helm.kube_version.clone().or(options.kube_version.take());
        options.api_versions.extend(helm.api_versions);
    }
    if let Some(text) = env.get("ARGOCD_ENV_HELM_VALUES") {
        options.values.push(ValuesFile::text("<ARGOCD_ENV_HELM_VALUES>", text));
    }
    if let Some(json) = env.get("ARGOCD_APP_PARAMETERS") {
        add_parameters(options, json, &in_tree)?;
    }
    Ok(())
}

/// One of Argo CD's parameters for a plugin.
#[derive(serde::Deserialize)]
struct Parameter {
    name: String,
    #[serde(default)]
    string: Option<String>,
    #[serde(default)]
    array: Vec<String>,
    #[serde(default)]
    map: std::collections::BTreeMap<String, String>,
}

fn add_parameters(
    options: &mut HelmOptions,
    json: &str,
    in_tree: &dyn Fn(&str) -> Result<ValuesFile>,
) -> Result<()> {
    let parameters: Option<Vec<Parameter>> =
        serde_json::from_str(json).context("ARGOCD_APP_PARAMETERS is not a list of parameters")?;
    // In Argo CD's own order: files, then values, then single values.
    let mut parameters = parameters.unwrap_or_default();
    parameters
        .sort_by_key(|p| ["helm-value-files", "helm-values", "helm-set"].iter().position(|n| *n == p.name));
    for parameter in parameters {
        match parameter.name.as_str() {
            "helm-value-files" => {
                for name in parameter.array.iter().filter(|n| !n.is_empty()) {
                    options.values.push(in_tree(name)?);
                }
            }
            "helm-values" => {
                let text = parameter.string.filter(|t| !t.trim().is_empty());
                options.values.extend(text.map(|t| ValuesFile::text("<parameter helm-values>", &t)));
            }
            "helm-set" => {
                // Commas are escaped, as Argo CD does for its own helm parameters: a value is one value.
                let escaped = |v: &str| v.replace('\\', "\\\\").replace(',', "\\,");
                options.set.extend(parameter.map.iter().map(|(k, v)| format!("{k}={}", escaped(v))));
            }
            _ => {}
        }
    }
    Ok(())
}

fn key_and_file(pair: &str, file: impl Fn(&str) -> Result<ValuesFile>) -> Result<(String, ValuesFile)> {
    let (key, name) =
        pair.split_once('=').with_context(|| format!("--set-file {pair}: write it as key=path"))?;
    // Without a path the value is empty, as in helm.
    let text = if name.is_empty() { ValuesFile::text(key, "") } else { file(name)? };
    Ok((key.to_owned(), text))
}

impl ValuesFile {
    fn text(name: &str, text: &str) -> Self {
        Self::Text { name: name.to_owned(), text: text.to_owned() }
    }

    /// A file that the command line names: it may lie anywhere, `-` is stdin.
    fn given(name: &str) -> Result<Self> {
        let text = if name == "-" {
            std::io::read_to_string(std::io::stdin())
                .context(Problem::input("cannot read values from stdin"))?
        } else {
            std::fs::read_to_string(name)
                .with_context(|| Problem::input(format!("cannot read the values file {name}")))?
        };
        // Errors show these names as they are: they are no paths of the tree.
        let name = match name {
            "-" => "<stdin>".to_owned(),
            name if ["/", "./", "../"].iter().any(|start| name.starts_with(start)) => name.to_owned(),
            name => format!("./{name}"),
        };
        Ok(Self::Text { name, text })
    }

    /// A file that the app's author names: relative to the app's folder, inside the tree.
    fn of_author(name: &str, folder: &TreePath) -> Result<Self> {
        if name.contains("://") {
            let message = format!("the values file {name} is a URL");
            let hint = "an app's values must be files of its repository";
            return Err(Problem::forbidden(message).hint(hint).into());
        }
        let path = folder.join(name);
        let outside = || format!("the values file {name} lies outside of the repository");
        let path = path.ok_or_else(|| Problem::forbidden(outside()))?;
        Ok(Self::InTree(path))
    }
}

#[cfg(test)]
mod tests {
    use super::{HelmOptions, ValuesFile, helm_options};
    use crate::cli::render_args::HelmArgs;
    use crate::settings::Env;
    use keyfill_files::TreePath;

    fn options(vars: &[(&str, &str)]) -> anyhow::Result<HelmOptions> {
        let env: Env = vars.iter().copied().collect();
        helm_options(&HelmArgs::default(), &env, &TreePath::new("apps/a").unwrap(), true)
    }

    #[test]
    fn helm_args_are_flags_not_shell() {
        let o =
            options(&[("ARGOCD_ENV_HELM_ARGS", "-f ../../values.yaml --set 'a=b c' --skip-crds")]).unwrap();
        assert!(matches!(&o.values[..], [ValuesFile::InTree(p)] if p.as_str() == "values.yaml"));
        assert_eq!((o.set, o.include_crds), (vec!["a=b c".to_owned()], false));
        for bad in [
            "--post-renderer ./x",
            "$(id)",
            "-f ../../../secret",
            "-f /etc/passwd",
            "-f http://x/v",
            "'",
            "-f file:///x",
        ] {
            assert!(options(&[("ARGOCD_ENV_HELM_ARGS", bad)]).is_err(), "{bad}");
        }
    }

    #[test]
    fn parameters_give_values() {
        let json = r#"[{"name":"helm-set","map":{"image.tag":"1,2"}},{"name":"helm-values","string":"a: 1"},
            {"name":"helm-value-files","array":["values-prod.yaml"]}]"#;
        let o = options(&[("ARGOCD_APP_PARAMETERS", json)]).unwrap();
        assert_eq!(o.set, [r"image.tag=1\,2"]);
        let names: Vec<&str> = o
            .values
            .iter()
            .map(|v| match v {
                ValuesFile::InTree(path) => path.as_str(),
                ValuesFile::Text { name, .. } => name,
            })
            .collect();
        assert_eq!(names, ["apps/a/values-prod.yaml", "<parameter helm-values>"]);
        assert!(options(&[("ARGOCD_APP_PARAMETERS", "{")]).is_err());
    }

    #[test]
    fn the_release_is_the_app() {
        let o = options(&[("ARGOCD_APP_NAME", "team-a_web"), ("ARGOCD_APP_NAMESPACE", "prod")]).unwrap();
        assert_eq!((o.release_name.as_str(), o.namespace.as_str()), ("web", "prod"));
    }
}
