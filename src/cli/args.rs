//! The flags of all commands, as typed. They get their meaning in `settings`, which resolves them together with the
//! environment.

use super::later::{Later, define};
use super::pflag;
#[cfg(unix)]
use super::refresh_args::RefreshArgs;
use super::render_args::RenderArgs;
#[cfg(unix)]
use super::traces_args::TracesArgs;
use crate::settings::SourceKind;
use crate::values;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// keyfill renders kustomizations, Helm charts and plain YAML, and fills placeholders from Vault.
#[derive(Debug, Parser)]
#[command(name = "keyfill", version, propagate_version = true, after_long_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    pub shared: SharedArgs,
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 fine; 2 usage or settings; 3 the input could not be rendered or read; 4 a placeholder, path or key is \
missing; 5 the secret store was unreachable or refused; 6 a policy forbids it; 1 anything else, and every error with \
--compat avp. Settings from the environment: keyfill settings.";

/// Commands on which the shared flags have no effect. The flags are accepted, as argocd-vault-plugin accepts them,
/// but left out of the help of these commands.
const WITHOUT_SETTINGS: [&str; 6] = ["completions", "discover", "edit", "man", "settings", "version"];

/// How the flags of a command are defined.
type Define = fn(clap::Command) -> clap::Command;

/// The commands whose flags are [`Later`].
const DEFINED_LATER: &[(&str, Define)] = &[
    ("check", define::<CheckArgs>),
    ("diff", define::<DiffArgs>),
    ("doctor", define::<DoctorArgs>),
    ("edit", define::<EditArgs>),
    ("generate", define::<GenerateArgs>),
    ("lock", define::<LockArgs>),
    ("refs", define::<RefsArgs>),
    ("render", define::<RenderCommandArgs>),
    #[cfg(unix)]
    ("serve", define::<ServeArgs>),
    ("vendor", define::<VendorArgs>),
];

/// The definition of the command line.
pub fn command() -> clap::Command {
    defined(|_| true)
}

/// The definition of the command line, with the flags of the commands that may be meant.
fn defined(may_be_meant: impl Fn(&clap::Command) -> bool) -> clap::Command {
    let cli = DEFINED_LATER.iter().fold(Cli::command(), |cli, (name, define)| {
        cli.mut_subcommand(name, |command| if may_be_meant(&command) { define(command) } else { command })
    });
    let shared: Vec<clap::Arg> =
        cli.get_arguments().filter(|a| a.is_global_set()).map(|a| a.clone().hide(true)).collect();
    WITHOUT_SETTINGS
        .into_iter()
        .fold(cli, |cli, name| cli.mut_subcommand(name, |command| command.args(shared.clone())))
}

/// Parses a command line by the rules of the tools that keyfill can replace: switches may have a value, and if a
/// flag is given twice the last one counts.
pub fn parse(words: Vec<std::ffi::OsString>) -> Result<Cli, clap::Error> {
    // Those that a word names: more than one, where a value is the name of another command.
    let is_named = |command: &clap::Command| {
        let mut names = std::iter::once(command.get_name()).chain(command.get_all_aliases());
        names.any(|name| words.iter().any(|word| word == name))
    };
    let mut command =
        defined(is_named).args_override_self(true).mut_subcommands(|below| below.args_override_self(true));
    let words = pflag::normalize(words, &command)
        .map_err(|why| command.error(clap::error::ErrorKind::InvalidValue, why))?;
    Cli::from_arg_matches(&command.try_get_matches_from_mut(words)?)
}

/// Flags that argocd-vault-plugin takes before or after the subcommand.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Settings (as in argocd-vault-plugin)")]
pub struct SharedArgs {
    /// A file with settings (YAML, JSON, TOML or KEY=VALUE lines)
    #[arg(short = 'c', long, global = true, value_name = "FILE")]
    pub config_path: Option<PathBuf>,
    /// A Kubernetes Secret with settings, as NAMESPACE:NAME, or NAME in the namespace argocd
    #[arg(short = 's', long, global = true, value_name = "[NAMESPACE:]NAME")]
    pub secret_name: Option<String>,
    /// Print on stderr which settings are in force, who set them, and what is read; never a secret
    #[arg(short = 'v', long, alias = "verbose", global = true)]
    pub verbose_sensitive_output: bool,
    /// Do not keep Vault tokens between runs
    #[arg(long, global = true)]
    pub disable_token_cache: bool,
    /// Behave as keyfill, or byte for byte as argocd-vault-plugin
    #[arg(long, global = true, value_enum, value_name = "TOOL")]
    pub compat: Option<Compat>,
}

