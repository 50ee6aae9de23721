//! `.prov` files, as `helm package --sign` writes them: the content of `Chart.yaml` and the SHA-256 of the archive,
//! signed by an OpenPGP key.

use crate::Digest;
use keyfill_pgp::Keyring;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The line between the two parts of the text.
const BETWEEN: &str = "\n...\n";

/// A chart whose `.prov` file is checked.
pub(crate) struct Chart<'a> {
    /// The chart's name.
    pub(crate) name: &'a str,
    /// The chart's version.
    pub(crate) version: &'a str,
    /// The possible file names of the archive, one of which the `.prov` file must list.
    pub(crate) files: &'a [String],
    /// The digest of the archive.
    pub(crate) digest: Digest,
}

/// The fields of `Chart.yaml` that are compared.
#[derive(Deserialize)]
pub(crate) struct About {
    /// The chart's name.
    #[serde(default)]
    pub(crate) name: String,
    /// The chart's version.
    #[serde(default)]
    pub(crate) version: String,
}

#[derive(Deserialize)]
struct Sums {
    #[serde(default)]
    files: BTreeMap<String, String>,
}

/// Checks that a `.prov` file is for this chart and signed by a key of the keyring. It is parsed only after its
/// signature was checked.
pub(super) fn check(keyring: &Keyring, provenance: &[u8], chart: &Chart<'_>) -> Result<(), String> {
    let text = keyring.signed_text(provenance).map_err(|why| format!("its .prov file is no proof: {why}"))?;
    let broken = || "its .prov file is signed, and is not one of helm".to_owned();
    let (about, sums) = text.split_once(BETWEEN).ok_or_else(broken)?;
    let about: About = serde_yaml::from_str(about).map_err(|_| broken())?;
    let sums: Sums = serde_yaml::from_str(sums).map_err(|_| broken())?;
    // helm compares only the archive's digest: a server could pass off one signed chart as another.
    let plain = |version: &str| version.trim_start_matches('v').to_owned();
    if about.name != chart.name || plain(&about.version) != plain(chart.version) {
        return Err(format!("its .prov file is for {} {}", about.name, about.version));
    }
    let sum = chart.files.iter().find_map(|name| sums.files.get(name));
    let sum = sum.ok_or_else(|| format!("its .prov file has no sum of {}", chart.files.join(" or ")))?;
    if Digest::parse(sum) != Some(chart.digest) {
        return Err(format!("its archive has {}, and its .prov file says {sum}", chart.digest));
    }
    Ok(())
}
