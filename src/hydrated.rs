//! Decides whether a run fills placeholders at all, for apps whose rendered manifests Argo CD's source hydrator
//! commits.
//!
//! The hydrator renders an app's dry source with the same plugin, and pushes the result to a branch of git, from
//! which the app is synced. Secrets must not be pushed to git: placeholders of the dry source are not filled, and
//! those in the hydrated manifests are filled when the app is synced. A hydrated folder contains `manifest.yaml`
//! and `hydrator.metadata`, which names the dry commit.

use crate::discover::is_chart;
use crate::fill::policy::is_match;
use crate::references::kustomization_file;
use crate::report::Problem;
use keyfill_files::{Files, TreePath};
use serde::{Deserialize, Serialize};

/// The setting that says when placeholders are filled.
pub const FILL: &str = "KEYFILL_FILL";
/// The setting with globs of branches: apps of these branches are filled.
pub const REVISIONS: &str = "KEYFILL_FILL_REVISIONS";
/// The variable with the app's branch, tag or commit: `spec.source.targetRevision`.
const TARGET_REVISION: &str = "ARGOCD_APP_SOURCE_TARGET_REVISION";

/// The files that the hydrator writes into an app's folder.
const MANIFEST: &str = "manifest.yaml";
const METADATA: &str = "hydrator.metadata";
/// The largest `hydrator.metadata` that is read, in bytes; the hydrator writes much less.
const MOST_METADATA: usize = 1 << 20;

/// Whether placeholders of an app are filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FillWhen {
    /// Placeholders are filled.
    #[default]
    Always,
    /// Placeholders are filled if the hydrator wrote the app's folder.
    IfHydrated,
    /// Placeholders are not filled.
    Never,
}

impl FillWhen {
    /// The value for an app by the administrator's settings. `get` returns a setting, and `variable` a variable
    /// that Argo CD sets.
    ///
    /// If branches are listed, they alone decide, since an author can write `hydrator.metadata` too.
    pub fn of<'v>(
        get: impl Fn(&str) -> Option<&'v str>,
        variable: impl Fn(&str) -> Option<&'v str>,
    ) -> Result<Self, Problem> {
        let given = |name: &str| get(name).map(str::trim).filter(|value| !value.is_empty());
        let branches = given(REVISIONS);
        match given(FILL) {
            None if branches.is_none() => Ok(Self::Always),
            Some("always") => Ok(Self::Always),
            Some("never") => Ok(Self::Never),
            None | Some("hydrated") => Ok(branches.map_or(Self::IfHydrated, |branches| {
                let revision = variable(TARGET_REVISION).unwrap_or_default();
                let revision = revision.strip_prefix("refs/heads/").unwrap_or(revision);
                let mut globs = branches.split(|c: char| c == ',' || c.is_whitespace());
                let is_listed = globs.any(|glob| !glob.is_empty() && is_match(glob, revision));
                if is_listed && !revision.is_empty() { Self::Always } else { Self::Never }
            })),
            Some(other) => {
                Err(Problem::usage(format!("{FILL} is {other:?}; it must be always, hydrated or never")))
            }
        }
    }

    /// Whether the manifests of a folder are filled.
    pub fn applies(self, files: &dyn Files, folder: &TreePath) -> bool {
        match self {
            Self::Always => true,
            Self::IfHydrated => is_hydrated(files, folder),
            Self::Never => false,
        }
    }
}

/// Whether the hydrator wrote a folder. It writes plain YAML, so that a kustomization or a chart is always a dry
/// source.
fn is_hydrated(files: &dyn Files, folder: &TreePath) -> bool {
    let file = |name: &str| folder.join(name).filter(|path| files.is_file(path));
    if file(MANIFEST).is_none() || is_chart(files, folder) || kustomization_file(files, folder).is_some() {
        return false;
    }
    let text = file(METADATA).and_then(|path| files.read(&path).ok());
    text.filter(|text| text.len() <= MOST_METADATA).is_some_and(|text| names_a_commit(&text))
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "drySha", alias = "drySHA")]
    dry_sha: String,
}

fn names_a_commit(text: &[u8]) -> bool {
    serde_json::from_slice::<Metadata>(text).is_ok_and(|metadata| {
        let sha = metadata.dry_sha;
        matches!(sha.len(), 40 | 64) && sha.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::{FILL, FillWhen, METADATA, REVISIONS, TARGET_REVISION};
    use keyfill_files::{MemoryFiles, TreePath};

    fn filling(fill: &str, revisions: &str, target: &str) -> Option<FillWhen> {
        let settings = [(FILL, fill), (REVISIONS, revisions), (TARGET_REVISION, target)];
        let get = |name: &str| settings.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
        FillWhen::of(get, get).ok()
    }

    #[test]
    fn branches_decide_alone_where_they_are_listed() {
        use FillWhen::{Always, IfHydrated, Never};
        for (fill, revisions, target, want) in [
            ("", "", "main", Always),
            ("always", "environments/*", "main", Always),
            ("never", "environments/*", "environments/dev", Never),
            ("hydrated", "", "main", IfHydrated),
            ("hydrated", "environments/*", "environments/dev", Always),
            ("hydrated", "environments/*", "refs/heads/environments/dev", Always),
            ("hydrated", "environments/*", "environments/dev/x", Never),
            ("hydrated", "environments/*, live", "live", Always),
            ("", "environments/*", "main", Never),
            ("hydrated", "*", "", Never),
        ] {
            assert_eq!(filling(fill, revisions, target), Some(want), "{fill} {revisions} {target}");
        }
        assert_eq!(filling("sometimes", "", "main"), None);
    }

    #[test]
    fn a_hydrated_folder_is_plain_yaml_that_names_its_dry_commit() {
        let sha = "a".repeat(40);
        let metadata = format!("{{\n  \"commands\": [\"x\"],\n  \"drySha\": \"{sha}\"\n}}\n");
        let with = |more: &[(&str, &str)], metadata: &str| {
            let mut files: Vec<(String, String)> = vec![
                ("app/manifest.yaml".into(), "a: <b>\n".into()),
                (format!("app/{METADATA}"), metadata.to_owned()),
            ];
            files.extend(more.iter().map(|(name, text)| (format!("app/{name}"), (*text).to_owned())));
            let files: MemoryFiles = files.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
            FillWhen::IfHydrated.applies(&files, &TreePath::new("app").unwrap())
        };
        assert!(with(&[("README.md", "# how")], &metadata));
        assert!(!with(&[("kustomization.yaml", "resources: [manifest.yaml]\n")], &metadata));
        assert!(!with(&[("Chart.yaml", "name: x\n")], &metadata));
        for wrong in ["", "{}", "[]", "{\"drySha\": 1}", "{\"drySha\": \"main\"}", &"[".repeat(10_000)] {
            assert!(!with(&[], wrong), "{wrong}");
        }
        let empty: MemoryFiles = [("app/manifest.yaml", String::new())].into_iter().collect();
        let app = TreePath::new("app").unwrap();
        assert!(!FillWhen::IfHydrated.applies(&empty, &app) && FillWhen::Always.applies(&empty, &app));
    }
}
