//! Resolves flags, environment, config file and `-s` Secret to the settings of a run.

use super::authority::{self, Effective};
use super::env::Env;
use super::source_kind::SourceKind;
use super::stores::{self, NamedStore};
use super::table::{Author, setting};
use super::{FromFiles, address, files, secret_name, unknown};
use crate::app::App;
use crate::cli::args::{Compat, FetchArgs, FillArgs, RunArgs, SharedArgs};
use crate::fill::policy::{ALLOWED_PATHS, APP_NAMESPACES, check_globs};
use crate::fill::{FillOptions, PathPolicy, Print, StoreKinds};
use crate::hydrated::FillWhen;
use crate::memory;
use crate::report::{Failure, Problem};
use crate::sops::{ALLOWED_KEYS, Encrypted, KeySettings};
use crate::values;
use anyhow::Result;
use keyfill_diag::{Class, Cx, Diagnostic};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file that the store `file` reads by default.
const DEFAULT_SECRETS_FILE: &str = "keyfill.secrets.yaml";

/// The settings of a run, except those of rendering.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether argocd-vault-plugin's output is reproduced byte for byte.
    pub compat_avp: bool,
    /// How placeholders are filled.
    pub fill: FillOptions,
    /// When placeholders are filled at all.
    pub filling: FillWhen,
    /// The file that the store `file` reads.
    pub secrets_file: PathBuf,
    /// The settings in force, merged from the administrator and the author.
    pub effective: Effective,
    /// The stores that the config file names.
    pub stores: BTreeMap<String, NamedStore>,
    /// The home folder and the cluster that keyfill runs in.
    pub system: System,
    /// The folder where Vault tokens are kept between runs; `None` if they are not kept.
    pub token_cache: Option<PathBuf>,
    /// Whether an empty result is allowed.
    pub allow_empty: bool,
    /// Whether to print what is read and why.
    pub verbose: bool,
    /// How long a run may take.
    pub deadline: Duration,
    /// How long to wait for a store that cannot be connected to; `None` waits until shortly before the deadline.
    pub patience: Option<Duration>,
    /// The most bytes of memory that a run may use.
    pub memory: u64,
    /// The keys that decrypt encrypted files.
    pub sops_keys: KeySettings,
    /// The tree that the store `sops` reads; `None` if the run has no tree.
    pub encrypted: Option<Encrypted>,
    /// Warnings about the settings.
    pub warnings: Vec<Diagnostic>,
    asked_source: Option<SourceKind>,
    has_secrets_file: bool,
    in_argo_cd: bool,
}

/// When placeholders in a chart's values are filled before it is rendered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FillsValues {
    /// The administrator forbids it.
    Never,
    /// Placeholders are filled for apps whose parameters ask for it.
    #[default]
    WhereAsked,
    /// Placeholders in values are always filled.
    Always,
}

/// Where keyfill runs, as the system's environment variables say.
#[derive(Clone, Debug, Default)]
pub struct System {
    /// The home folder.
    pub home: Option<PathBuf>,
    /// Host and port of the cluster's API server; `None` outside of a pod.
    pub api_server: Option<(String, String)>,
    /// `KEYFILL_SERVICE_ACCOUNT`: the folder of the service account's token.
    pub service_account: Option<PathBuf>,
}

impl System {
    fn of(env: &Env) -> Self {
        let get = |name: &str| env.get(name).map(str::to_owned);
        Self {
            home: env.get("HOME").map(PathBuf::from),
            api_server: get("KUBERNETES_SERVICE_HOST").zip(get("KUBERNETES_SERVICE_PORT")),
            service_account: env.get("KEYFILL_SERVICE_ACCOUNT").map(PathBuf::from),
        }
    }
}

/// The sources of settings. Flags that a command does not have are left at their defaults.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// The flags that argocd-vault-plugin has too.
    pub shared: &'a SharedArgs,
    /// Flags of the fill stage.
    pub fill: &'a FillArgs,
    /// Flags of the run.
    pub run: &'a RunArgs,
    /// Flags about fetching.
    pub fetch: &'a FetchArgs,
    /// The environment.
    pub env: &'a Env,
    /// Whether keyfill was called by the name `argocd-vault-plugin`.
    pub called_as_avp: bool,
    /// The purpose of the run.
    pub purpose: Purpose,
}

