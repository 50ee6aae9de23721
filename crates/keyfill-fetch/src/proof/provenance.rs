//! `.prov` files, as `helm package --sign` writes them: what a chart says about itself and the sums of its files,
//! signed by a key of OpenPGP.

use crate::Digest;
use keyfill_pgp::Keyring;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What stands between the two parts of the text.
const BETWEEN: &str = "\n...\n";

/// A chart whose proof is looked at.
pub(crate) struct Chart<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Its version.
    pub(crate) version: &'a str,
    /// What its archive is called: as a file it would have one of these names.
    pub(crate) files: &'a [String],
    /// What its archive is.
    pub(crate) digest: Digest,
}

/// What a chart says about itself.
#[derive(Deserialize)]
pub(crate) struct About {
    /// Its name.
    #[serde(default)]
    pub(crate) name: String,
    /// Its version.
    #[serde(default)]
    pub(crate) version: String,
}

#[derive(Deserialize)]
struct Sums {
    #[serde(default)]
    files: BTreeMap<String, String>,
}

/// Whether a `.prov` file proves that a chart is what a key of the ring signed. Nothing of it is read before its
/// signature holds.
pub(super) fn check(keyring: &Keyring, provenance: &[u8], chart: &Chart<'_>) -> Result<(), String> {
    let text = keyring.signed_text(provenance).map_err(|why| format!("its .prov file is no proof: {why}"))?;
    let broken = || "its .prov file is signed, and is not one of helm".to_owned();
    let (about, sums) = text.split_once(BETWEEN).ok_or_else(broken)?;
    let about: About = serde_yaml::from_str(about).map_err(|_| broken())?;
    let sums: Sums = serde_yaml::from_str(sums).map_err(|_| broken())?;
    // helm looks at the file alone: then a server could hand out one signed chart as another.
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
