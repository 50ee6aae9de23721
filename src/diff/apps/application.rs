//! Reads Argo CD Applications from the files of a repository.

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
    /// Its name, as `NAMESPACE/NAME` if it is not in Argo CD's own namespace.
    pub name: String,
    /// The Helm release name, unless a source sets another.
    pub release: String,
    /// The namespace that it is deployed to.
    pub namespace: String,
    /// Its project.
    pub project: String,
    /// Its sources, in order.
    pub sources: Vec<Value>,
    /// The parts of its specification that affect its manifests: sources and destination.
    pub definition: Value,
}

/// The beginning of the `apiVersion` of Applications and ApplicationSets.
const GROUP: &str = "argoproj.io/";
/// The most applications of a repository.
const MOST: usize = 20_000;

/// The Applications in the files of a tree, and those that ApplicationSets generate. `notes` gets what is not
/// supported. Applications in templates of charts are not found, since templates are not manifests.
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
        // A file that is not YAML is skipped: it is a template of a chart or of another tool.
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

/// Makes an Application from its manifest; `None` if it has no source.
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

/// Returns an error if the run was cancelled or exceeded its deadline.
pub fn go_on(cx: &Cx) -> Result<()> {
    let problem = |stopped| Problem::input(format!("stopped while reading Applications: {stopped}"));
    Ok(cx.check().map_err(problem)?)
}

/// The text at a JSON pointer in a value; empty if there is none.
pub fn text_at<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// Whether a URL is one of this repository's. If no URL of the repository is known, every URL counts as its own.
pub fn is_own(repository: &[String], url: &str) -> bool {
    repository.is_empty() || repository.iter().any(|own| same_repository(own, url))
}

/// Whether two URLs are of the same repository, whatever their form: https, ssh, or `USER@HOST:PATH`.
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
            // In a URL with a scheme a number after the colon is a port.
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