/// The tool whose behaviour is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Compat {
    /// Documents without placeholders are printed byte for byte; the exit code says the class of an error.
    Keyfill,
    /// Every document is parsed and printed anew; every error exits 1.
    Avp,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Render a folder, fill its placeholders and print the manifests; `-` fills what comes on stdin
    Generate(Later<GenerateArgs>),
    /// Render a folder and print the manifests, placeholders left as they are
    #[command(alias = "build", alias = "template")]
    Render(Later<RenderCommandArgs>),
    /// Check placeholders and rendering offline, for pre-commit and CI
    Check(Later<CheckArgs>),
    /// Show what a change does to the rendered manifests and to the secrets that they name
    Diff(Later<DiffArgs>),
    /// List which secrets the roots of a tree name, and where; with a store, which of them are stale
    Refs(Later<RefsArgs>),
    /// Check settings, policy, Vault, the token's rights and the sidecar; say what does not work, and what to do
    Doctor(Later<DoctorArgs>),
    /// Set an image, an annotation or replicas in place; every other byte stays
    Edit(Later<EditArgs>),
    /// Resolve the charts, bases and files that the tree does not hold, and write keyfill.lock
    Lock(Later<LockArgs>),
    /// Write charts into the tree, where helm and kustomize find them
    Vendor(Later<VendorArgs>),
    /// Print the folders that hold placeholders, for an Argo CD plugin's discovery
    Discover(DiscoverArgs),
    /// Serve Argo CD's plugin protocol on a unix socket
    #[cfg(unix)]
    Serve(Later<ServeArgs>),
    /// Print the names of all settings, what they mean, and who may set them
    Settings(SettingsArgs),
    /// Print the version
    Version(VersionArgs),
    /// Print a shell's completion script
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page of keyfill or of one of its commands
    Man {
        /// Which command; keyfill itself without it
        command: Option<String>,
    },
}

/// `keyfill generate`.
#[derive(Args, Clone, Debug)]
pub struct GenerateArgs {
    /// Folder, file or `-` for stdin
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub fetch: FetchArgs,
    #[command(flatten)]
    pub fill: FillArgs,
    #[command(flatten)]
    pub render: RenderArgs,
}

/// Where secrets come from and what is filled.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Secrets")]
pub struct FillArgs {
    /// Where secrets come from
    #[arg(long, value_enum, value_name = "SOURCE")]
    pub source: Option<SourceKind>,
    /// The file that `--source file` reads [default: keyfill.secrets.yaml]
    #[arg(long, value_name = "FILE")]
    pub secrets_file: Option<PathBuf>,
    /// Fill only resources of these kinds (all when absent)
    #[arg(long, value_name = "KIND,...", value_delimiter = ',')]
    pub kinds: Vec<String>,
}

/// Bounds and reports of a run.
#[derive(Args, Clone, Debug, Default)]
pub struct RunArgs {
    /// The tree that no path may leave [default: the git work tree around the folder]
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Succeed when there is nothing to print
    #[arg(long)]
    pub allow_empty: bool,
    /// Give up after this long, as in 55s, 2m or 1m30s [default: 55s]
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub deadline: Option<std::time::Duration>,
    /// Wait for a store that cannot be connected to until near the deadline, as in Argo CD
    #[arg(long)]
    pub wait: bool,
    /// Use at most so much memory, as in 512Mi or 2Gi [default: 1Gi]
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub memory: Option<u64>,
    /// Print on stderr how long each stage took
    #[arg(long)]
    pub timings: bool,
}

/// What does not lie in the tree.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Fetching")]
pub struct FetchArgs {
    /// Fetch charts, repositories and files that the tree does not hold: nothing, what keyfill.lock names, or
    /// anything [default: on; inside Argo CD off, or locked with KEYFILL_FETCH_HOSTS; check: the cache only]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub fetch: Option<FetchChoice>,
    /// How much the cache of fetched contents holds, as in 512Mi or 2Gi [default: 1Gi]
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub cache_size: Option<u64>,
}

/// What may be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FetchChoice {
    /// Nothing.
    Off,
    /// What keyfill.lock names, as it was when it was locked.
    Locked,
    /// Anything that the hosts in KEYFILL_FETCH_HOSTS have; any public https host without it.
    On,
}

/// `keyfill render`.
#[derive(Args, Clone, Debug)]
pub struct RenderCommandArgs {
    /// Folder to render
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: String,
    /// Write to this file instead of stdout, or a file for each resource when it is a folder
    #[arg(short = 'o', long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub fetch: FetchArgs,
    #[command(flatten)]
    pub render: RenderArgs,
}

