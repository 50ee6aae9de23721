//! The fetch settings of a run: whether and from which hosts it may fetch, with which logins, and where the cache is.
//!
//! No file is opened or read before something is fetched, since most runs fetch nothing.

mod argo_cd;
#[cfg(unix)]
mod ask_pass;
mod files;
mod lazy;
mod localize;
mod logins;
mod proof;
mod recorder;

use crate::app::App;
use crate::cli::args::{FetchArgs, FetchChoice};
use crate::fill::{paths, policy};
use crate::render::options::child_environment;
use crate::report::Problem;
use crate::settings::{Env, Given, Purpose, Settings};
use crate::tree::Tree;
use crate::values;
use anyhow::Result;
#[cfg(unix)]
pub use ask_pass::lent;
use files::CredentialFiles;
use keyfill_fetch::{DEFAULT_SIZE, Helpers, LOCK_FILE, Login, Mode, Ssh, is_helper_name};
use keyfill_files::{Fetch, FileKind, TreePath};
use keyfill_http::{HostPolicy, Matcher};
use lazy::Lazy;
pub use lazy::{Off, read_lock};
pub use localize::{Base, Localized};
pub use logins::Logins;
pub use recorder::Recorder;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use url::Url;

/// The setting with the hosts from which may be fetched.
const HOSTS: &str = "KEYFILL_FETCH_HOSTS";

/// The setting with rules for charts that must be signed.
const PROOF: &str = "KEYFILL_FETCH_PROOF";
/// The setting with the credential helpers that may be started.
const HELPERS: &str = "KEYFILL_CREDENTIAL_HELPERS";

/// The fetch settings of a run.
#[derive(Clone)]
pub struct Plan {
    /// Whether fetching is off, limited to locked versions, or on.
    mode: Mode,
    /// Whether only the cache is used; anything else is an error.
    offline: bool,
    /// Whether cached resolutions of branches and version ranges are ignored.
    fresh: bool,
    policy: HostPolicy,
    /// The rules for charts that must be signed.
    proofs: Vec<proof::Entry>,
    ssh: Option<Ssh>,
    strict: bool,
    cache: Option<PathBuf>,
    /// Whether the cache folder was configured explicitly.
    cache_is_named: bool,
    cache_size: u64,
    credentials: CredentialFiles,
    /// The namespace of Argo CD's repository Secrets, if their logins are used.
    argo_cd: Option<argo_cd::Place>,
    /// The app's project: some repository Secrets are only for one project.
    project: Option<String>,
    /// The app's own repository, with the login that repo-server provides.
    lent: Option<(Url, Login)>,
    proxies: Option<Arc<Matcher>>,
}

impl Plan {
    /// The plan by the settings.
    pub fn of(given: &Given<'_>, settings: &Settings) -> Result<Self> {
        let get = |name: &str| settings.effective.get(name).map(str::trim).filter(|value| !value.is_empty());
        let hosts = get(HOSTS);
        let in_argo_cd = given.env.get("ARGOCD_APP_NAME").is_some();
        let (mode, offline) = mode(given, get("KEYFILL_FETCH"), hosts.is_some(), in_argo_cd)?;
        Self::new(given, settings, mode, offline)
    }

    /// The plan for a request to `serve`, which comes from Argo CD; `None` if fetching is off.
    pub fn of_request(given: &Given<'_>, settings: &Settings) -> Result<Option<Self>> {
        let get = |name: &str| settings.effective.get(name).map(str::trim).filter(|value| !value.is_empty());
        let (mode, offline) = mode(given, get("KEYFILL_FETCH"), get(HOSTS).is_some(), true)?;
        (mode != Mode::Off).then(|| Self::new(given, settings, mode, offline)).transpose()
    }