/// The purpose of a run, on which some defaults depend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To print filled manifests for a cluster: `generate`, `serve`.
    Generate,
    /// To print what the official tools print: `render`.
    Render,
    /// To find problems offline: `check`.
    Check,
}

impl Purpose {
    /// The default deadline. It is shorter than the 60 s after which Argo CD gives up; for a check, which looks at
    /// a whole repository, it is longer.
    const fn deadline(self) -> Duration {
        match self {
            Self::Generate | Self::Render => Duration::from_secs(55),
            Self::Check => Duration::from_secs(600),
        }
    }
}

impl Given<'_> {
    /// Reads the config file, and the `-s` Secret of the administrator or of the author. Only a run that fills
    /// reads a Secret: the others use no network for settings.
    pub fn read_files(&self) -> Result<FromFiles> {
        let files::ConfigFile { values, stores } = self.read_config_file()?;
        let mut read = FromFiles { administrator: values, stores, ..FromFiles::default() };
        if self.purpose != Purpose::Generate {
            return Ok(read);
        }
        if let Some(secret) = secret_name::of_administrator(self.shared, self.env) {
            read.administrator.extend(secret_name::read(&secret, self.env)?);
        } else if let Some(secret) = secret_name::of_author(self.shared, self.env)? {
            read.secret = secret_name::read(&secret, self.env)?;
        }
        Ok(read)
    }

    fn read_config_file(&self) -> Result<files::ConfigFile> {
        match &self.shared.config_path {
            Some(path) => files::read(path, self.env).map_err(|e| Problem::usage(format!("{e:#}")).into()),
            None => Ok(files::ConfigFile::default()),
        }
    }
}

/// Resolves all settings. `from_files` is the result of [`Given::read_files`].
///
/// Settings of the store are not checked here, but in [`Settings::source`]: they matter only if something has to be
/// filled, and an error in a manifest is more useful and comes first.
pub fn resolve(given: &Given<'_>, from_files: &FromFiles) -> Result<Settings> {
    let admin = authority::administrators(given.env, &from_files.administrator);
    let secret = authority::of_secret(&from_files.secret);
    let stores = stores::resolve(&from_files.stores, &admin)?;
    let families: Vec<_> = stores.values().filter_map(|store| store.kind.family()).collect();
    let effective = authority::effective(&admin, &secret, &authority::authors(given.env), &families);
    let compat_avp = given.shared.compat.map_or(given.called_as_avp, |c| c == Compat::Avp);
    let mut warnings: Vec<Diagnostic> = effective.unused.iter().map(|name| unused_warning(name)).collect();
    warnings.extend(never_opened(&effective));
    warnings.extend(unknown::in_file(&from_files.administrator));
    warnings.extend(unknown::in_environment(given.env));
    let secrets_file =
        given.fill.secrets_file.clone().or_else(|| effective.get("KEYFILL_SECRETS_FILE").map(PathBuf::from));
    let app = app(given.env);
    let policy = policy(&effective, &app, given.purpose)?;
    if let Some(globs) = effective.get(ALLOWED_KEYS) {
        check_globs(ALLOWED_KEYS, globs)?;
    }
    // argocd-vault-plugin compiles the expression only if there is a resource.
    if !compat_avp {
        policy.verify()?;
    }
    let app = if given.purpose == Purpose::Check { any_app(app) } else { app };
    let fill = FillOptions {
        compat_avp,
        kinds: kinds(given.fill, &effective),
        policy,
        app,
        env: listed_env(given.env, &effective, given.purpose),
        remove_missing_any: effective.get("KEYFILL_REMOVE_MISSING").is_some_and(|v| v.trim() == "any"),
        print: Print::Yaml,
        scanned: false,
        sources: None,
        vals_refs: values::is_true(effective.get("KEYFILL_VALS_REFS")),
        stores: StoreKinds {
            default: given.fill.source.or_else(|| named_source(&effective).ok().flatten()),
            named: stores.iter().map(|(name, store)| (name.clone(), store.kind)).collect(),
            // A check may run where the sidecar's config file is not available, so any name of a store is accepted.
            any_name: given.purpose == Purpose::Check && stores.is_empty(),
        },
    };
    Ok(Settings {
        compat_avp,
        filling: FillWhen::of(|name| effective.get(name), |name| given.env.listed(name))?,
        fill,
        asked_source: given.fill.source,
        has_secrets_file: secrets_file.is_some(),
        in_argo_cd: in_argo_cd(given.env),
        secrets_file: secrets_file.unwrap_or_else(|| DEFAULT_SECRETS_FILE.into()),
        token_cache: token_cache(given, &effective),
        verbose: given.shared.verbose_sensitive_output,
        // argocd-vault-plugin, kustomize and helm print nothing for an empty input. `render` cannot empty an app by
        // itself, so it may do the same.
        allow_empty: given.run.allow_empty
            || values::is_true(effective.get("KEYFILL_ALLOW_EMPTY"))
            || compat_avp
            || given.purpose == Purpose::Render,
        deadline: parsed(given.run.deadline, "KEYFILL_DEADLINE", &effective, values::duration)?
            .unwrap_or(given.purpose.deadline()),
        patience: patience(given, &effective),
        memory: parsed(given.run.memory, "KEYFILL_MEMORY", &effective, values::size)?
            .unwrap_or(memory::DEFAULT_LIMIT),
        sops_keys: KeySettings::of(&effective, given.env),
        encrypted: None,
        effective,
        stores,
        system: System::of(given.env),
        warnings,
    })
}

