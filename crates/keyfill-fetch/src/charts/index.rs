//! The `index.yaml` of a chart repository, parsed as helm does, reduced to what is needed to fetch a chart.

use keyfill_go::semver::{Constraint, Version};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The charts of a repository, each with its versions, the newest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Index {
    charts: BTreeMap<String, Vec<Listed>>,
}

/// A version of a chart that an index lists.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Listed {
    /// The version as the index writes it.
    pub version: String,
    /// The URL of its archive: absolute, or relative to the repository.
    pub url: String,
    /// The SHA-256 of the archive that the index gives; empty if it gives none.
    pub digest: String,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "apiVersion", default)]
    api_version: Option<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    entries: BTreeMap<String, Option<Vec<Entry>>>,
}

/// An entry of a chart, or anything else, which is ignored.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Chart {
        version: String,
        #[serde(default, deserialize_with = "null_is_empty")]
        urls: Vec<String>,
        #[serde(default, deserialize_with = "null_is_empty")]
        digest: String,
    },
    Other(IgnoredAny),
}

fn null_is_empty<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

impl Index {
    /// Parses an index, as JSON if it is JSON, else as YAML. Entries that are not charts are ignored.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        if text.iter().all(u8::is_ascii_whitespace) {
            return Err("the index is empty".to_owned());
        }
        let json = text.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{');
        let raw: Raw = match json.then(|| serde_json::from_slice(text)) {
            Some(Ok(raw)) => raw,
            _ => serde_yaml::from_slice(text).map_err(|e| {
                let line = e.location().map_or_else(String::new, |at| format!(" (line {})", at.line()));
                format!("the index is not one of a chart repository{line}")
            })?,
        };
        if raw.api_version.is_none_or(|v| v.is_empty()) {
            return Err("the index has no apiVersion".to_owned());
        }
        let charts = raw.entries.into_iter().map(|(name, entries)| {
            let listed = entries.unwrap_or_default().into_iter().filter_map(|entry| match entry {
                Entry::Chart { version, urls, digest } => {
                    Some(Listed { version, url: urls.into_iter().next().unwrap_or_default(), digest })
                }
                Entry::Other(_) => None,
            });
            let mut listed: Vec<Listed> = listed.collect();
            sort_newest_first(&mut listed, |l| &l.version);
            (name, listed)
        });
        Ok(Self { charts: charts.collect() })
    }

    /// The version that helm chooses: the one that is written exactly as `version`, else the newest in the range.
    pub fn find(&self, name: &str, version: &str) -> Result<&Listed, NotFound> {
        let listed = self.charts.get(name).ok_or(NotFound::Chart)?;
        let at = choose(listed.iter().map(|l| l.version.as_str()), version)?;
        Ok(&listed[at])
    }

    /// The names of all charts.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.charts.keys().map(String::as_str)
    }
}

/// Why a version was not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotFound {
    /// There is no chart of that name.
    Chart,
    /// No version of the chart is in the range.
    Version,
    /// The version asked for is neither a version nor a range.
    Constraint,
}

/// Sorts by version, the newest first. What is not a semantic version comes last.
pub(super) fn sort_newest_first<T>(list: &mut [T], version: impl Fn(&T) -> &str) {
    list.sort_by_cached_key(|item| std::cmp::Reverse(Age(Version::parse(version(item)).ok())));
}

/// Orders by the precedence of semantic versions; `None` is less than any version.
struct Age(Option<Version>);

impl Ord for Age {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Some(one), Some(two)) => one.compare(two),
            (one, two) => one.is_some().cmp(&two.is_some()),
        }
    }
}

impl PartialOrd for Age {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Age {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Age {}

/// The position of the version that helm chooses, among versions that are sorted newest first.
pub(super) fn choose<'a>(
    versions: impl Iterator<Item = &'a str> + Clone,
    wanted: &str,
) -> Result<usize, NotFound> {
    if !wanted.is_empty()
        && let Some(at) = versions.clone().position(|version| version == wanted)
    {
        return Ok(at);
    }
    let range = if wanted.is_empty() { "*" } else { wanted };
    let range = Constraint::parse(range).map_err(|_| NotFound::Constraint)?;
    versions
        .into_iter()
        .position(|version| Version::parse(version).is_ok_and(|version| range.check(&version)))
        .ok_or(NotFound::Version)
}

#[cfg(test)]
mod tests {
    use super::{Index, NotFound};

    const INDEX: &str = "\
apiVersion: v1
generated: 2026-01-01T00:00:00Z
entries:
  db:
  - {name: db, version: 1.2.0, urls: [db-1.2.0.tgz], digest: aa, created: x}
  - {name: db, version: 1.10.0, urls: [https://other.example/db-1.10.0.tgz, second]}
  - {name: db, version: 2.0.0-rc.1, urls: [rc.tgz]}
  - {name: db, version: 1.3.1+build.5, urls: [b.tgz], digest: null}
  - {name: db, version: not a version, urls: [n.tgz]}
  - null
  - {name: db}
  empty: null
";

    #[test]
    fn an_exact_version_is_chosen_or_the_newest_in_the_range() {
        let index = Index::parse(INDEX.as_bytes()).expect("an index");
        let found = |version: &str| index.find("db", version).map(|l| l.version.as_str());
        assert_eq!(found(""), Ok("1.10.0"));
        assert_eq!(found("*"), Ok("1.10.0"));
        assert_eq!(found("~1.3.0"), Ok("1.3.1+build.5"));
        assert_eq!(found("1.2.0"), Ok("1.2.0"));
        assert_eq!(found("not a version"), Ok("not a version"));
        assert_eq!(found(">0.0.0-0"), Ok("2.0.0-rc.1"));
        assert_eq!(found("^3"), Err(NotFound::Version));
        assert_eq!(found("no range"), Err(NotFound::Constraint));
        assert_eq!(index.find("cache", "1").map(|l| &l.version), Err(NotFound::Chart));
        assert_eq!(index.find("empty", "").map(|l| &l.version), Err(NotFound::Version));
    }

    #[test]
    fn only_the_first_address_of_a_version_is_used() {
        let index = Index::parse(INDEX.as_bytes()).expect("an index");
        assert_eq!(
            index.find("db", "1.10.0").map(|l| l.url.as_str()),
            Ok("https://other.example/db-1.10.0.tgz")
        );
        assert_eq!(index.find("db", "1.3.1+build.5").map(|l| l.digest.as_str()), Ok(""));
    }

    #[test]
    fn an_index_may_be_json() {
        let json = br#" {"apiVersion":"v1","entries":{"a":[{"version":"1.0.0","urls":["a.tgz"]}]}}"#;
        assert!(Index::parse(json).expect("an index").find("a", "").is_ok());
    }

    #[test]
    fn what_is_no_index_is_an_error() {
        for (text, says) in [
            ("", "empty"),
            ("\n \n", "empty"),
            ("entries: {}", "apiVersion"),
            ("<html>404</html>", "not one of a chart repository"),
            ("apiVersion: v1\nentries: [", "line"),
            ("Too Many Requests", "not one"),
        ] {
            let error = Index::parse(text.as_bytes()).expect_err(text);
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }

    #[test]
    fn an_index_is_the_same_after_a_round_trip_through_json() {
        let index = Index::parse(INDEX.as_bytes()).expect("an index");
        let text = serde_json::to_vec(&index).expect("JSON");
        assert_eq!(serde_json::from_slice::<Index>(&text).expect("read back"), index);
    }
}
