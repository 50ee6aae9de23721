//! The author's settings for a chart: `HELM_ARGS`, `HELM_VALUES`, then the parameters. The command line has
//! priority over them.

use super::helm::{add_flags, given_release_name, key_and_file};
use super::{HelmOptions, ValuesFile};
use crate::cli::pflag;
use crate::cli::render_args::HelmArgs;
use crate::report::Problem;
use crate::settings::Env;
use anyhow::{Context as _, Result};
use clap::{CommandFactory as _, Parser};
use keyfill_diag::{Class, Diagnostic};
use keyfill_files::TreePath;

/// The variable with flags of `helm template`.
const HELM_ARGS: &str = "HELM_ARGS";

/// The parameter that enables filling placeholders in values before a chart is rendered.
const FILL_VALUES: &str = "keyfill.dev/fill-values";

/// The variable with values as YAML text.
const HELM_VALUES: &str = "HELM_VALUES";

/// The author's variable with a name in any case, since many plugin definitions use `helm_args`: its full name and
/// its value. Upper case has priority.
fn authors<'a>(env: &'a Env, name: &str) -> Option<(&'a str, &'a str)> {
    let is_it = |full: &str| full.strip_prefix("ARGOCD_ENV_").is_some_and(|n| n.eq_ignore_ascii_case(name));
    // Upper case sorts before lower case.
    env.iter().find(|(full, value)| is_it(full) && !value.is_empty())
}

/// Helm's flags are parsed with the same parser as keyfill's, so that only known flags are accepted and none
/// reaches a shell.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true, args_override_self = true)]
pub(super) struct HelmLine {
    #[command(flatten)]
    pub(super) helm: HelmArgs,
    #[command(flatten)]
    without_effect: WithoutEffect,
}

/// Flags of `helm template` that do not affect the output for a chart in the tree.
#[derive(clap::Args)]
struct WithoutEffect {
    #[arg(long)]
    debug: bool,
    /// Dependencies are in the chart, or the run says which are not.
    #[arg(long)]
    dependency_update: bool,
    #[arg(long)]
    disable_openapi_validation: bool,
    #[arg(long)]
    render_subchart_notes: bool,
    #[arg(long)]
    hide_notes: bool,
    #[arg(long)]
    create_namespace: bool,
    /// A word in helm 4, a switch in helm 3.
    #[arg(long, num_args = 0..=1, require_equals = true)]
    wait: Option<Option<String>>,
    #[arg(long)]
    wait_for_jobs: bool,
    #[arg(long)]
    atomic: bool,
    #[arg(long)]
    replace: bool,
    #[arg(long)]
    devel: bool,
    #[arg(long)]
    timeout: Option<String>,
    #[arg(long)]
    description: Option<String>,
    #[arg(long, num_args = 0..=1, require_equals = true)]
    dry_run: Option<Option<String>>,
    #[arg(long, num_args = 0..=1, require_equals = true)]
    server_side: Option<Option<String>>,
    #[arg(short = 'l', long)]
    labels: Vec<String>,
    #[arg(long)]
    take_ownership: bool,
    #[arg(long)]
    rollback_on_failure: bool,
    #[arg(long)]
    force: bool,
    #[arg(long)]
    force_conflicts: bool,
    #[arg(long)]
    force_replace: bool,
    #[arg(long)]
    burst_limit: Option<String>,
    #[arg(long)]
    qps: Option<String>,
    #[arg(long)]
    color: Option<String>,
    #[arg(long)]
    colour: Option<String>,
    /// It chooses among a repository's charts; one that lies in the tree has its own.
    #[arg(long)]
    version: Option<String>,
    #[arg(long)]
    insecure_skip_tls_verify: bool,
    #[arg(long)]
    plain_http: bool,
    #[arg(long)]
    pass_credentials: bool,
    #[arg(long)]
    keyring: Option<String>,
    #[arg(long)]
    username: Option<String>,
    #[arg(long)]
    password: Option<String>,
    #[arg(long)]
    kubeconfig: Option<String>,
    #[arg(long)]
    kube_context: Option<String>,
    #[arg(long)]
    kube_apiserver: Option<String>,
    #[arg(long)]
    kube_as_user: Option<String>,
    #[arg(long)]
    kube_as_group: Vec<String>,
    #[arg(long)]
    kube_ca_file: Option<String>,
    #[arg(long)]
    kube_tls_server_name: Option<String>,
    #[arg(long)]
    kube_token: Option<String>,
    #[arg(long)]
    kube_insecure_skip_tls_verify: bool,
    #[arg(long)]
    registry_config: Option<String>,
    #[arg(long)]
    repository_config: Option<String>,
    #[arg(long)]
    repository_cache: Option<String>,
    #[arg(long)]
    content_cache: Option<String>,
    /// Names are never looked up.
    #[arg(long)]
    enable_dns: bool,
}

