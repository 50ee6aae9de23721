//! Settings as meant: flags, environment, config file and `-s` Secret, resolved once.

use crate::cli::args::{Compat, FillArgs, RunArgs, SharedArgs, SourceKind, parse_duration};
use crate::cli::config;
use crate::cli::env::{Env, setting};
use crate::cli::who::{self, Effective};
use crate::fill::{App, FillOptions, PathPolicy, Print};
use crate::report::Problem;
use anyhow::Result;
use keyfill_diag::{Class, Diagnostic};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file of secrets that is read when none is named.
const DEFAULT_SECRETS_FILE: &str = "keyfill.secrets.yaml";

/// What a run of `generate` is told, besides how to render.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Follow argocd-vault-plugin byte for byte.
    pub compat_avp: bool,
    /// How placeholders are filled.
    pub fill: FillOptions,
    /// Where secrets come from.
    pub source: SourceKind,
    /// The file of the source `file`.
    pub secrets_file: PathBuf,
    /// Connection settings, put together from both sides.
    pub effective: Effective,
    /// Whether tokens are kept between runs.
    pub token_cache: Option<PathBuf>,
    /// Whether an empty result is fine.
    pub allow_empty: bool,
    /// How long the run may take.
    pub deadline: Duration,
    /// What should be said though the run goes on.
    pub warnings: Vec<Diagnostic>,
}

/// Everything that settings come from.
pub struct Given<'a> {
    /// AVP's flags.
    pub shared: &'a SharedArgs,
    /// Flags of the fill stage.
    pub fill: &'a FillArgs,
    /// Flags of the run.
    pub run: &'a RunArgs,
    /// The environment.
    pub env: &'a Env,
    /// Whether keyfill was called as argocd-vault-plugin.
    pub called_as_avp: bool,
}

/// The config file's settings and the `-s` Secret's, which win.
pub fn read_files(given: &Given<'_>) -> Result<BTreeMap<String, String>> {
    let mut file = match &given.shared.config_path {
        Some(path) => config::read(path).map_err(|e| Problem::usage(format!("{e:#}")))?,
        None => BTreeMap::new(),
    };
    if let Some(secret) = crate::secret_name::chosen(given.shared, given.env)? {
        file.extend(crate::secret_name::read(&secret, given.env)?);
    }
    Ok(file)
}

/// Resolves all of it. `file` is what [`read_files`] gave.
pub fn resolve(given: &Given<'_>, file: &BTreeMap<String, String>) -> Result<Settings> {
    let admin = who::administrators(given.env, file);
    let effective = who::effective(&admin, &who::authors(given.env));
    let compat_avp = given.shared.compat.map_or(given.called_as_avp, |c| c == Compat::Avp);
    let mut warnings: Vec<Diagnostic> = effective.unused.iter().map(|name| unused_warning(name)).collect();
    warnings.extend(unknown_names(file));
    let secrets_file =
        given.fill.secrets_file.clone().or_else(|| effective.get("KEYFILL_SECRETS_FILE").map(PathBuf::from));
    let source = source_kind(given, &effective, compat_avp, secrets_file.is_some())?;
    let kinds = if given.fill.kinds.is_empty() {
        who::split_list(effective.get("KEYFILL_KINDS").unwrap_or_default()).map(str::to_owned).collect()
    } else {
        given.fill.kinds.clone()
    };
    let app = app(given.env);
    let policy = policy(&effective, &app)?;
    let env = listed_env(given.env, &effective);
    let fill = FillOptions { compat_avp, kinds, app, env, policy, print: Print::Yaml };
    let deadline = match (given.run.deadline, effective.get("KEYFILL_DEADLINE")) {
        (Some(time), _) => time,
        (None, Some(text)) => {
            parse_duration(text).map_err(|e| Problem::usage(format!("KEYFILL_DEADLINE: {e}")))?
        }
        (None, None) => Duration::from_secs(55),
    };
    Ok(Settings {
        compat_avp,
        fill,
        source,
        secrets_file: secrets_file.unwrap_or_else(|| DEFAULT_SECRETS_FILE.into()),
        token_cache: token_cache(given, &effective),
        allow_empty: given.run.allow_empty || is_true(effective.get("KEYFILL_ALLOW_EMPTY")),
        effective,
        deadline,
        warnings,
    })
}

/// `true` as Go's strconv.ParseBool takes it.
pub fn is_true(value: Option<&str>) -> bool {
    value.is_some_and(|v| matches!(v.trim(), "1" | "t" | "T" | "true" | "TRUE" | "True"))
}

fn unused_warning(name: &str) -> Diagnostic {
    Diagnostic::warning(
        Class::Usage,
        format!("ARGOCD_ENV_{name} is not used: the administrator has not left {name} to the app"),
    )
    .hint("an administrator opens a name with KEYFILL_APP_MAY_SET")
}

