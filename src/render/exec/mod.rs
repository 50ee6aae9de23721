//! Renders with the official kustomize and helm, which are started without a shell on a copy of the files that
//! they read.

mod copy;
mod origins;
mod process;

use super::edits::Edited;
use super::options::{Binaries, HelmOptions, KustomizeOptions, Options, ValuesFile};
use crate::cli::render_args::Reorder;
use crate::discover::{Root, RootKind};
use crate::fetch::{Base, Localized, Recorder};
use crate::outside::Outside;
use crate::references;
use crate::report::Failure;
use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use copy::Copy;
use keyfill_diag::{Class, Cx, Diagnostic, Place, Severity};
use keyfill_files::{Fetch, Files, TreePath};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Renders a root with the official binary, and returns what it prints.
pub fn render(
    files: &dyn Files,
    root: &Root,
    options: &Options,
    outside: &Outside,
    cx: &Cx,
) -> Result<Vec<u8>> {
    let mut copy = Copy::of_root(files, root, cx)?;
    let bases = add_charts(&mut copy, files, root, options, outside, cx)?;
    let (binary, arguments) = match root.kind {
        RootKind::Kustomization => {
            let helm = options.kustomize.enable_helm.then(|| helm(&options.binaries).ok());
            let binary = kustomize(&options.binaries)?;
            (binary, kustomize_arguments(&options.kustomize, helm.flatten()))
        }
        RootKind::Chart => {
            let binary = helm(&options.binaries)?;
            (binary, helm_arguments(files, &options.helm, &mut copy)?)
        }
        RootKind::Yaml => bail!("plain YAML needs no official binary"),
    };
    let ran = process::run(&binary, &arguments, &copy, &options.environment, cx)?;
    if ran.ok {
        return Ok(if bases.is_empty() { ran.stdout } else { origins::named(ran.stdout, &root.dir, &bases) });
    }
    let tool = binary.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let said = copy.without_its_place(&String::from_utf8_lossy(&ran.stderr));
    let said = said.trim();
    let message = match ran.why {
        process::Why::Exited(status) if said.is_empty() => {
            format!("{tool} failed with {status} and said nothing")
        }
        process::Why::Exited(_) => format!("{tool} failed: {said}"),
        process::Why::Stopped(stopped) => format!("{tool} was stopped: {stopped}. It had said: {said:?}"),
    };
    Err(Failure::from(Diagnostic::error(Class::Render, message).at(Place::file(root.dir.to_string(), None)))
        .into())
}

/// Adds charts that are not in the tree to the copy, so that the binary does not have to fetch them, and uses the
/// locked versions. If a policy or the lock forbids something, that is an error, since the binary would ignore
/// both; other problems are left to the binary to report. Returns the bases whose origin annotations have to be
/// changed.
fn add_charts(
    copy: &mut Copy,
    files: &dyn Files,
    root: &Root,
    options: &Options,
    outside: &Outside,
    cx: &Cx,
) -> Result<Vec<Base>> {
    let recorder = Arc::new(Recorder::new(Arc::clone(&outside.fetch)));
    // Nothing is decrypted for an official binary.
    let recording = Outside { fetch: Arc::clone(&recorder) as Arc<dyn Fetch>, ..Outside::default() };
    let mut problems = super::resolve(files, root, options, &recording, false, cx);
    problems.retain(|problem| problem.severity == Severity::Error && problem.class == Class::Forbidden);
    if !problems.is_empty() {
        return Err(Failure::new(problems).into());
    }
    let (changed, bases) = add_bases(copy, files, root, &*outside.fetch, cx)?;
    if !changed.is_empty() {
        // This adds the charts of these bases to the copy. Problems are left to the binary to report.
        super::resolve(&Edited::with(files, changed), root, options, &recording, false, cx);
    }
    for (place, chart) in recorder.placed(files) {
        if place.as_str().ends_with(".tgz") {
            copy.add_content(&place, &chart.archive)?;
            continue;
        }
        let unpacked = keyfill_helm::unpack(&chart.archive, options.helm.compat, cx);
        for (name, content) in unpacked.map_err(|e| Failure::of(&e))?.iter() {
            if let Some(path) = place.join(name.as_str()) {
                copy.add_content(&path, content)?;
            }
        }
    }
    Ok(bases)
}

/// Files that are changed in the copy, and the bases whose origin annotations have to be changed.
type Added = (BTreeMap<TreePath, Bytes>, Vec<Base>);

/// Adds remote bases to the copy, and changes the kustomizations that refer to them. If this fails and a policy or
/// a lock decides what may be fetched, it is an error, since the binary would clone by itself.
fn add_bases(copy: &mut Copy, files: &dyn Files, root: &Root, fetch: &dyn Fetch, cx: &Cx) -> Result<Added> {
    let file =
        references::kustomization_file(files, &root.dir).filter(|_| root.kind == RootKind::Kustomization);
    let Some(text) = file.and_then(|file| files.read(&file).ok()) else { return Ok(Added::default()) };
    let mut bases = Localized::roots_apart(fetch, cx);
    if let Err(error) = bases.add(files, root) {
        // Errors in the tree are left to the binary to report.
        return if bases.asked && fetch.is_bound() { Err(error) } else { Ok(Added::default()) };
    }
    for (place, content) in &bases.files {
        copy.add_content(place, content)?;
    }
    let changed = bases.files.into_iter().map(|(place, content)| (place, content.into())).collect();
    let prints = |what: &[u8]| memchr::memmem::find(&text, what).is_some();
    let names_them = prints(b"originAnnotations") || prints(b"transformerAnnotations");
    Ok((changed, if names_them { bases.bases.into_iter().collect() } else { Vec::new() }))
}