impl HelmLine {
    /// The words of a line, with `-s` replaced by its long form.
    pub(super) fn with_long_names(words: impl Iterator<Item = String>) -> Vec<String> {
        // In keyfill `-s` is another flag.
        words.map(|word| if word == "-s" { "--show-only".to_owned() } else { word }).collect()
    }

    /// The words of `HELM_ARGS`. `--release-name` without a value is helm's own switch, which affects only
    /// `--output-dir`, and is removed. `--include-crds=false` turns off keyfill's default.
    fn words(line: &str) -> Vec<String> {
        let mut words = Self::with_long_names(line.split_ascii_whitespace().map(str::to_owned));
        let is_flag = |word: Option<&String>| word.is_none_or(|word| word.starts_with('-'));
        let mut at = 0;
        while at < words.len() {
            let is_switch = match words[at].strip_prefix("--release-name") {
                Some("") => is_flag(words.get(at + 1)),
                Some(value) => {
                    value.strip_prefix('=').is_some_and(|value| pflag::parse_bool(value).is_some())
                }
                None => false,
            };
            if is_switch {
                words.remove(at);
            } else {
                at += 1;
            }
        }
        let value = |word: &String| match word.strip_prefix("--include-crds") {
            Some("") => Some(true),
            Some(value) => value.strip_prefix('=').and_then(pflag::parse_bool),
            None => None,
        };
        if words.iter().filter_map(value).next_back() == Some(false) {
            words.push("--skip-crds".to_owned());
        }
        words
    }

    /// For a command line of helm, in which `--skip-crds` affects only installing.
    pub(super) fn of_command(mut self) -> Self {
        self.helm.skip_crds = false;
        self
    }

    /// A warning about a flag that is not supported.
    pub(super) fn warnings(&self, name: &str) -> Option<Diagnostic> {
        let message = format!("{name}: --enable-dns: names are not looked up, and getHostByName is empty");
        self.without_effect.enable_dns.then(|| Diagnostic::warning(Class::Usage, message))
    }
}

/// Adds the author's settings.
pub(super) fn add(options: &mut HelmOptions, env: &Env, folder: &TreePath) -> Result<()> {
    let in_tree = |name: &str| ValuesFile::of_author(name, folder);
    if let Some((name, line)) = authors(env, HELM_ARGS) {
        options.given.push(name.to_owned());
        let words = HelmLine::words(line);
        add_line(options, name, words, &in_tree)?;
    }
    if let Some((name, text)) = authors(env, HELM_VALUES) {
        options.given.push(name.to_owned());
        options.values.push(ValuesFile::text(&format!("<{name}>"), text));
    }
    if let Some(json) = env.get("ARGOCD_APP_PARAMETERS") {
        add_parameters(options, json, &in_tree)?;
    }
    Ok(())
}

/// Parses words as helm's flags and adds them. `name` is their source, for errors.
fn add_line(
    options: &mut HelmOptions,
    name: &str,
    words: Vec<String>,
    in_tree: &dyn Fn(&str) -> Result<ValuesFile>,
) -> Result<()> {
    let hint = words.iter().any(|word| word.contains(QUOTES));
    let words = pflag::normalize(words.into_iter().map(Into::into).collect(), &HelmLine::command())
        .map_err(|why| Problem::usage(format!("{name}: {why}")))?;
    let line = HelmLine::try_parse_from(words).map_err(|e| refused(name, &e.to_string(), hint))?;
    take(options, name, line, in_tree)
}

/// Adds the settings of a parsed line.
pub(super) fn take(
    options: &mut HelmOptions,
    name: &str,
    line: HelmLine,
    in_tree: &dyn Fn(&str) -> Result<ValuesFile>,
) -> Result<()> {
    options.warnings.extend(line.warnings(name));
    let HelmLine { helm, .. } = line;
    if helm.helm_compat.is_some() {
        let message = format!("{name}: --helm-compat is not the app's to choose");
        let hint = "an administrator chooses the helm whose rules are followed with KEYFILL_HELM_COMPAT";
        return Err(Problem::usage(message).hint(hint).into());
    }
    for file in &helm.values {
        options.values.push(in_tree(file)?);
    }
    for pair in &helm.set_file {
        options.set_file.push(key_and_file(pair, in_tree)?);
    }
    options.warnings.extend(quotes(name, &helm));
    add_flags(options, &helm);
    options.release_name = given_release_name(&helm)?.unwrap_or(std::mem::take(&mut options.release_name));
    options.namespace = helm.namespace.clone().unwrap_or(std::mem::take(&mut options.namespace));
    options.include_crds = (options.include_crds || helm.include_crds) && !helm.skip_crds;
    options.kube_version = helm.kube_version.clone().or(options.kube_version.take());
    options.api_versions.extend(helm.api_versions);
    Ok(())
}

