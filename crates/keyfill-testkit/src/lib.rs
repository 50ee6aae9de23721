//! For tests only: finds or builds the official tools and test programs that tests compare with.
//!
//! A test that needs one calls [`oracle`] and returns early on `None`: then stderr says that the test was skipped
//! and how to run it, even if the test's own output is hidden. With `KEYFILL_TEST_REQUIRE=all` missing programs
//! are built with Go, and skipping is a failure. Without that setting nothing is built or downloaded.
//!
//! Other helpers: [`Vault`] starts a real Vault, [`Moto`] simulates AWS, and [`Fake`] any other store; [`Proxy`]
//! injects faults between a client and a server; [`Server`], [`GitServer`], [`Sshd`] and [`Registry`] serve what
//! tests fetch; [`Gpg`] signs and encrypts; [`Run`] runs a program as a user would.

mod cases;
mod command;
mod fake;
mod git;
mod gpg;
mod moto;
mod programs;
mod proxy;
mod registry;
mod server;
mod sshd;
mod tokens;
mod vault;
mod wire;

pub use cases::{compare, each_case};
pub use command::{Outcome, Run};
pub use fake::{Fake, Request, Response};
pub use git::GitServer;
pub use gpg::Gpg;
pub use moto::Moto;
pub use programs::{is_root, program};
pub use proxy::{Fault, Proxy, Seen};
pub use registry::Registry;
pub use server::{Response as Page, Server};
pub use sshd::Sshd;
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

/// The folder of the built test programs: `KEYFILL_ORACLES`, or `target/oracles`.
pub fn oracles() -> PathBuf {
    std::env::var_os("KEYFILL_ORACLES").map_or_else(|| workspace().join("target/oracles"), PathBuf::from)
}

/// Whether no test may be skipped.
pub fn all_required() -> bool {
    std::env::var_os("KEYFILL_TEST_REQUIRE").is_some_and(|v| v == "all")
}

/// The Go version that Helm 4 needs. The installed Go downloads it like a module.
const NEXT_GO: &str = "go1.27.0";

/// How a test program is built with Go.
enum Recipe {
    /// `go install` of a released version, with linker flags.
    Install(&'static str, &'static str),
    /// Like `Install`, with another version of Go, and renamed.
    InstallAs { package: &'static str, flags: &'static str, installed: &'static str, toolchain: &'static str },
    /// `go build` of a module in this repository.
    Module(&'static str),
    /// Like `Module`, with another version of Go.
    ModuleWith { module: &'static str, toolchain: &'static str },
}

fn recipe(name: &str) -> Option<Recipe> {
    Some(match name {
        "kustomize" => Recipe::Install("sigs.k8s.io/kustomize/kustomize/v5@v5.8.1", ""),
        // Without these flags a helm that is built from source reports other versions of Helm and Kubernetes than
        // the released one.
        "helm" => Recipe::Install(
            "helm.sh/helm/v3/cmd/helm@v3.22.0",
            "-X helm.sh/helm/v3/internal/version.version=v3.22.0 \
             -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=37",
        ),
        "cosign" => Recipe::Install("github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3", "-s -w"),
        "sops" => Recipe::Install("github.com/getsops/sops/v3/cmd/sops@v3.13.3", ""),
        "ksops" => Recipe::Module("tests/oracles/ksops"),
        "sops-batch" => Recipe::Module("tests/oracles/sops"),
        // Helm 4 takes the Kubernetes version from its module list, and needs a newer Go.
        "helm4" => Recipe::InstallAs {
            package: "helm.sh/helm/v4/cmd/helm@v4.3.2",
            flags: "-X helm.sh/helm/v4/internal/version.version=v4.3.2",
            installed: "helm",
            toolchain: NEXT_GO,
        },
        "vault-dev" => Recipe::Module("tests/vault-dev"),
        "yaml-oracle" => Recipe::Module("tests/oracles/yaml"),
        "kustomize-oracle" => Recipe::Module("tests/oracles/kustomize"),
        "template-oracle" => Recipe::Module("tests/oracles/template"),
        "template4-oracle" => Recipe::ModuleWith { module: "tests/oracles/template4", toolchain: NEXT_GO },
        "jsonpath-oracle" => Recipe::Module("tests/oracles/jsonpath"),
        "cmp-client" => Recipe::Module("tests/oracles/cmp-client"),
        "argocd-vault-plugin" => Recipe::Module("tests/oracles/argocd-vault-plugin"),
        "cmp-server" => Recipe::Module("tests/oracles/cmp-server"),
        _ => return None,
    })
}

/// The path of a test program, or `None` if it does not exist and is not required, which is reported on stderr.
///
/// Names: `kustomize`, `helm`, `helm4`, `cosign`, `sops`, `sops-batch`, `ksops`, `vault-dev`, `yaml-oracle`, `kustomize-oracle`, `template-oracle`,
/// `template4-oracle`, `jsonpath-oracle`, `cmp-client`, `cmp-server`, `argocd-vault-plugin`.
///
/// # Panics
/// If the name is unknown, or with `KEYFILL_TEST_REQUIRE=all` if the program cannot be built.
pub fn oracle(name: &str) -> Option<PathBuf> {
    static BUILDING: Mutex<()> = Mutex::new(());
    let recipe = recipe(name).unwrap_or_else(|| panic!("no oracle is called {name}"));
    let binary = oracles().join(name);
    // One build at a time. After a panic in a build the lock is still usable.
    let _guard = BUILDING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let stale = match &recipe {
        Recipe::Install(..) | Recipe::InstallAs { .. } => !binary.is_file(),
        Recipe::Module(module) | Recipe::ModuleWith { module, .. } => {
            is_older(&binary, &workspace().join(module))
        }
    };
    if !stale {
        return Some(binary);
    }
    if !all_required() {
        say_left_out(
            &format!("the Go program {name}"),
            "with KEYFILL_TEST_REQUIRE=all it is built and the test runs",
        );
        return None;
    }
    build(name, &recipe, &binary);
    Some(binary)
}

/// Reports once that a test is skipped. It writes to stderr directly, since the test harness hides what
/// `eprintln!` prints in a test that passes.
fn say_left_out(program: &str, remedy: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let line = format!("left out: {test} needs {program}; {remedy}\n");
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
        Recipe::InstallAs { package, flags, installed, toolchain } => {
            let aside = folder.join(format!("{name}.building"));
            go.env("GOBIN", &aside)
                .env("GOTOOLCHAIN", toolchain)
                .args(["install", "-ldflags", flags, package]);
            run(&mut go, name);
            std::fs::rename(aside.join(installed), binary)
                .expect("a program that was installed can be moved");
            std::fs::remove_dir_all(aside).expect("the folder for one program can be removed");
            return;
        }
        Recipe::Module(module) => {
            go.current_dir(workspace().join(module)).args(["build", "-o"]).arg(binary).arg(".");
        }
        Recipe::ModuleWith { module, toolchain } => {
            go.env("GOTOOLCHAIN", toolchain);
            go.current_dir(workspace().join(module)).args(["build", "-o"]).arg(binary).arg(".");
        }
    }
    run(&mut go, name);
}

fn run(go: &mut Command, name: &str) {
    let status = go.status().unwrap_or_else(|e| panic!("go is needed to build {name}: {e}"));
    assert!(status.success(), "go could not build {name}");
}