/// `keyfill check`.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// Files that changed, or folders; all roots below the current folder when absent
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
    /// Leave out files that match, in gitignore's syntax, as .keyfillignore files do (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// How problems are reported
    #[arg(long, value_enum, default_value = "human", value_name = "FORMAT")]
    pub format: ReportFormat,
    /// A YAML file of paths and keys that exist; placeholders are checked against it. The path of a named store begins with
    /// its name: store::path
    #[arg(long, value_name = "FILE")]
    pub known_secrets: Option<PathBuf>,
    /// Report Secrets whose values are committed in plain text; .keyfill-secrets.yaml lists exceptions with their reasons
    #[arg(long)]
    pub plain_secrets: bool,
    /// Keep running, and check again the roots that a saved file belongs to
    #[arg(long)]
    pub watch: bool,
    /// Look only into resources of these kinds (all when absent)
    #[arg(long, value_name = "KIND,...", value_delimiter = ',')]
    pub kinds: Vec<String>,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub fetch: FetchArgs,
    #[command(flatten)]
    pub render: RenderArgs,
}

/// How `keyfill check` reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// With carets and hints, for people.
    Human,
    /// One JSON object a line.
    Json,
    /// Workflow commands of GitHub Actions.
    Github,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

/// `keyfill diff`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = DIFF_EXIT_CODES)]
pub struct DiffArgs {
    /// The older revision: a branch, a tag or a commit; A..B names both, A...B compares B with the merge base of both
    #[arg(value_name = "BASE")]
    pub base: String,
    /// The newer revision [default: the work tree]
    #[arg(value_name = "HEAD")]
    pub head: Option<String>,
    /// Look only at roots at or below these folders
    #[arg(value_name = "PATH", last = true)]
    pub paths: Vec<String>,
    /// Leave out files that match, in gitignore's syntax, as .keyfillignore files do (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Compare what the Argo CD Applications and ApplicationSets of the repository render, in place of its roots
    #[arg(long)]
    pub apps: bool,
    /// An address under which Applications name this repository, besides those of its remotes (repeatable)
    #[arg(long, value_name = "URL", requires = "apps")]
    pub repo: Vec<String>,
    /// How differences are shown
    #[arg(long, value_enum, default_value = "human", value_name = "FORMAT")]
    pub format: DiffFormat,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub fetch: FetchArgs,
    #[command(flatten)]
    pub render: RenderArgs,
}

const DIFF_EXIT_CODES: &str = "\
Exit codes: 0 no difference; 1 a difference; 2 usage or settings; 3 a root could not be rendered or read on one of the \
sides; others as for all commands.";

/// How `keyfill diff` shows differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// For a terminal, in colours where it has them.
    Human,
    /// For a comment on a pull request: folded, within 65,536 characters.
    Markdown,
    /// One JSON object.
    Json,
    /// A page of its own.
    Html,
}

/// `keyfill refs`.
#[derive(Args, Clone, Debug)]
pub struct RefsArgs {
    /// Folders or files; all roots below the current folder when absent
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
    /// Only references to these paths: * for any text without a slash, ** for any text
    #[arg(long, value_name = "GLOB")]
    pub path: Option<String>,
    /// Leave out files that match, in gitignore's syntax, as .keyfillignore files do (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// How references are printed
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub format: RefsFormat,
    /// Ask Vault which secrets exist, in which versions, and which references are stale; no value is read
    #[arg(long)]
    pub with_store: bool,
    /// List the secrets below this mount or path of Vault that no reference names (needs the right to list)
    #[arg(long, value_name = "MOUNT")]
    pub unused: Option<String>,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub fetch: FetchArgs,
    #[command(flatten)]
    pub fill: FillArgs,
    #[command(flatten)]
    pub render: RenderArgs,
}

/// How `keyfill refs` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RefsFormat {
    /// Columns, for people.
    Table,
    /// One JSON object.
    Json,
    /// RFC 4180, for spreadsheets.
    Csv,
    /// A graph for Graphviz.
    Dot,
    /// A flowchart for Markdown.
    Mermaid,
    /// One page with a search, which loads nothing else.
    Html,
}

/// `keyfill doctor`.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    /// Folder whose roots say which paths are needed
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: String,
    /// How the report is printed
    #[arg(long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub format: DoctorFormat,
    /// The folder that holds plugin.yaml
    #[arg(long, value_name = "DIR", default_value = "/home/argocd/cmp-server/config/")]
    pub config_dir_path: PathBuf,
    /// Leave out files that match, in gitignore's syntax (repeatable)
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub fill: FillArgs,
    #[command(flatten)]
    pub render: RenderArgs,
}