    fn new(given: &Given<'_>, settings: &Settings, mode: Mode, offline: bool) -> Result<Self> {
        let get = |name: &str| settings.effective.get(name).map(str::trim).filter(|value| !value.is_empty());
        let hosts = get(HOSTS);
        let policy = match hosts {
            Some(hosts) => policy_of(hosts, &settings.fill.app)?,
            None => HostPolicy::default(),
        };
        let cache_size = match (given.fetch.cache_size, get("KEYFILL_CACHE_SIZE")) {
            (Some(size), _) => size,
            (None, Some(text)) => {
                values::size(text).map_err(|e| Problem::usage(format!("KEYFILL_CACHE_SIZE: {e}")))?
            }
            (None, None) => DEFAULT_SIZE,
        };
        let named = get("KEYFILL_CACHE_DIR").map(|dir| PathBuf::from(dir).join("fetch"));
        let proxy = |name: &str| get(name).unwrap_or_default().to_owned();
        let (http, https) = (proxy("HTTP_PROXY"), proxy("HTTPS_PROXY"));
        let proxies = (!http.is_empty() || !https.is_empty())
            .then(|| Arc::new(Matcher::builder().http(http).https(https).no(proxy("NO_PROXY")).build()));
        let place = |namespace: &str| argo_cd::Place::new(given.env, namespace);
        let helpers = helpers(given.env, get(HELPERS).unwrap_or_default())?;
        Ok(Self {
            mode,
            offline,
            fresh: false,
            policy,
            proofs: proof::entries(get(PROOF).unwrap_or_default())?,
            ssh: ssh_of(get)?,
            strict: values::is_true(get("KEYFILL_FETCH_STRICT")),
            cache_is_named: named.is_some(),
            cache: named.or_else(|| cache_folder(given.env)),
            cache_size,
            credentials: CredentialFiles::of(given.env, get("KEYFILL_GIT_CREDENTIALS"), helpers),
            argo_cd: get("KEYFILL_ARGOCD_REPOSITORIES").map(place).transpose()?,
            project: settings.fill.app.project.clone(),
            #[cfg(unix)]
            lent: lent(|name| given.env.get(name)),
            #[cfg(not(unix))]
            lent: None,
            proxies,
        })
    }

    /// The same plan with the app's own repository, and the login that repo-server provides for it.
    pub fn with_lent(self, lent: Option<(Url, Login)>) -> Self {
        Self { lent, ..self }
    }