/// The error for a line that the parser refuses. The first line of the parser's message has the flag's name.
fn refused(name: &str, said: &str, has_quotes: bool) -> Problem {
    let first = said.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let problem = Problem::usage(format!("{name}: {first}"));
    if has_quotes { problem.hint(NO_GROUPING) } else { problem }
}

const QUOTES: [char; 2] = ['"', '\''];

const NO_GROUPING: &str = "the line is split at white space alone, as a shell splits a variable without quotes: \
    quotes group nothing; a value with spaces goes into HELM_VALUES";

/// A warning if quotes become a part of a value, which is seldom intended.
fn quotes(name: &str, helm: &HelmArgs) -> Option<Diagnostic> {
    let begins = |text: &str| text.starts_with(QUOTES);
    let pairs = helm.set.iter().chain(&helm.set_string).chain(&helm.set_literal).chain(&helm.set_file);
    let quoted_value = |pair: &&String| begins(pair) || pair.split_once('=').is_some_and(|(_, v)| begins(v));
    let files = helm.values.iter().filter(|file| begins(file));
    let word = pairs.filter(quoted_value).chain(files).next()?;
    let key = word.split_once('=').map_or(word.as_str(), |(key, _)| key);
    let message = format!("{name}: the quotes around the value of {key:?} are a part of it");
    Some(Diagnostic::warning(Class::Usage, message).hint(NO_GROUPING))
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

/// The app's parameters that are not in `reads`, the `PARAM_` variables that a plugin's command uses.
#[cfg(unix)]
pub fn unread_parameters(env: &Env, reads: &std::collections::BTreeSet<String>) -> Vec<String> {
    let Some(json) = env.get("ARGOCD_APP_PARAMETERS") else { return Vec::new() };
    let parameters: Option<Vec<Parameter>> = serde_json::from_str(json).unwrap_or_default();
    let variable = |name: &str| {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        format!("PARAM_{}", name.chars().map(plain).collect::<String>())
    };
    let is_read = |name: &str| {
        let variable = variable(name);
        reads.iter().any(|read| read.starts_with(&variable))
    };
    let names = parameters.unwrap_or_default().into_iter().map(|parameter| parameter.name);
    names.filter(|name| !is_read(name)).collect()
}

fn add_parameters(
    options: &mut HelmOptions,
    json: &str,
    in_tree: &dyn Fn(&str) -> Result<ValuesFile>,
) -> Result<()> {
    let parameters: Option<Vec<Parameter>> =
        serde_json::from_str(json).context("ARGOCD_APP_PARAMETERS is not a list of parameters")?;
    // In the order of Argo CD: values files, then inline values, then single values.
    let mut parameters = parameters.unwrap_or_default();
    parameters
        .sort_by_key(|p| ["helm-value-files", "helm-values", "helm-set"].iter().position(|n| *n == p.name));
    for parameter in parameters {
        if parameter.name.starts_with("helm-") {
            options.given.push(format!("the parameter {}", parameter.name));
        }
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
                // Commas are escaped, as Argo CD does for its own Helm parameters, so that they do not separate
                // values.
                let escaped = |v: &str| v.replace('\\', "\\\\").replace(',', "\\,");
                options.set.extend(parameter.map.iter().map(|(k, v)| format!("{k}={}", escaped(v))));
            }
            FILL_VALUES => {
                options.fills_values = crate::values::is_true(parameter.string.as_deref());
            }
            _ => options.unknown_parameters.push(parameter.name),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::cli::render_args::HelmArgs;
    use crate::render::options::{HelmOptions, ValuesFile, helm};
    use crate::settings::Env;
    use keyfill_files::TreePath;

    fn options(vars: &[(&str, &str)]) -> anyhow::Result<HelmOptions> {
        let env: Env = vars.iter().copied().collect();
        helm::options(&HelmArgs::default(), &env, &TreePath::new("apps/a").unwrap(), true)
    }

    fn line(text: &str) -> anyhow::Result<HelmOptions> {
        options(&[("ARGOCD_ENV_HELM_ARGS", text)])
    }

    fn name(values: &ValuesFile) -> &str {
        match values {
            ValuesFile::InTree(path) => path.as_str(),
            ValuesFile::Text { name, .. } => name,
        }
    }

    fn names(options: &HelmOptions) -> Vec<&str> {
        options.values.iter().map(name).collect()
    }

    #[test]
    fn helm_args_are_flags_not_shell() {
        let o = line("-f ../../values.yaml\n  --set a=b\t--skip-crds\r\n").unwrap();
        assert_eq!(
            (names(&o), o.set.clone(), o.include_crds),
            (vec!["values.yaml"], vec!["a=b".to_owned()], false)
        );
        for bad in [
            "--post-renderer ./x",
            "--helm-compat 3",
            "$(id)",
            "-f ../../../secret",
            "-f /etc/passwd",
            "-f http://x/v",
            "'",
            "-f file:///x",
        ] {
            assert!(line(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn helm_args_are_split_at_white_space_alone() {
        let o =
            line(r#"--set nodeSelector.kubernetes\.io/os=linux --set a=x\,y --set-json b={"c":1}"#).unwrap();
        assert_eq!(o.set, [r"nodeSelector.kubernetes\.io/os=linux", r"a=x\,y"]);
        assert_eq!((o.set_json, o.warnings.len()), (vec![r#"b={"c":1}"#.to_owned()], 0));
        let o = line(r#"--set a="b" --set 'c=d'"#).unwrap();
        assert_eq!(o.set, [r#"a="b""#, "'c=d'"], "quotes are a part of the value");
        assert!(o.warnings[0].message.contains("quotes"));
        let error = line("--set 'a=b c'").unwrap_err();
        assert!(crate::report::problems(&error)[0].hint.as_deref().unwrap().contains("white space"));
    }

    #[test]
    fn flags_without_effect_are_taken() {
        let o = line(
            "--version 1 --plain-http --kube-context x --wait=watcher --enable-dns -s templates/a.yaml \
             --debug --dependency-update --disable-openapi-validation=true --dry-run --dry-run=client --wait \
             --timeout 5m --timeout=3m -l a=b --labels c=d --server-side=false --color never --include-crds=true --no-hooks=false --skip-tests --skip-tests=f",
        )
        .unwrap();
        assert_eq!((o.include_crds, o.no_hooks, o.skip_tests), (true, false, false));
        assert!(line("--skip-tests=perhaps").is_err());
        let o =
            line("--kubeconfig x --kube-token y --username u --password p --release-name --set a=b").unwrap();
        assert_eq!((o.release_name.as_str(), o.set.len()), ("release-name", 1));
        assert_eq!(line("--release-name=false").unwrap().release_name, "release-name");
        assert_eq!(line("--release-name web").unwrap().release_name, "web");
        for (text, want) in [
            ("--include-crds", true),
            ("--include-crds=false", false),
            ("--include-crds --include-crds=f", false),
            ("--include-crds=false --include-crds", true),
            ("--skip-crds", false),
        ] {
            assert_eq!(line(text).unwrap().include_crds, want, "{text}");
        }
    }

    #[test]
    fn names_are_taken_in_any_case() {
        let o =
            options(&[("ARGOCD_ENV_helm_args", "-f v2.yaml"), ("ARGOCD_ENV_Helm_Values", "a: 1")]).unwrap();
        assert_eq!(names(&o), ["apps/a/v2.yaml", "<ARGOCD_ENV_Helm_Values>"]);
        let o = options(&[("ARGOCD_ENV_helm_args", "-f v2.yaml"), ("ARGOCD_ENV_HELM_ARGS", "-f v1.yaml")])
            .unwrap();
        assert_eq!(names(&o), ["apps/a/v1.yaml"], "capitals win");
    }

    #[test]
    fn parameters_give_values() {
        let json = r#"[{"name":"helm-set","map":{"image.tag":"1,2"}},{"name":"helm-values","string":"a: 1"},
            {"name":"helm-value-files","array":["values-prod.yaml"]}]"#;
        let o = options(&[("ARGOCD_APP_PARAMETERS", json)]).unwrap();
        assert_eq!(o.set, [r"image.tag=1\,2"]);
        assert_eq!(names(&o), ["apps/a/values-prod.yaml", "<parameter helm-values>"]);
        assert!(options(&[("ARGOCD_APP_PARAMETERS", "{")]).is_err());
    }
}