/// How long a run at a command line waits for a store that does not accept connections. In Argo CD, and with a
/// deadline or `--wait`, it waits longer: there an error costs more than a slow answer.
const PATIENCE: Duration = Duration::from_secs(3);

fn patience(given: &Given<'_>, effective: &Effective) -> Option<Duration> {
    let waits = given.run.wait
        || given.run.deadline.is_some()
        || effective.get("KEYFILL_DEADLINE").is_some()
        || in_argo_cd(given.env);
    (!waits).then_some(PATIENCE)
}

/// The value of a flag, else the parsed value of its variable.
fn parsed<T>(
    flag: Option<T>,
    name: &str,
    effective: &Effective,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>> {
    let of_variable = || effective.get(name).map(|text| parse(text.trim())).transpose();
    match flag {
        Some(value) => Ok(Some(value)),
        None => Ok(of_variable().map_err(|e| Problem::usage(format!("{name}: {e}")))?),
    }
}

impl Settings {
    /// Whether encrypted files of the tree are decrypted.
    pub fn decrypts(&self) -> bool {
        values::is_true(self.effective.get("KEYFILL_SOPS"))
    }

    /// Whether one of the stores is `sops`.
    pub fn reads_encrypted(&self) -> bool {
        self.fill.stores.have_sops()
    }

    /// When placeholders in a chart's values are filled before it is rendered.
    pub fn fills_values(&self) -> FillsValues {
        match self.effective.get("KEYFILL_FILL_VALUES") {
            None => FillsValues::WhereAsked,
            Some(text) if values::is_true(Some(text)) => FillsValues::Always,
            Some(_) => FillsValues::Never,
        }
    }

    /// The deadline and the limit of memory of a run that begins now.
    pub fn cx(&self) -> Cx {
        Cx::with_time(self.deadline).with_memory(memory::limited(self.memory))
    }

    /// Refuses a run if the author set what they may not set and what decides which secret is read: a setting that
    /// is the administrator's, or an address that is not allowed.
    pub fn refuse_authors_choice(&self) -> Result<(), Failure> {
        refuse_what_is_dropped(&self.effective)?;
        refuse_hidden_address(&self.effective, self.compat_avp)
    }

    /// The type of the default store: `--source`, else what the settings name or imply. It is an error if they
    /// imply none, or if the author set what they may not set.
    pub fn source(&self) -> Result<SourceKind> {
        self.refuse_authors_choice()?;
        let kind = match self.asked_source {
            Some(kind) => return Ok(kind),
            None => named_source(&self.effective)?.map_or_else(|| self.implied_source(), Ok)?,
        };
        // The default file is in the current folder. Inside Argo CD that is the app's repository, and an author's
        // file must not be used as the administrator's store.
        if kind == SourceKind::File && !self.has_secrets_file && self.in_argo_cd {
            return Err(Problem::usage(
                "the source file needs KEYFILL_SECRETS_FILE or --secrets-file inside Argo CD",
            )
            .into());
        }
        Ok(kind)
    }

    fn implied_source(&self) -> Result<SourceKind> {
        if self.compat_avp {
            let message =
                "AVP_TYPE must be set to the type of the secret store: vault, awssecretsmanager, ...";
            return Err(Problem::usage(message).into());
        }
        if self.effective.get("VAULT_ADDR").is_some() || (!self.has_secrets_file && self.in_argo_cd) {
            return Ok(SourceKind::Vault);
        }
        if self.has_secrets_file || Path::new(DEFAULT_SECRETS_FILE).exists() {
            return Ok(SourceKind::File);
        }
        let message =
            format!("no secret store is set: there is no VAULT_ADDR, and no {DEFAULT_SECRETS_FILE} here");
        let hint = "set VAULT_ADDR, or name a file of secrets with --secrets-file";
        Err(Problem::usage(message).hint(hint).into())
    }
}

/// The type of store that the settings name.
fn named_source(effective: &Effective) -> Result<Option<SourceKind>> {
    let names = ["KEYFILL_SOURCE", "AVP_TYPE"];
    let named = names.into_iter().find_map(|name| Some((name, effective.get(name)?)));
    let Some((setting, name)) = named else { return Ok(None) };
    Ok(Some(SourceKind::named(setting, name).map_err(Problem::usage)?))
}

/// Refuses settings of the author that are not used and decide which secret is read: reading from elsewhere would
/// fill in a wrong value.
fn refuse_what_is_dropped(effective: &Effective) -> Result<(), Failure> {
    let refused = |name: &&'static str| {
        let message = format!(
            "the app sets {name}, which decides which secret is read, and the administrator has not left it to apps"
        );
        let hint =
            format!("remove {name} from the app, or let an administrator allow it with KEYFILL_APP_MAY_SET");
        Diagnostic::error(Class::Forbidden, message).hint(hint)
    };
    let problems: Vec<Diagnostic> = effective.refused.iter().map(refused).collect();
    if problems.is_empty() { Ok(()) } else { Err(Failure::new(problems)) }
}