    /// The same plan with another mode.
    pub fn with(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// The same plan; with `fresh`, cached resolutions of branches and version ranges are ignored.
    pub fn fresh(self, fresh: bool) -> Self {
        Self { fresh, ..self }
    }

    /// The fetcher of a run over a tree.
    pub fn fetch(self, tree: Option<&Tree>) -> Arc<dyn Fetch> {
        match tree {
            Some(tree) if self.mode != Mode::Off => {
                Arc::new(Lazy::new(self, Arc::clone(&tree.files), lock_path(tree)))
            }
            _ => Arc::new(Off),
        }
    }
}

/// The path of a tree's lock file: at its root. If the tree is the whole file system, it is in the current folder,
/// if that contains the rendered folder and has a lock file, else in the rendered folder.
pub fn lock_path(tree: &Tree) -> TreePath {
    let in_folder = |folder: &TreePath| folder.join(LOCK_FILE).unwrap_or_else(TreePath::root);
    if !tree.is_whole_file_system() {
        return in_folder(&TreePath::root());
    }
    let current = tree.current.as_ref().filter(|current| tree.at.is_within(current)).map(in_folder);
    let of_folder = match tree.kind {
        FileKind::Dir => in_folder(&tree.at),
        _ => in_folder(&tree.at.parent().unwrap_or_else(TreePath::root)),
    };
    current.filter(|lock| tree.files.is_file(lock)).unwrap_or(of_folder)
}

/// The fetch mode, and whether only the cache is used. `check` uses only the cache unless a flag allows more.
/// Inside Argo CD nothing is fetched until an administrator has set the allowed hosts.
fn mode(
    given: &Given<'_>,
    variable: Option<&str>,
    has_hosts: bool,
    in_argo_cd: bool,
) -> Result<(Mode, bool)> {
    if given.purpose == Purpose::Check {
        return Ok(given.fetch.fetch.map_or((Mode::On, true), |choice| (mode_of(choice), false)));
    }
    let named = match (given.fetch.fetch, variable) {
        (Some(choice), _) => Some(mode_of(choice)),
        (None, None) => None,
        (None, Some("off")) => Some(Mode::Off),
        (None, Some("locked")) => Some(Mode::Locked),
        (None, Some("on")) => Some(Mode::On),
        (None, Some(other)) => {
            let message = format!("KEYFILL_FETCH is {other:?}; it must be off, locked or on");
            return Err(Problem::usage(message).into());
        }
    };
    let mode = match (named, in_argo_cd, has_hosts) {
        (Some(Mode::On | Mode::Locked), true, false) => {
            let message = "inside Argo CD nothing is fetched before hosts are named";
            return Err(Problem::usage(message).hint("name them in KEYFILL_FETCH_HOSTS").into());
        }
        (Some(mode), ..) => mode,
        (None, true, false) => Mode::Off,
        (None, true, true) => Mode::Locked,
        (None, false, _) => Mode::On,
    };
    Ok((mode, false))
}

fn mode_of(choice: FetchChoice) -> Mode {
    match choice {
        FetchChoice::Off => Mode::Off,
        FetchChoice::Locked => Mode::Locked,
        FetchChoice::On => Mode::On,
    }
}

/// The hosts that an app may fetch from. An entry with a value of the app that is unknown, or unsafe in a URL,
/// allows nothing.
fn policy_of(hosts: &str, app: &App) -> Result<HostPolicy> {
    policy::check_globs(HOSTS, hosts)?;
    let rendered: Vec<String> = policy::split_globs(hosts)
        .filter_map(|entry| paths::render(entry, app, &BTreeMap::new()).ok())
        .collect();
    let policy = HostPolicy::of(rendered.iter().map(String::as_str));
    policy.map_err(|wrong| Problem::usage(format!("{HOSTS} cannot be followed: {wrong}")).into())
}

/// The SSH settings. The user's own SSH files are not used, so that program, key and known hosts must all be set.
fn ssh_of<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Option<Ssh>> {
    let Some(program) = get("KEYFILL_FETCH_SSH") else { return Ok(None) };
    let file = |name: &str| {
        get(name).map(PathBuf::from).ok_or_else(|| {
            Problem::usage(format!("KEYFILL_FETCH_SSH is set, and {name} is not"))
                .hint("name the files of the private key and of the known hosts")
        })
    };
    let (key, known_hosts) = (file("KEYFILL_FETCH_SSH_KEY")?, file("KEYFILL_FETCH_SSH_KNOWN_HOSTS")?);
    Ok(Some(Ssh { program: PathBuf::from(program), key, known_hosts }))
}

/// The credential helpers that may be started, with the environment variables that they get: those for official
/// binaries, and those of cloud identities.
fn helpers(env: &Env, names: &str) -> Result<Helpers> {
    const CLOUDS: &[&str] =
        &["AWS_", "AZURE_", "CLOUDSDK_", "DOCKER_", "GCE_", "GOOGLE_", "IDENTITY_", "MSI_"];
    let allowed: Vec<String> = policy::split_globs(names).map(str::to_owned).collect();
    if let Some(wrong) = allowed.iter().find(|name| !is_helper_name(name)) {
        let message = format!("{HELPERS}: {wrong:?} is not the name of a credential helper");
        return Err(Problem::usage(message).hint("write ecr-login for docker-credential-ecr-login").into());
    }
    if allowed.is_empty() {
        return Ok(Helpers::default());
    }
    let mut environment = child_environment(env);
    let of_clouds = env.iter().filter(|(name, _)| CLOUDS.iter().any(|beginning| name.starts_with(beginning)));
    environment.extend(of_clouds.map(|(name, value)| (name.to_owned(), value.to_owned())));
    Ok(Helpers::new(allowed, environment))
}

/// The cache folder of the user; `None` if there is no home folder.
pub fn cache_folder(env: &Env) -> Option<PathBuf> {
    let of_user = env.get("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = of_user.or_else(|| Some(PathBuf::from(env.get("HOME")?).join(".cache")))?;
    Some(cache.join("keyfill").join("fetch"))
}

/// No flags about fetching.
pub static NO_FLAGS: FetchArgs = FetchArgs { fetch: None, cache_size: None };

#[cfg(test)]
mod tests {
    use super::{NO_FLAGS, mode, policy_of};
    use crate::app::App;
    use crate::cli::args::{FetchArgs, FetchChoice, FillArgs, RunArgs, SharedArgs};
    use crate::settings::{Env, Given, Purpose};
    use keyfill_fetch::Mode;
    use url::Url;

    fn decided(
        purpose: Purpose,
        argo_cd: bool,
        flag: Option<FetchChoice>,
        variable: Option<&str>,
        hosts: bool,
    ) -> Result<(Mode, bool), String> {
        let env = Env::default();
        let fetch = FetchArgs { fetch: flag, ..NO_FLAGS };
        let (shared, fill, run) = (SharedArgs::default(), FillArgs::default(), RunArgs::default());
        let given = Given {
            shared: &shared,
            fill: &fill,
            run: &run,
            fetch: &fetch,
            env: &env,
            called_as_avp: false,
            purpose,
        };
        mode(&given, variable, hosts, argo_cd).map_err(|e| e.to_string())
    }

    #[test]
    fn a_command_line_fetches_and_argo_cd_needs_hosts_first() {
        let render = |argo_cd, variable, hosts| decided(Purpose::Generate, argo_cd, None, variable, hosts);
        assert_eq!(render(false, None, false), Ok((Mode::On, false)));
        assert_eq!(render(false, Some("locked"), false), Ok((Mode::Locked, false)));
        assert_eq!(render(true, None, false), Ok((Mode::Off, false)));
        assert_eq!(render(true, None, true), Ok((Mode::Locked, false)));
        assert_eq!(render(true, Some("on"), true), Ok((Mode::On, false)));
        assert!(render(true, Some("on"), false).is_err_and(|e| e.contains("before hosts are named")));
        assert!(render(false, Some("yes"), false).is_err_and(|e| e.contains("off, locked or on")));
        let flag = decided(Purpose::Render, false, Some(FetchChoice::Off), Some("on"), false);
        assert_eq!(flag, Ok((Mode::Off, false)), "a flag wins");
    }

    #[test]
    fn a_check_asks_the_cache_alone_unless_a_flag_says_more() {
        let check = |flag| decided(Purpose::Check, false, flag, Some("on"), true);
        assert_eq!(check(None), Ok((Mode::On, true)));
        assert_eq!(check(Some(FetchChoice::Locked)), Ok((Mode::Locked, false)));
    }

    #[test]
    fn hosts_may_name_the_app() {
        let app = App { project: Some("shop".into()), ..App::default() };
        let policy =
            policy_of("https://git.example/{{ app.project }}/*, oci://r.example/{{ app.name }}/*", &app);
        let policy = policy.unwrap();
        let allows = |url: &str| policy.check(&Url::parse(url).unwrap()).is_ok();
        assert!(allows("https://git.example/shop/repo") && !allows("https://git.example/other/repo"));
        assert!(!allows("oci://r.example/a/b"), "an app without a name gets nothing");
        let hostile = App { project: Some("*".into()), ..App::default() };
        let policy = policy_of("https://git.example/{{ app.project }}/*", &hostile).unwrap();
        assert!(policy.check(&Url::parse("https://git.example/shop/repo").unwrap()).is_err());
        for wrong in ["github.com/*", "https://u@h/*", "https://h/{% if x %}*", "https://h/{{ env.X }}/*"] {
            assert!(policy_of(wrong, &app).is_err(), "{wrong}");
        }
    }
}