/// How `keyfill doctor` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// Columns, for people.
    Table,
    /// A list of objects.
    Json,
}

/// `keyfill edit`.
#[derive(Args, Clone, Debug)]
pub struct EditArgs {
    /// What is set
    #[command(subcommand)]
    pub what: EditCommand,
}

/// What `keyfill edit` sets.
#[derive(Clone, Debug, Subcommand)]
pub enum EditCommand {
    /// Set images, as `kustomize edit set image` does
    Image {
        #[command(flatten)]
        common: EditTarget,
        /// The image or its tag in values, as in web.imageTag [default: found by its name]
        #[arg(long, value_name = "PATH")]
        at: Option<String>,
        #[arg(value_name = "IMAGE", required = true, help = "NAME[=NEW][:TAG|@DIGEST]")]
        images: Vec<String>,
    },
    /// Set annotations: commonAnnotations of a kustomization or of values, or those of all objects
    Annotation {
        #[command(flatten)]
        common: EditTarget,
        /// The mapping of annotations in values, as in controller.podAnnotations [default: commonAnnotations]
        #[arg(long, value_name = "PATH")]
        at: Option<String>,
        /// KEY=VALUE
        #[arg(value_name = "ANNOTATION", required = true)]
        annotations: Vec<String>,
    },
    /// Set how many replicas a workload has
    Replicas {
        #[command(flatten)]
        common: EditTarget,
        /// The number in values, as in web.replicas [default: replicaCount]
        #[arg(long, value_name = "PATH")]
        at: Option<String>,
        /// NAME=COUNT
        #[arg(value_name = "REPLICAS", required = true)]
        replicas: Vec<String>,
    },
}

/// What is edited, and how.
#[derive(Args, Clone, Debug)]
pub struct EditTarget {
    /// A kustomization, a chart, a folder of manifests, or one file
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Write nothing, and exit 4 when something would be changed
    #[arg(long)]
    pub check: bool,
}

/// `keyfill lock`.
#[derive(Args, Clone, Debug)]
pub struct LockArgs {
    /// Folder whose roots are locked
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: String,
    /// Lock all roots of the tree, and remove what none of them asks for
    #[arg(long)]
    pub all: bool,
    /// Resolve again: everything, or only what has this name (a chart, a repository, a URL)
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    pub update: Option<String>,
    /// Write nothing, and exit 4 when the lock is stale
    #[arg(long, conflicts_with = "update")]
    pub check: bool,
    /// How much the cache of fetched contents holds, as in 512Mi or 2Gi [default: 1Gi]
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub cache_size: Option<u64>,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub render: RenderArgs,
}

/// `keyfill vendor`.
#[derive(Args, Clone, Debug)]
pub struct VendorArgs {
    /// Folder whose roots get their charts
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: String,
    /// Write bases, components and manifests from elsewhere too, and change the entries that name them
    #[arg(long)]
    pub bases: bool,
    /// Write nothing, and exit 4 when something is missing or different
    #[arg(long)]
    pub check: bool,
    /// How much the cache of fetched contents holds, as in 512Mi or 2Gi [default: 1Gi]
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub cache_size: Option<u64>,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub render: RenderArgs,
}

/// `keyfill discover`.
#[derive(Args, Clone, Debug)]
pub struct DiscoverArgs {
    /// Folder to look at
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// Print every kustomization, chart and YAML folder
    #[arg(long)]
    pub any: bool,
    /// The tree that no path may leave [default: the git work tree around the folder]
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
}

