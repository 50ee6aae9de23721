//! Renders a chart on the command line, for the conformance runner and for measuring: the part of
//! `keyfill render` that concerns charts.
//!
//! ```text
//! helm-render render DIR --release-name rel -n ns1 [--kube-version V] [-f FILE] [--set a=b] ...
//! ```

use keyfill_diag::Cx;
use keyfill_files::{DiskFiles, TreePath};
use keyfill_helm::{HelmCompat, TemplateRequest, ValuesSource, template};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The allocator of the tool, so that figures are the tool's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "Error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|a| a != "render" && a != "template").collect();
    let root = option(&arguments, "--root").map_or_else(|| folder(&arguments), PathBuf::from);
    let files = DiskFiles::open(&root, 64 << 20)?;
    let request = parse(&arguments, &files)?;
    let cx = Cx::default();
    let times: u32 = option(&arguments, "--times").map_or(Ok(1), str::parse)?;
    for _ in 1..times {
        template(&files, &request, &cx)?;
    }
    match template(&files, &request, &cx) {
        Ok(rendered) => {
            for warning in &rendered.warnings {
                writeln!(std::io::stderr(), "warning: {warning}")?;
            }
            std::io::stdout().write_all(&rendered.text())?;
            Ok(())
        }
        Err(error) => {
            for diagnostic in error.diagnostics() {
                writeln!(std::io::stderr(), "{diagnostic:#?}")?;
            }
            Err(error.into())
        }
    }
}

/// The value of an option that is given once.
fn option<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|a| a == name)?;
    arguments.get(at + 1).map(String::as_str)
}

/// The chart's folder, or the one that holds the chart's archive.
fn folder(arguments: &[String]) -> PathBuf {
    let chart = Path::new(arguments.first().map_or(".", String::as_str));
    if chart.is_file() { chart.parent().unwrap_or(chart).to_path_buf() } else { chart.to_path_buf() }
}

fn parse(arguments: &[String], files: &DiskFiles) -> Result<TemplateRequest, Failure> {
    let mut arguments = arguments.iter();
    let chart = arguments.next().map_or(".", String::as_str);
    let mut request = TemplateRequest::new(in_tree(files, chart)?);
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--include-crds" => request.include_crds = true,
            "--no-hooks" => request.no_hooks = true,
            "--skip-tests" => request.skip_tests = true,
            "--is-upgrade" => request.is_upgrade = true,
            "--skip-schema-validation" => request.skip_schema_validation = true,
            _ => {
                let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
                set(&mut request, files, name, value)?;
            }
        }
    }
    Ok(request)
}

fn set(request: &mut TemplateRequest, files: &DiskFiles, name: &str, value: &str) -> Result<(), Failure> {
    let text = value.to_owned();
    match name {
        "--release-name" => request.release_name = text,
        "-n" | "--namespace" => request.namespace = text,
        "--kube-version" => request.kube_version = Some(text),
        "-a" | "--api-versions" => request.api_versions.extend(value.split(',').map(str::to_owned)),
        "-s" | "--show-only" => request.show_only.push(text),
        "--seed" => request.seed = Some(value.parse()?),
        "-f" | "--values" => request.values.push(ValuesSource::File(in_tree(files, value)?)),
        "--set" => request.values.push(ValuesSource::Set(text)),
        "--set-string" => request.values.push(ValuesSource::SetString(text)),
        "--set-json" => request.values.push(ValuesSource::SetJson(text)),
        "--set-literal" => request.values.push(ValuesSource::SetLiteral(text)),
        "--set-file" => {
            let (key, path) = value.split_once('=').ok_or("--set-file takes NAME=PATH")?;
            request.values.push(ValuesSource::SetFile { name: key.into(), path: in_tree(files, path)? });
        }
        "--helm-compat" if value == "4" => request.helm = HelmCompat::V4,
        "--helm-compat" => request.helm = HelmCompat::V3,
        "--root" | "--times" => {}
        _ => return Err(format!("unknown option {name}").into()),
    }
    Ok(())
}

/// A path of the command line as a path of the tree.
fn in_tree(files: &DiskFiles, path: &str) -> Result<TreePath, Failure> {
    let place = std::path::absolute(std::env::current_dir()?.canonicalize()?.join(path))?;
    let clean: PathBuf = place.canonicalize().unwrap_or(place);
    files.tree_path(&clean).ok_or_else(|| format!("{path} lies outside the tree").into())
}
