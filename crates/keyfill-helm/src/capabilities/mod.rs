//! `.Capabilities`: what templates know of the cluster and of helm. No cluster is contacted.

use crate::error::{Error, Result};
use crate::request::HelmCompat;

/// The API versions that helm v3.22.0 and v4.3.2 know, in their order; `generate/api-versions` writes the file.
const API_VERSIONS: &str = include_str!("api_versions.txt");
/// The Kubernetes version that both releases assume without `--kube-version`: version, major, minor.
const DEFAULT_KUBE_VERSION: (&str, &str, &str) = ("v1.37.0", "1", "37");
/// The Kubernetes version of helm v4.3.2's client library: `.Capabilities.HelmVersion.KubeClientVersion`.
pub(crate) const KUBE_CLIENT_VERSION: &str = "v1.37";

/// `.Capabilities`
#[derive(Clone, Debug)]
pub(crate) struct Capabilities {
    pub(crate) kube_version: KubeVersion,
    pub(crate) api_versions: Vec<String>,
    /// The helm release that `.HelmVersion` describes.
    pub(crate) helm: HelmCompat,
}

/// `.Capabilities.KubeVersion`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KubeVersion {
    /// `.Version`: in helm 3 only the numbers of `--kube-version`, in helm 4 the whole text.
    pub(crate) version: String,
    /// The numbers, such as `v1.33.0`. Version ranges are compared with them.
    pub(crate) numbers: String,
    pub(crate) major: String,
    pub(crate) minor: String,
}

impl Capabilities {
    /// helm's own capabilities, changed by `--kube-version` and `--api-versions`.
    pub(crate) fn new(
        kube_version: Option<&str>,
        more_api_versions: &[String],
        helm: HelmCompat,
    ) -> Result<Self> {
        let kube_version = match kube_version {
            None | Some("") => KubeVersion::default(),
            Some(text) => KubeVersion::parse(text, helm)?,
        };
        let known = API_VERSIONS.lines().map(str::to_owned);
        let api_versions = known.chain(more_api_versions.iter().cloned()).collect();
        Ok(Self { kube_version, api_versions, helm })
    }
}

impl Default for KubeVersion {
    fn default() -> Self {
        let (version, major, minor) = DEFAULT_KUBE_VERSION;
        Self { version: version.into(), numbers: version.into(), major: major.into(), minor: minor.into() }
    }
}

impl KubeVersion {
    /// Parses two or more numbers with dots, with or without a leading `v`. Text after the numbers is ignored.
    fn parse(text: &str, helm: HelmCompat) -> Result<Self> {
        let wrong = |why: String| {
            Error::usage(format!("invalid kube version {text:?}: {why}")).hint("write it as in `1.33.0`")
        };
        let trimmed = text.trim_start_matches([' ', '\t', '\n', '\u{c}', '\r']);
        let trimmed = trimmed.strip_prefix('v').unwrap_or(trimmed);
        let mut numbers: Vec<u64> = Vec::new();
        let mut rest = trimmed;
        loop {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            if digits == 0 {
                break;
            }
            let number = &rest[..digits];
            if numbers.is_empty() && number.len() > 1 && number.starts_with('0') {
                return Err(wrong(format!("illegal zero-prefixed version component {number:?}")));
            }
            numbers.push(number.parse().map_err(|_| wrong(format!("{number} is too large")))?);
            // A dot counts only if a number follows it.
            match rest[digits..].strip_prefix('.') {
                Some(next) => rest = next,
                None => break,
            }
        }
        match numbers[..] {
            [] => Err(wrong("could not parse it as version".into())),
            [_] => Err(wrong("illegal version string".into())),
            [major, minor, ..] => {
                let all: Vec<String> = numbers.iter().map(u64::to_string).collect();
                let numbers = format!("v{}", all.join("."));
                let version = match helm {
                    HelmCompat::V3 => numbers.clone(),
                    HelmCompat::V4 if text.starts_with('v') => text.to_owned(),
                    HelmCompat::V4 => format!("v{text}"),
                };
                Ok(Self { version, numbers, major: major.to_string(), minor: minor.to_string() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Capabilities, KubeVersion};
    use crate::request::HelmCompat;

    #[test]
    fn kube_versions() {
        for (text, numbers, whole) in [
            ("1.33.0", "v1.33.0", "v1.33.0"),
            ("v1.29", "v1.29", "v1.29"),
            ("1.27.3-gke.100", "v1.27.3", "v1.27.3-gke.100"),
            ("1.30+", "v1.30", "v1.30+"),
            ("1.2.3.4", "v1.2.3.4", "v1.2.3.4"),
            ("1.07.", "v1.7", "v1.07."),
        ] {
            let of = |helm| KubeVersion::parse(text, helm).unwrap();
            assert_eq!(of(HelmCompat::V3).version, numbers, "{text}");
            let parsed = of(HelmCompat::V4);
            assert_eq!((parsed.version.as_str(), parsed.numbers.as_str()), (whole, numbers), "{text}");
        }
        for bad in ["", "1", "x", "v", "01.2", "1.99999999999999999999"] {
            assert!(KubeVersion::parse(bad, HelmCompat::V4).is_err(), "{bad}");
        }
    }

    #[test]
    fn given_versions_come_behind_the_known_ones() {
        let capabilities = Capabilities::new(None, &["my/v1".to_owned()], HelmCompat::V4).unwrap();
        assert_eq!(capabilities.api_versions.first().map(String::as_str), Some("v1"));
        assert_eq!(capabilities.api_versions.last().map(String::as_str), Some("my/v1"));
        assert_eq!(capabilities.kube_version.minor, "37");
    }
}
