//! The setting that says which charts must be signed: `oci://ghcr.io/org/* cosign:/path/key.pub`, one a line or comma.

use super::{PROOF, Problem};
use anyhow::Result;
use keyfill_diag::Class;
use keyfill_fetch::Proofs;
use keyfill_files::FetchError;
use std::path::{Path, PathBuf};

/// One entry: charts, the key that signs them, and what signatures may name besides the charts' own repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    charts: String,
    key: PathBuf,
    identity: Option<String>,
}

/// Reads the setting. No file is opened yet.
pub fn entries(text: &str) -> Result<Vec<Entry>> {
    let lines = text.split([',', '\n']).map(str::trim).filter(|line| !line.is_empty());
    lines.map(entry).collect()
}

fn entry(line: &str) -> Result<Entry> {
    let wrong = || {
        Problem::usage(format!("{PROOF}: {line:?} is not a rule"))
            .hint("write oci://HOST/PATH/* cosign:/path/key.pub, and identity:HOST/PATH/* where signatures name another repository")
    };
    let mut words = line.split_whitespace();
    let charts = words.next().unwrap_or_default().to_owned();
    let (mut key, mut identity) = (None, None);
    for word in words {
        let place = match word.split_once(':') {
            Some(("cosign", _)) => &mut key,
            Some(("identity", _)) => &mut identity,
            _ => return Err(wrong().into()),
        };
        let value = word.split_once(':').map(|(_, value)| value.to_owned()).filter(|value| !value.is_empty());
        if place.is_some() || value.is_none() {
            return Err(wrong().into());
        }
        *place = value;
    }
    let key = key.map(PathBuf::from).ok_or_else(wrong)?;
    // A rule that cannot match anything would let everything pass.
    if !charts.starts_with("oci://") {
        let message = format!(
            "{PROOF}: {charts} is not oci://HOST/PATH: only charts of registries are signed with cosign"
        );
        return Err(Problem::usage(message).into());
    }
    Ok(Entry { charts, key, identity })
}

/// Reads the keys.
pub fn read(entries: &[Entry]) -> Result<Proofs, FetchError> {
    let mut proofs = Proofs::default();
    for Entry { charts, key, identity } in entries {
        let unusable = |why: String| {
            FetchError::new(
                Class::Usage,
                format!("{PROOF} cannot be followed: the key {}: {why}", key.display()),
            )
            .hint("it must be the public key that cosign or openssl wrote, in PEM")
        };
        let pem = read_key(key).map_err(|e| unusable(e.to_string()))?;
        proofs.add_cosign(charts, identity.as_deref(), &pem).map_err(unusable)?;
    }
    Ok(proofs)
}

fn read_key(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut pem = Vec::new();
    // More than any key is.
    std::fs::File::open(path)?.take(64 << 10).read_to_end(&mut pem)?;
    Ok(pem)
}

#[cfg(test)]
mod tests {
    use super::{Entry, entries, read};

    #[test]
    fn rules_stand_in_lines_or_between_commas() {
        let entry = |charts: &str, key: &str, identity: Option<&str>| Entry {
            charts: charts.into(),
            key: key.into(),
            identity: identity.map(str::to_owned),
        };
        let text = "oci://ghcr.io/org/* cosign:/keys/org.pub\n oci://mirror.example/* identity:ghcr.io/* cosign:/k.pub,";
        let want = [
            entry("oci://ghcr.io/org/*", "/keys/org.pub", None),
            entry("oci://mirror.example/*", "/k.pub", Some("ghcr.io/*")),
        ];
        assert_eq!(entries(text).expect("rules"), want);
        assert!(entries("").expect("none").is_empty());
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in [
            "oci://ghcr.io/org/*",
            "oci://ghcr.io/org/* cosign:",
            "oci://ghcr.io/org/* prov:/keys/ring",
            "oci://ghcr.io/org/* cosign:/a cosign:/b",
            "https://charts.example/* cosign:/a",
            "cosign:/a",
            "oci://ghcr.io/org/* /a",
        ] {
            assert!(entries(text).is_err(), "{text}");
        }
        let missing = entries("oci://ghcr.io/org/* cosign:/nowhere/key.pub").expect("a rule");
        let message = read(&missing).expect_err("no file").to_string();
        assert!(message.contains("/nowhere/key.pub"), "{message}");
    }
}