/// Whether the official binary for a root is installed.
pub fn is_there(root: &Root, options: &Options) -> bool {
    match root.kind {
        RootKind::Kustomization => kustomize(&options.binaries).is_ok(),
        RootKind::Chart => helm(&options.binaries).is_ok(),
        RootKind::Yaml => false,
    }
}

fn kustomize(binaries: &Binaries) -> Result<PathBuf> {
    find("kustomize", binaries.kustomize.as_deref(), binaries)
}

fn helm(binaries: &Binaries) -> Result<PathBuf> {
    find("helm", binaries.helm.as_deref(), binaries)
}

fn find(name: &str, named: Option<&Path>, binaries: &Binaries) -> Result<PathBuf> {
    if let Some(path) = named {
        if path.components().count() > 1 || path.is_absolute() {
            return std::fs::canonicalize(path)
                .with_context(|| format!("the official {name} is not at {}", path.display()));
        }
        return on_path(&path.to_string_lossy(), binaries)
            .with_context(|| format!("{} is not on PATH", path.display()));
    }
    on_path(name, binaries).with_context(|| {
        format!(
            "the official {name} is needed and not on PATH; install it, or name it with KEYFILL_{}",
            name.to_uppercase()
        )
    })
}

fn on_path(name: &str, binaries: &Binaries) -> Option<PathBuf> {
    let path = binaries.search_path.as_ref()?;
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(path).map(|dir| dir.join(&name)).find(|file| file.is_file())
}

fn kustomize_arguments(options: &KustomizeOptions, helm: Option<PathBuf>) -> Vec<OsString> {
    let mut line: Vec<OsString> = vec!["build".into(), ".".into()];
    if !options.restrict_to_root {
        line.extend(["--load-restrictor".into(), "LoadRestrictionsNone".into()]);
    }
    if let Some(order) = options.reorder {
        let order = if order == Reorder::Legacy { "legacy" } else { "none" };
        line.extend(["--reorder".into(), order.into()]);
    }
    let switches = [
        (options.enable_helm, "--enable-helm"),
        (options.enable_alpha_plugins, "--enable-alpha-plugins"),
        (options.enable_exec, "--enable-exec"),
        (options.enable_managedby_label, "--enable-managedby-label"),
    ];
    line.extend(switches.into_iter().filter(|(on, _)| *on).map(|(_, name)| OsString::from(name)));
    if options.enable_helm {
        if let Some(helm) = helm {
            line.extend(["--helm-command".into(), helm.into()]);
        }
        if let Some(version) = &options.helm_kube_version {
            line.extend(["--helm-kube-version".into(), version.into()]);
        }
        for version in &options.helm_api_versions {
            line.extend(["--helm-api-versions".into(), version.into()]);
        }
    }
    line
}

fn helm_arguments(files: &dyn Files, options: &HelmOptions, copy: &mut Copy) -> Result<Vec<OsString>> {
    let mut line: Vec<OsString> =
        ["template", &options.release_name, ".", "--namespace", &options.namespace].map(Into::into).into();
    for values in &options.values {
        line.extend(["--values".into(), copy.values(files, values)?.into()]);
    }
    let pairs = [
        ("--set-json", &options.set_json),
        ("--set", &options.set),
        ("--set-string", &options.set_string),
        ("--set-literal", &options.set_literal),
        ("--api-versions", &options.api_versions),
        ("--show-only", &options.show_only),
    ];
    for (flag, given) in pairs {
        line.extend(given.iter().flat_map(|value| [OsString::from(flag), value.into()]));
    }
    for (key, file) in &options.set_file {
        let mut pair = OsString::from(format!("{key}="));
        pair.push(copy.values(files, file)?);
        line.extend(["--set-file".into(), pair]);
    }
    if let Some(version) = &options.kube_version {
        line.extend(["--kube-version".into(), version.into()]);
    }
    let switches = [
        (options.include_crds, "--include-crds"),
        (options.no_hooks, "--no-hooks"),
        (options.skip_tests, "--skip-tests"),
        (options.is_upgrade, "--is-upgrade"),
        (options.skip_schema_validation, "--skip-schema-validation"),
    ];
    line.extend(switches.into_iter().filter(|(on, _)| *on).map(|(_, name)| OsString::from(name)));
    Ok(line)
}

impl Copy {
    /// Adds a values file to the copy: a file of the tree, or a text next to it.
    fn values(&mut self, files: &dyn Files, values: &ValuesFile) -> Result<PathBuf> {
        match values {
            ValuesFile::InTree(path) => self.add(files, path),
            ValuesFile::Text { text, .. } => self.add_text(text),
        }
    }
}
