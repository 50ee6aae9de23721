//! `Chart.lock` and `requirements.lock`: the versions that requirements were resolved to.
//!
//! helm accepts a lock file if its digest matches: the SHA-256 of the required and the locked dependencies, both
//! lists as Go's JSON. The charts themselves are not hashed.

use super::Dependency;
use super::decode::Fields;
use super::metadata::ImportValues;
use crate::error::{Error, Result};
use keyfill_go::json::{Html, append_string};
use keyfill_go::time::{Time, Zone};
use keyfill_yaml::{Value, to_json};
use sha2::{Digest as _, Sha256};

const RFC3339: &[u8] = b"2006-01-02T15:04:05.999999999Z07:00";

/// A lock file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lock {
    digest: String,
    dependencies: Vec<Dependency>,
}

impl Lock {
    /// Decodes a lock file; `file` is its name.
    pub(super) fn read(document: &Value, file: &str) -> Result<Self> {
        let fields = Fields::of(document, file).map_err(|e| e.at(1, Some(1)))?;
        let mut generated = String::new();
        match fields.get("generated") {
            None => {}
            Some(Value::Str(text)) => generated.push_str(text),
            Some(other) => {
                let found = other.type_name();
                return Err(Error::render(format!(
                    "{file}.generated must be a point in time, but holds a {found}"
                )));
            }
        }
        if !generated.is_empty() && Time::parse(RFC3339, generated.as_bytes(), &Zone::Utc).is_err() {
            return Err(
                Error::render(format!("{file}.generated is not a point in time")).at_path("generated")
            );
        }
        let mut lock = Self::default();
        fields.text("digest", &mut lock.digest)?;
        for (at, item) in fields.list("dependencies")?.unwrap_or_default().iter().enumerate() {
            if !matches!(item, Value::Null) {
                let mut dependency = Dependency::default();
                dependency.read(item).map_err(|e| e.at_path(&format!("dependencies[{at}]")))?;
                lock.dependencies.push(dependency);
            }
        }
        Ok(lock)
    }

    /// The locked version of each requirement; none if the lock file is for other requirements. In `aliased` the
    /// names of repositories are replaced by their addresses, which is what helm hashes.
    pub(crate) fn versions(
        &self,
        required: &[Dependency],
        aliased: &[Dependency],
        is_version_1: bool,
    ) -> Option<Vec<String>> {
        let current = || format!("sha256:{}", digest(&[aliased, &self.dependencies]));
        // helm 2 hashed only the requirements, as they were written.
        let old = || format!("sha256:{}", hex(&Sha256::digest(old_text(required))));
        let same_names = self.dependencies.len() == required.len()
            && self.dependencies.iter().zip(required).all(|(locked, wanted)| locked.name == wanted.name);
        let fits = same_names && (self.digest == current() || is_version_1 && self.digest == old());
        fits.then(|| self.dependencies.iter().map(|locked| locked.version.clone()).collect())
    }
}

fn digest(lists: &[&[Dependency]]) -> String {
    let mut text = Vec::from(*b"[");
    for (at, list) in lists.iter().enumerate() {
        if at > 0 {
            text.push(b',');
        }
        append_list(&mut text, list);
    }
    text.push(b']');
    hex(&Sha256::digest(&text))
}

fn old_text(required: &[Dependency]) -> Vec<u8> {
    let mut text = Vec::from(*b"{\"dependencies\":");
    append_list(&mut text, required);
    text.push(b'}');
    text
}

fn append_list(out: &mut Vec<u8>, list: &[Dependency]) {
    out.push(b'[');
    for (at, dependency) in list.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        append(out, dependency);
    }
    out.push(b']');
}

/// Appends a requirement as JSON, with its fields in the order of helm's struct. Empty fields are left out, except
/// name and repository.
fn append(out: &mut Vec<u8>, dependency: &Dependency) {
    out.extend_from_slice(b"{\"name\":");
    append_string(out, &dependency.name, Html::Escaped);
    let text = |out: &mut Vec<u8>, name: &str, value: &str, always: bool| {
        if always || !value.is_empty() {
            out.extend_from_slice(format!(",\"{name}\":").as_bytes());
            append_string(out, value, Html::Escaped);
        }
    };
    text(out, "version", &dependency.version, false);
    text(out, "repository", &dependency.repository, true);
    text(out, "condition", &dependency.condition, false);
    if !dependency.tags.is_empty() {
        out.extend_from_slice(b",\"tags\":");
        let tags = dependency.tags.iter().map(|tag| Value::Str(tag.as_str().into())).collect();
        out.extend_from_slice(&to_json(&Value::Seq(tags)));
    }
    if dependency.enabled {
        out.extend_from_slice(b",\"enabled\":true");
    }
    let imports = dependency.import_values.iter().filter_map(|import| match import {
        ImportValues::Written(value) => Some(value.clone()),
        ImportValues::Taken { .. } => None,
    });
    let imports: Vec<Value> = imports.collect();
    if !imports.is_empty() {
        out.extend_from_slice(b",\"import-values\":");
        out.extend_from_slice(&to_json(&Value::Seq(imports)));
    }
    text(out, "alias", &dependency.alias, false);
    out.push(b'}');
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::Lock;
    use crate::chart::Dependency;
    use keyfill_yaml::{Limits, load_value};

    fn dependency(text: &str) -> Dependency {
        let value = load_value(text.as_bytes(), &Limits::default()).expect("YAML");
        let mut dependency = Dependency::default();
        dependency.read(&value).expect("a dependency");
        dependency
    }

    fn lock(digest: &str) -> Lock {
        let dependencies =
            vec![dependency("{name: common, repository: 'oci://r.example/charts', version: 2.31.4}")];
        Lock { digest: digest.into(), dependencies }
    }

    /// The digests were computed with Go's `json.Marshal` over helm's own types.
    #[test]
    fn the_digest_is_that_of_helm() {
        let required = [dependency(
            "{name: common, repository: 'oci://r.example/charts', version: 2.x.x, tags: [a<b], import-values: [{child: a, parent: b}, data], condition: c.enabled, alias: x}",
        )];
        let text = concat!(
            r#"[[{"name":"common","version":"2.x.x","repository":"oci://r.example/charts","condition":"c.enabled","#,
            r#""tags":["a\u003cb"],"import-values":[{"child":"a","parent":"b"},"data"],"alias":"x"}],"#,
            r#"[{"name":"common","version":"2.31.4","repository":"oci://r.example/charts"}]]"#
        );
        let digest =
            format!("sha256:{}", super::hex(&<sha2::Sha256 as sha2::Digest>::digest(text.as_bytes())));
        let versions = |digest: &str, v1| lock(digest).versions(&required, &required, v1);
        assert_eq!(versions(&digest, false), Some(vec!["2.31.4".to_owned()]));
        assert_eq!(versions("sha256:00", false), None);
        assert_eq!(lock(&digest).versions(&[], &[], false), None, "a lock of other requirements");
    }

    #[test]
    fn a_digest_of_helm_2_holds_for_charts_of_version_1_only() {
        let required = [dependency("{name: common, repository: '@corp', version: 2.x.x}")];
        let text = r#"{"dependencies":[{"name":"common","version":"2.x.x","repository":"@corp"}]}"#;
        let digest =
            format!("sha256:{}", super::hex(&<sha2::Sha256 as sha2::Digest>::digest(text.as_bytes())));
        let aliased = [Dependency { repository: "https://corp.example".into(), ..required[0].clone() }];
        assert!(lock(&digest).versions(&required, &aliased, true).is_some());
        assert!(lock(&digest).versions(&required, &aliased, false).is_none());
    }
}