/// Refuses an author's `VAULT_ADDR` that is a unix socket or an address that only the sidecar reaches, unless the
/// administrator lists it. argocd-vault-plugin accepts any http or https address, and so does `--compat avp`.
fn refuse_hidden_address(effective: &Effective, compat_avp: bool) -> Result<(), Failure> {
    if !effective.address_is_authors() || address::of_authors(effective, compat_avp).is_some() {
        return Ok(());
    }
    let message = "the app's VAULT_ADDR is not a public http or https address".to_owned();
    let hint = "an administrator lists further addresses for apps with KEYFILL_APP_ADDRESSES";
    Err(Failure::from(Diagnostic::error(Class::Forbidden, message).hint(hint)))
}

fn kinds(fill: &FillArgs, effective: &Effective) -> Vec<String> {
    if !fill.kinds.is_empty() {
        return fill.kinds.clone();
    }
    values::list(effective.get("KEYFILL_KINDS").unwrap_or_default()).map(str::to_owned).collect()
}

fn unused_warning(name: &str) -> Diagnostic {
    Diagnostic::warning(
        Class::Usage,
        format!("ARGOCD_ENV_{name} is not used: the administrator has not left {name} to the app"),
    )
    .hint("an administrator opens a name with KEYFILL_APP_MAY_SET")
}

/// Warnings about names in `KEYFILL_APP_MAY_SET` that an author may never set.
fn never_opened(effective: &Effective) -> Vec<Diagnostic> {
    let names = values::list(effective.get("KEYFILL_APP_MAY_SET").unwrap_or_default());
    let never = |name: &&str| setting(name).is_some_and(|var| var.author == Author::Never);
    let warn = |name: &str| {
        let message = format!("KEYFILL_APP_MAY_SET names {name}, which is never an app's");
        Diagnostic::warning(Class::Usage, message)
            .hint("a store with other settings is an entry of stores in the config file")
    };
    names.filter(never).map(warn).collect()
}