/// `keyfill serve`.
#[cfg(unix)]
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// The folder that holds plugin.yaml
    #[arg(long, value_name = "DIR", default_value = "/home/argocd/cmp-server/config/")]
    pub config_dir_path: PathBuf,
    /// Print how the commands of plugin.yaml are understood, and exit
    #[arg(long)]
    pub explain: bool,
    /// How much is logged: debug, info, warn, error
    #[arg(long, value_name = "LEVEL", default_value = "info", env = "ARGOCD_CMP_SERVER_LOGLEVEL")]
    pub loglevel: String,
    /// How it is logged: text or json
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "ARGOCD_CMP_SERVER_LOGFORMAT")]
    pub logformat: String,
    /// A further plugin name to answer to (repeatable)
    #[arg(long, value_name = "NAME")]
    pub alias: Vec<String>,
    /// Serve Prometheus metrics on this address
    #[arg(long, value_name = "ADDR")]
    pub metrics: Option<std::net::SocketAddr>,
    /// How long requests are still served after SIGTERM
    #[arg(long, value_name = "TIME", default_value = "25s", value_parser = values::duration)]
    pub grace: std::time::Duration,
    /// How many requests are handled at the same time [default: 16 for each processor]
    #[arg(long, value_name = "N")]
    pub concurrency: Option<usize>,
    /// How long a secret that was read is cached; 0 turns the cache off
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = values::duration)]
    pub secret_ttl: std::time::Duration,
    /// The most requests per second that are sent to Vault (0: no limit)
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub vault_rps: u32,
    /// The most requests that are sent to Vault at the same time
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub vault_concurrency: usize,
    /// How many worker processes render and fill at the same time [default: two for each processor, as far as memory goes]
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,
    /// Megabytes that a worker may hold [default: from the container's memory limit]
    #[arg(long, value_name = "MB")]
    pub worker_memory: Option<u64>,
    /// Refuse to start where the kernel cannot put workers into a sandbox
    #[arg(long)]
    pub require_sandbox: bool,
    /// Megabytes that archives of all requests may hold in memory [default: from the container's memory limit]
    #[arg(long, value_name = "MB")]
    pub archive_memory: Option<u64>,
    /// Megabytes of temporary disk that archives of all requests may take
    #[arg(long, value_name = "MB", default_value_t = 512)]
    pub archive_disk: u64,
    /// Megabytes of rendered results that are kept [default: from the container's memory limit]
    #[arg(long, value_name = "MB")]
    pub render_cache: Option<u64>,
    #[command(flatten)]
    pub refresh: RefreshArgs,
    #[command(flatten)]
    pub traces: TracesArgs,
    #[command(flatten)]
    pub run: RunArgs,
    #[command(flatten)]
    pub fill: FillArgs,
    #[command(flatten)]
    pub render: RenderArgs,
}

/// `keyfill settings`.
#[derive(Args, Clone, Copy, Debug)]
pub struct SettingsArgs {
    /// How the table is printed
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub format: SettingsFormat,
}

/// How `keyfill settings` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SettingsFormat {
    /// A line for each name.
    Text,
    /// The page docs/settings.md.
    Markdown,
}

/// `keyfill version`.
#[derive(Args, Clone, Copy, Debug)]
pub struct VersionArgs {
    /// Print only the number
    #[arg(long)]
    pub short: bool,
}

#[cfg(test)]
mod tests {
    use super::{command, parse};

    #[test]
    fn the_definition_passes_claps_checks() {
        command().debug_assert();
    }

    #[test]
    fn every_command_has_its_flags_when_it_is_named_and_only_then() {
        let words = |name: &str| vec!["keyfill".into(), name.into(), "--help".into()];
        for command in command().get_subcommands() {
            let name = command.get_name();
            assert!(command.get_arguments().count() + command.get_subcommands().count() > 0, "{name}");
            let help = parse(words(name)).unwrap_err().to_string();
            let whole = super::command().args_override_self(true).try_get_matches_from(words(name));
            assert_eq!(help, whole.unwrap_err().to_string(), "{name}");
        }
        let none = super::defined(|_| false);
        assert_eq!(none.find_subcommand("generate").map(|c| c.get_arguments().count()), Some(0));
    }

    #[test]
    fn shared_flags_may_stand_before_and_after_the_subcommand() {
        for line in [
            "keyfill -c f generate -",
            "keyfill generate - -c f",
            "keyfill generate -c f -",
            "keyfill version -c f",
            "keyfill -c f discover",
        ] {
            let cli = parse(line.split(' ').map(Into::into).collect()).unwrap();
            assert_eq!(cli.shared.config_path.as_deref(), Some("f".as_ref()), "{line}");
        }
    }

    #[test]
    fn help_leaves_out_shared_flags_without_effect_and_orders_its_headings() {
        let mut cli = command();
        cli.build();
        let mut help = |name: &str| {
            let command = cli.find_subcommand_mut(name).expect("the command exists");
            command.render_long_help().to_string()
        };
        for name in super::WITHOUT_SETTINGS {
            assert!(!help(name).contains("--config-path"), "{name}");
        }
        let generate = help("generate");
        let at = |heading: &str| generate.find(heading).unwrap_or_else(|| panic!("{heading} in {generate}"));
        let headings = ["Options:", "Secrets:", "Rendering:", "Kustomize (", "Helm (", "Settings (as in"];
        assert!(headings.windows(2).all(|w| at(w[0]) < at(w[1])), "{generate}");
    }
}
