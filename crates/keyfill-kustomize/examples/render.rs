//! `render [kustomize build's flags] DIR`: prints what `kustomize build DIR` prints.
//!
//! Stands in for the tool where only this engine is to be tried: conformance runs, profiles. Charts are
//! rendered by the official helm (`KEYFILL_HELM`, or `helm` in the path).

#![allow(clippy::print_stdout, clippy::print_stderr)]

use keyfill_diag::Cx;
use keyfill_files::{DiskFiles, Files};
use keyfill_kustomize::{BuildRequest, ChartRequest, Charts, Error, LoadRestrictor, SortOrder, build};
use keyfill_yaml::{Body, to_yaml};
use std::error::Error as StdError;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

/// Runs the official helm in a folder of its own.
struct Helm {
    root: PathBuf,
}

impl Charts for Helm {
    fn inflate(
        &self,
        _: &dyn Files,
        request: &ChartRequest,
        _: &Cx,
    ) -> Result<Vec<u8>, Box<dyn StdError + Send + Sync>> {
        let dir = std::env::temp_dir().join(format!("keyfill-render-{}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        let helm = std::env::var_os("KEYFILL_HELM").unwrap_or_else(|| "helm".into());
        let mut command = Command::new(helm);
        command.arg("template");
        match &request.release_name {
            Some(name) => command.arg(name.as_str()),
            None => command.arg("--generate-name"),
        };
        command.arg(self.root.join(request.chart.as_str()));
        if !request.namespace.is_empty() {
            command.args(["--namespace", &request.namespace]);
        }
        if !request.name_template.is_empty() {
            command.args(["--name-template", &request.name_template]);
        }
        for (at, values) in request.values.iter().enumerate() {
            let path = dir.join(format!("values-{at}.yaml"));
            std::fs::write(&path, values)?;
            command.arg("-f").arg(path);
        }
        for version in &request.api_versions {
            command.args(["--api-versions", version]);
        }
        if !request.kube_version.is_empty() {
            command.args(["--kube-version", &request.kube_version]);
        }
        let switches = [
            ("--include-crds", request.include_crds),
            ("--skip-tests", request.skip_tests),
            ("--no-hooks", request.skip_hooks),
        ];
        command.args(switches.iter().filter(|(_, on)| *on).map(|(flag, _)| flag));
        let output = command.output()?;
        std::fs::remove_dir_all(&dir)?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
        }
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn StdError>> {
    let (mut request, dir) = arguments()?;
    let dir = std::fs::canonicalize(dir)?;
    let root = work_tree(&dir);
    let files = DiskFiles::open(&root, 256 << 20)?;
    request.root = files.tree_path(&dir);
    let cx = Cx::with_time(Duration::from_secs(600));
    let built = build(&files, &request, &Helm { root: root.clone() }, &cx).map_err(|e| explain(&e))?;
    let mut out = std::io::stdout().lock();
    for document in &built.documents {
        out.write_all(&document.before)?;
        match &document.body {
            Body::Raw(bytes) => out.write_all(bytes)?,
            Body::Tree(node) => out.write_all(&to_yaml(&**node))?,
        }
    }
    built.warnings.iter().for_each(|w| eprintln!("warning: {w}"));
    Ok(())
}

fn explain(error: &Error) -> String {
    let mut text = String::new();
    for diagnostic in error.diagnostics() {
        text.push_str(&format!("error: {diagnostic}"));
        diagnostic.trail.iter().for_each(|step| text.push_str(&format!("\n  in {step}")));
        diagnostic.hint.iter().for_each(|hint| text.push_str(&format!("\n  hint: {hint}")));
    }
    text
}

fn arguments() -> Result<(BuildRequest, PathBuf), Box<dyn StdError>> {
    let mut request = BuildRequest::default();
    let mut dir = PathBuf::from(".");
    let mut arguments = std::env::args().skip(1).filter(|a| a != "render" && a != "build");
    while let Some(argument) = arguments.next() {
        let (flag, given) = match argument.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag.to_owned(), Some(value.to_owned())),
            _ => (argument, None),
        };
        let mut value = || given.clone().or_else(|| arguments.next()).ok_or("a flag without its value");
        match flag.as_str() {
            "--enable-helm" => request.enable_helm = true,
            "--enable-alpha-plugins" => request.enable_alpha_plugins = true,
            "--enable-managedby-label" => request.enable_managedby_label = true,
            "--enable-exec" => {}
            "--load-restrictor" => {
                if value()? == "LoadRestrictionsNone" {
                    request.load_restrictor = LoadRestrictor::None;
                }
            }
            "--reorder" => {
                if value()? == "none" {
                    request.reorder = SortOrder::Fifo;
                }
            }
            flag if flag.starts_with("--") => return Err(format!("unknown flag {flag}").into()),
            path => dir = path.into(),
        }
    }
    Ok((request, dir))
}

/// The git work tree that holds a folder, or the file system's root.
fn work_tree(dir: &Path) -> PathBuf {
    let holder = dir.ancestors().find(|d| d.join(".git").exists());
    holder.unwrap_or_else(|| Path::new("/")).to_path_buf()
}
