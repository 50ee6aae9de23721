//! Applications as they stand in the files of a repository.

use super::set;
use crate::discover::is_manifest_name;
use crate::report::Problem;
use anyhow::Result;
use keyfill_diag::Cx;
use keyfill_files::{Files, TreePath};
use memchr::memmem;
use serde_json::Value;
use std::collections::BTreeSet;

/// An Application.
#[derive(Clone, Debug)]
pub struct Application {
    /// Its name; with its namespace before it where it is not Argo CD's own.
    pub name: String,
    /// The release's name, unless a source says another.
    pub release: String,
    /// Where it is deployed to.
    pub namespace: String,
    /// Its project.
    pub project: String,
    /// Its sources, in order.
    pub sources: Vec<Value>,
    /// What decides about its manifests: sources and destination.
    pub definition: Value,
}

/// What every Application's `apiVersion` begins with.
const GROUP: &str = "argoproj.io/";
/// The most applications of a repository.
const MOST: usize = 20_000;

/// The Applications in the files of a tree, and those that ApplicationSets make. What cannot be followed is noted.
/// Templates of charts are no manifests: Applications in them are not seen.
pub fn read(
    files: &dyn Files,
    repository: &[String],
    notes: &mut BTreeSet<String>,
    cx: &Cx,
) -> Result<Vec<Application>> {
    let mut found = Vec::new();
    for path in files.walk(&TreePath::root()) {
        go_on(cx)?;
        if !is_manifest_name(path.name()) {
            continue;
        }
        let Ok(text) = files.read(&path) else { continue };
        if memmem::find(&text, GROUP.as_bytes()).is_none() {
            continue;
        }
        // A template of a chart, or what another tool makes manifests of.
        let Ok(nodes) = keyfill_yaml::load_nodes(&text, &keyfill_yaml::Limits::from(cx)) else { continue };
        for node in nodes {
            let Ok(value) = keyfill_yaml::resolve(&node) else { continue };
            let object: Value = serde_json::from_slice(&keyfill_yaml::to_json(&value))?;
            if !text_at(&object, "/apiVersion").starts_with(GROUP) {
                continue;
            }
            match text_at(&object, "/kind") {
                "Application" => found.extend(of(&object)),
                "ApplicationSet" => {
                    found.extend(set::applications(files, &path, &object, repository, notes, cx)?);
                }
                _ => {}
            }
            anyhow::ensure!(found.len() <= MOST, "there are more than {MOST} Applications");
        }
    }
    Ok(found)
}

/// An Application from its manifest; nothing where it names no source.
pub fn of(object: &Value) -> Option<Application> {
    let spec = object.get("spec")?;
    let sources = match (spec.get("sources"), spec.get("source")) {
        (Some(Value::Array(sources)), _) if !sources.is_empty() => sources.clone(),
        (_, Some(source)) => vec![source.clone()],
        _ => return None,
    };
    let text = |path: &str| text_at(object, path).to_owned();
    let release = text("/metadata/name");
    let own = text("/metadata/namespace");
    let name = if own.is_empty() || own == "argocd" { release.clone() } else { format!("{own}/{release}") };
    let namespace = text("/spec/destination/namespace");
    let definition = serde_json::json!({ "sources": sources, "namespace": namespace });
    Some(Application { name, release, namespace, project: text("/spec/project"), sources, definition })
}

/// Fails when the run has to end.
pub fn go_on(cx: &Cx) -> Result<()> {
    let problem = |stopped| Problem::input(format!("stopped while reading Applications: {stopped}"));
    Ok(cx.check().map_err(problem)?)
}

/// The text at a path of a value; empty where there is none.
pub fn text_at<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// Whether an address is that of this repository. Where none is known, each is taken for it.
pub fn is_own(repository: &[String], url: &str) -> bool {
    repository.is_empty() || repository.iter().any(|own| same_repository(own, url))
}

/// Whether two addresses name one repository, however they are written: https, ssh, or `USER@HOST:PATH`.
fn same_repository(one: &str, other: &str) -> bool {
    let bare = |url: &str| {
        let url = url.trim().trim_end_matches('/').trim_end_matches(".git").to_ascii_lowercase();
        let after_scheme = url.split_once("://").map(|(_, rest)| rest.to_owned());
        let has_scheme = after_scheme.is_some();
        let rest = after_scheme.unwrap_or(url);
        let rest = match rest.split_once('@') {
            Some((user, rest)) if !user.contains('/') => rest.to_owned(),
            _ => rest,
        };
        let (host, path) = match rest.split_once(':') {
            // A port, in an address with a scheme.
            Some((host, port)) if has_scheme => {
                (host.to_owned(), port.split_once('/').map_or("", |(_, path)| path).to_owned())
            }
            Some((host, path)) => (host.to_owned(), path.to_owned()),
            None => rest
                .split_once('/')
                .map(|(h, p)| (h.to_owned(), p.to_owned()))
                .unwrap_or((rest, String::new())),
        };
        (host, path.trim_matches('/').to_owned())
    };
    bare(one) == bare(other)
}

#[cfg(test)]
mod unit {
    use super::same_repository;

    #[test]
    fn one_repository_has_many_addresses() {
        let own = "https://git.example.com/team/apps.git";
        for other in [
            "https://git.example.com/team/apps",
            "git@git.example.com:team/apps.git",
            "ssh://git@git.example.com:22/team/apps",
            "https://user:pw@GIT.example.com/team/apps/",
        ] {
            assert!(same_repository(own, other), "{other}");
        }
        for other in ["https://git.example.com/team/app", "https://example.com/team/apps", "../apps"] {
            assert!(!same_repository(own, other), "{other}");
        }
    }
}
