//! For tests only: finds or builds the official tools and test programs that tests compare with.
//!
//! A test that needs one calls [`oracle`] and returns early on `None`: stderr then says that the test was
//! left out and how to have it run, also where the test's own output is not shown. With
//! `KEYFILL_TEST_REQUIRE=all` the program is built with Go, and leaving one out is a failure. Nothing is built
//! or downloaded without that setting.
//!
//! Beside that: [`Vault`] starts a real Vault, [`Proxy`] gets in its way, [`Run`] runs a program as a user would.

mod command;
mod proxy;
mod vault;
mod wire;

pub use command::{Outcome, Run};
pub use proxy::{Fault, Proxy, Seen};
pub use vault::{ROOT_TOKEN, Vault};
pub use wire::{Reply, request};

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// The workspace's root folder.
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// The folder in which the built test programs lie: `KEYFILL_ORACLES`, or `target/oracles`.
pub fn oracles() -> PathBuf {
    std::env::var_os("KEYFILL_ORACLES").map_or_else(|| workspace().join("target/oracles"), PathBuf::from)
}

/// Whether no test may be left out.
pub fn all_required() -> bool {
    std::env::var_os("KEYFILL_TEST_REQUIRE").is_some_and(|v| v == "all")
}

/// How an oracle is made with Go.
enum Recipe {
    /// `go install` of a released version, with linker flags.
    Install(&'static str, &'static str),
    /// `go build` of a module in this repository.
    Module(&'static str),
}

fn recipe(name: &str) -> Option<Recipe> {
    Some(match name {
        "kustomize" => Recipe::Install("sigs.k8s.io/kustomize/kustomize/v5@v5.8.1", ""),
        // A helm that was not built by its release says another version and another Kubernetes.
        "helm" => Recipe::Install(
            "helm.sh/helm/v3/cmd/helm@v3.22.0",
            "-X helm.sh/helm/v3/internal/version.version=v3.22.0 \
             -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=37",
        ),
        "sops" => Recipe::Install("github.com/getsops/sops/v3/cmd/sops@v3.13.3", ""),
        "vault-dev" => Recipe::Module("tests/vault-dev"),
        "yaml-oracle" => Recipe::Module("tests/oracles/yaml"),
        "kustomize-oracle" => Recipe::Module("tests/oracles/kustomize"),
        "template-oracle" => Recipe::Module("tests/oracles/template"),
        "jsonpath-oracle" => Recipe::Module("tests/oracles/jsonpath"),
        "cmp-client" => Recipe::Module("tests/oracles/cmp-client"),
        "argocd-vault-plugin" => Recipe::Module("tests/oracles/argocd-vault-plugin"),
        "cmp-server" => Recipe::Module("tests/oracles/cmp-server"),
        _ => return None,
    })
}

/// The path of a test program, or `None` when it is not there and not required, which is said on stderr.
///
/// Names: `kustomize`, `helm`, `sops`, `vault-dev`, `yaml-oracle`, `kustomize-oracle`, `template-oracle`,
/// `jsonpath-oracle`, `cmp-client`, `cmp-server`, `argocd-vault-plugin`.
///
/// # Panics
/// On an unknown name, and with `KEYFILL_TEST_REQUIRE=all` when the program cannot be built.
pub fn oracle(name: &str) -> Option<PathBuf> {
    static BUILDING: Mutex<()> = Mutex::new(());
    let recipe = recipe(name).unwrap_or_else(|| panic!("no oracle is called {name}"));
    let binary = oracles().join(name);
    // One build at a time; a failed one poisons nothing that the next could not mend.
    let _guard = BUILDING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let stale = match &recipe {
        Recipe::Install(..) => !binary.is_file(),
        Recipe::Module(module) => is_older(&binary, &workspace().join(module)),
    };
    if !stale {
        return Some(binary);
    }
    if !all_required() {
        say_left_out(name);
        return None;
    }
    build(name, &recipe, &binary);
    Some(binary)
}

/// Says once that a test is left out. The harness keeps what `eprintln!` prints in a test that passes, so this
/// goes past it.
fn say_left_out(program: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let line = format!(
        "left out: {test} needs the Go program {program}; with KEYFILL_TEST_REQUIRE=all it is built and the test runs\n"
    );
    let mut said = SAID.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if said.insert(line.clone()) {
        std::io::stderr().write_all(line.as_bytes()).ok();
    }
}

fn is_older(binary: &Path, module: &Path) -> bool {
    let time = |p: &Path| p.metadata().and_then(|m| m.modified()).ok();
    let Some(built) = time(binary) else { return true };
    let Ok(files) = std::fs::read_dir(module) else { return false };
    files.flatten().any(|f| time(&f.path()).is_some_and(|t| t > built))
}

fn build(name: &str, recipe: &Recipe, binary: &Path) {
    let folder = oracles();
    std::fs::create_dir_all(&folder).expect("the folder for test programs can be made");
    let mut go = Command::new("go");
    match recipe {
        Recipe::Install(package, flags) => {
            go.env("GOBIN", &folder).args(["install", "-ldflags", flags, package]);
        }
        Recipe::Module(module) => {
            go.current_dir(workspace().join(module)).args(["build", "-o"]).arg(binary).arg(".");
        }
    }
    let status = go.status().unwrap_or_else(|e| panic!("go is needed to build {name}: {e}"));
    assert!(status.success(), "go could not build {name}");
}