fn in_argo_cd(env: &Env) -> bool {
    env.get("ARGOCD_APP_NAME").is_some()
}

/// The app, from the variables that Argo CD sets.
pub fn app(env: &Env) -> App {
    let get = |name: &str| env.get(name).map(str::to_owned);
    App {
        name: get("ARGOCD_APP_NAME"),
        namespace: get("ARGOCD_APP_NAMESPACE"),
        project: get("ARGOCD_APP_PROJECT_NAME"),
    }
}

/// The app for a check. Outside of Argo CD the app is not known, so placeholders for its names are used.
fn any_app(app: App) -> App {
    let or = |part: Option<String>, any: &str| Some(part.unwrap_or_else(|| any.to_owned()));
    App {
        name: or(app.name, "app"),
        namespace: or(app.namespace, "namespace"),
        project: or(app.project, "project"),
    }
}

/// The variables that path templates may read as `env.NAME`. In a check, a variable that is listed and not set gets
/// an example value.
fn listed_env(env: &Env, effective: &Effective, purpose: Purpose) -> BTreeMap<String, String> {
    let names = values::list(effective.get("KEYFILL_APP_ENV").unwrap_or_default());
    let value = |name: &str| match env.listed(name) {
        None if purpose == Purpose::Check => Some(name.to_lowercase()),
        value => value.map(str::to_owned),
    };
    names.filter_map(|name| Some((name.to_owned(), value(name)?))).collect()
}

/// Which paths may be read. An author's own expression can only forbid more paths.
fn policy(effective: &Effective, app: &App, purpose: Purpose) -> Result<PathPolicy> {
    let mut policy = PathPolicy::default();
    if let Some(globs) = effective.get(ALLOWED_PATHS) {
        check_globs(ALLOWED_PATHS, globs)?;
        let globs = if purpose == Purpose::Check { for_any_app(globs, app) } else { globs.to_owned() };
        policy = policy.allow_checked(&globs, app);
    }
    match effective.get(APP_NAMESPACES) {
        Some(globs) => {
            check_globs(APP_NAMESPACES, globs)?;
            let globs = if purpose == Purpose::Check { for_any_app(globs, app) } else { globs.to_owned() };
            policy = policy.allow_namespaces(&globs, app);
        }
        // A check does not know which namespaces the sidecar's administrator allows.
        None if purpose == Purpose::Check => policy = policy.allow_namespaces("**", app),
        None => {}
    }
    if let Some(expression) = effective.get("AVP_PATH_VALIDATION") {
        policy = policy.require("AVP_PATH_VALIDATION", expression);
    }
    if let Some(expression) = effective.author_path_validation.as_deref() {
        policy = policy.narrow("ARGOCD_ENV_AVP_PATH_VALIDATION", expression)?;
    }
    Ok(policy)
}

/// Replaces `{{ app.NAME }}` by `*` in globs for each part of the app that is not known.
fn for_any_app(globs: &str, app: &App) -> String {
    let parts = [("app.name", &app.name), ("app.namespace", &app.namespace), ("app.project", &app.project)];
    let unknown = |name: &str| parts.iter().any(|(part, value)| *part == name && value.is_none());
    let mut out = String::with_capacity(globs.len());
    let mut rest = globs;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        match after.split_once("}}") {
            Some((name, behind)) if unknown(name.trim()) => {
                out.push('*');
                rest = behind;
            }
            _ => {
                out.push_str("{{");
                rest = after;
            }
        }
    }
    out + rest
}

fn token_cache(given: &Given<'_>, effective: &Effective) -> Option<PathBuf> {
    if given.shared.disable_token_cache {
        return None;
    }
    let named = effective.get("KEYFILL_CACHE_DIR").map(PathBuf::from);
    named.or_else(|| Some(PathBuf::from(given.env.get("HOME")?).join(".avp")))
}