/// Names in a config file that mean nothing are most likely misspelt.
fn unknown_names(file: &BTreeMap<String, String>) -> Vec<Diagnostic> {
    let ours = |name: &str| ["VAULT_", "AVP_", "KEYFILL_"].iter().any(|p| name.starts_with(p));
    let known: Vec<&str> = crate::cli::env::SETTINGS.iter().map(|v| v.name).collect();
    let unknown = file.keys().filter(|name| ours(name) && setting(name).is_none());
    let warn = |name: &String| {
        let warning = Diagnostic::warning(
            Class::Usage,
            format!("the config file sets {name}, which keyfill does not know"),
        );
        match keyfill_diag::nearest(name, known.iter().copied()) {
            Some(near) => warning.hint(format!("did you mean {near}?")),
            None => warning,
        }
    };
    unknown.map(warn).collect()
}

fn source_kind(
    given: &Given<'_>,
    effective: &Effective,
    compat_avp: bool,
    has_file: bool,
) -> Result<SourceKind> {
    if let Some(kind) = given.fill.source {
        return Ok(kind);
    }
    let named =
        ["KEYFILL_SOURCE", "AVP_TYPE"].into_iter().find_map(|name| Some((name, effective.get(name)?.trim())));
    let kind = match named {
        Some((_, "vault")) => SourceKind::Vault,
        Some((_, "file")) => SourceKind::File,
        Some((name, other)) => {
            return Err(Problem::usage(format!(
                "{name} is {other:?}, which is no source that keyfill knows; it must be vault or file"
            ))
            .into());
        }
        None if compat_avp => {
            return Err(Problem::usage(
                "AVP_TYPE must be set to the type of the secret store: vault or file".to_owned(),
            )
            .into());
        }
        None if effective.get("VAULT_ADDR").is_some() || (!has_file && in_argo_cd(given.env)) => {
            SourceKind::Vault
        }
        None if has_file || Path::new(DEFAULT_SECRETS_FILE).exists() => SourceKind::File,
        None => {
            let message =
                format!("no secret store is set: there is no VAULT_ADDR, and no {DEFAULT_SECRETS_FILE} here");
            let hint = "set VAULT_ADDR, or name a file of secrets with --secrets-file";
            return Err(Problem::usage(message).hint(hint).into());
        }
    };
    // The default file lies in the folder one stands in: inside Argo CD that is the app's repository, and a
    // file of its author's must not be taken for the administrator's store.
    if kind == SourceKind::File && !has_file && in_argo_cd(given.env) {
        return Err(Problem::usage(
            "the source file needs KEYFILL_SECRETS_FILE or --secrets-file inside Argo CD".to_owned(),
        )
        .into());
    }
    Ok(kind)
}

fn in_argo_cd(env: &Env) -> bool {
    env.get("ARGOCD_APP_NAME").is_some()
}

/// The app as Argo CD names it.
pub fn app(env: &Env) -> App {
    let get = |name: &str| env.get(name).map(str::to_owned);
    App {
        name: get("ARGOCD_APP_NAME"),
        namespace: get("ARGOCD_APP_NAMESPACE"),
        project: get("ARGOCD_APP_PROJECT_NAME"),
    }
}

/// What path templates may read as `env.NAME`.
fn listed_env(env: &Env, effective: &Effective) -> BTreeMap<String, String> {
    let names = who::split_list(effective.get("KEYFILL_APP_ENV").unwrap_or_default());
    names.filter_map(|name| Some((name.to_owned(), env.get(name)?.to_owned()))).collect()
}

/// Which paths may be read. An author's own expression comes on top and can only narrow.
fn policy(effective: &Effective, app: &App) -> Result<PathPolicy> {
    let mut policy = PathPolicy::default();
    if let Some(globs) = effective.get("KEYFILL_ALLOWED_PATHS") {
        policy = policy.allow(globs, app);
    }
    let expressions = [
        ("AVP_PATH_VALIDATION", effective.get("AVP_PATH_VALIDATION")),
        ("ARGOCD_ENV_AVP_PATH_VALIDATION", effective.author_path_validation.as_deref()),
    ];
    for (name, expression) in expressions {
        if let Some(expression) = expression {
            policy = policy.require(name, expression)?;
        }
    }
    Ok(policy)
}

fn token_cache(given: &Given<'_>, effective: &Effective) -> Option<PathBuf> {
    if given.shared.disable_token_cache {
        return None;
    }
    let named = effective.get("KEYFILL_CACHE_DIR").map(PathBuf::from);
    named.or_else(|| Some(PathBuf::from(given.env.get("HOME")?).join(".avp")))
}
