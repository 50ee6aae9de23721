//! The options of `helm template` from the command line, and the files that they name.

use super::{HelmOptions, ValuesFile, author, or_listed};
use crate::cli::render_args::HelmArgs;
use crate::report::Problem;
use crate::settings::Env;
use anyhow::{Context as _, Result};
use keyfill_diag::Cx;
use keyfill_files::TreePath;
use std::time::Duration;

/// The time limit for `--name-template`.
const NAME_TIME: Duration = Duration::from_secs(5);

/// The options of a chart: the author's, then the command line's, which have priority.
pub(super) fn options(
    args: &HelmArgs,
    env: &Env,
    folder: &TreePath,
    include_crds: bool,
) -> Result<HelmOptions> {
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
    author::add(&mut options, env, folder)?;
    for name in &args.values {
        options.values.push(ValuesFile::given(name)?);
    }
    for pair in &args.set_file {
        options.set_file.push(key_and_file(pair, ValuesFile::given)?);
    }
    add_flags(&mut options, args);
    Ok(options)
}

/// Adds the flags that mean the same on the command line and in `HELM_ARGS`.
pub(super) fn add_flags(options: &mut HelmOptions, args: &HelmArgs) {
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

/// The release's name by the flags, if they set one.
pub(super) fn given_release_name(args: &HelmArgs) -> Result<Option<String>> {
    let Some(template) = args.name_template.as_ref().filter(|template| !template.is_empty()) else {
        return Ok(args.release_name.clone());
    };
    let name = keyfill_helm::release_name(template, &Cx::with_time(NAME_TIME));
    Ok(Some(name.context(Problem::usage(format!("--name-template {template}")))?))
}

/// The release name of an app. Argo CD's name of an app in another namespace is `NAMESPACE_NAME`; the release name
/// is only `NAME`, as in Argo CD itself.
fn release_name_of_app(app: &str) -> String {
    app.rsplit('_').next().unwrap_or(app).to_owned()
}

/// The key and the content of a `--set-file`.
pub(super) fn key_and_file(
    pair: &str,
    file: impl Fn(&str) -> Result<ValuesFile>,
) -> Result<(String, ValuesFile)> {
    let (key, name) =
        pair.split_once('=').with_context(|| format!("--set-file {pair}: write it as key=path"))?;
    // Without a path the value is empty, as in helm.
    let text = if name.is_empty() { ValuesFile::text(key, "") } else { file(name)? };
    Ok((key.to_owned(), text))
}

impl ValuesFile {
    /// A text with its name in errors.
    pub(super) fn text(name: &str, text: &str) -> Self {
        Self::Text { name: name.to_owned(), text: text.to_owned() }
    }

    /// Reads a file that the command line names: any path, or `-` for stdin.
    pub(super) fn given(name: &str) -> Result<Self> {
        if name.contains("://") {
            let message = format!("the values file {name} is a URL, which is not fetched");
            return Err(Problem::input(message).hint("download it, and name the file").into());
        }
        let text = if name == "-" {
            std::io::read_to_string(std::io::stdin())
                .context(Problem::input("cannot read values from stdin"))?
        } else {
            std::fs::read_to_string(name)
                .with_context(|| Problem::input(format!("cannot read the values file {name}")))?
        };
        // Errors show these names unchanged, since they are not paths of the tree.
        let name = match name {
            "-" => "<stdin>".to_owned(),
            name if ["/", "./", "../"].iter().any(|start| name.starts_with(start)) => name.to_owned(),
            name => format!("./{name}"),
        };
        Ok(Self::Text { name, text })
    }

    /// A file that the app's author names, relative to the app's folder and inside the tree.
    pub fn of_author(name: &str, folder: &TreePath) -> Result<Self> {
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
    use super::options as helm_options;
    use crate::cli::render_args::HelmArgs;
    use crate::render::options::HelmOptions;
    use crate::settings::Env;
    use keyfill_files::TreePath;

    fn options(vars: &[(&str, &str)]) -> anyhow::Result<HelmOptions> {
        let env: Env = vars.iter().copied().collect();
        helm_options(&HelmArgs::default(), &env, &TreePath::new("apps/a").unwrap(), true)
    }

    #[test]
    fn the_release_is_the_app() {
        let o = options(&[("ARGOCD_APP_NAME", "team-a_web"), ("ARGOCD_APP_NAMESPACE", "prod")]).unwrap();
        assert_eq!((o.release_name.as_str(), o.namespace.as_str()), ("web", "prod"));
    }
}
