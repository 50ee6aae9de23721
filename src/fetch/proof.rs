//! The setting with rules for charts that must be signed, separated by lines or commas: `oci://ghcr.io/org/*
//! cosign:/path/key.pub`, `https://charts.example/* prov:/path/keyring.gpg`.

use super::{PROOF, Problem};
use anyhow::Result;
use keyfill_diag::Class;
use keyfill_fetch::Proofs;
use keyfill_files::FetchError;
use std::path::{Path, PathBuf};

/// One rule: a pattern of charts, and who must sign them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    charts: String,
    by: Signer,
}

/// Who must sign charts.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Signer {
    /// A cosign public key, and the pattern of repositories that signatures may name instead of the chart's own.
    Cosign { key: PathBuf, identity: Option<String> },
    /// An OpenPGP keyring, for `.prov` files.
    Provenance { keyring: PathBuf },
}

/// Parses the setting. No file is opened yet.
pub fn entries(text: &str) -> Result<Vec<Entry>> {
    let lines = text.split([',', '\n']).map(str::trim).filter(|line| !line.is_empty());
    lines.map(entry).collect()
}

fn entry(line: &str) -> Result<Entry> {
    let wrong = || {
        Problem::usage(format!("{PROOF}: {line:?} is not a rule"))
            .hint("write oci://HOST/PATH/* cosign:/path/key.pub (and identity:HOST/PATH/* where signatures name another repository), or https://HOST/PATH/* prov:/path/keyring.gpg")
    };
    let mut words = line.split_whitespace();
    let charts = words.next().unwrap_or_default().to_owned();
    let (mut key, mut identity, mut keyring) = (None, None, None);
    for word in words {
        let place = match word.split_once(':') {
            Some(("cosign", _)) => &mut key,
            Some(("identity", _)) => &mut identity,
            Some(("prov", _)) => &mut keyring,
            _ => return Err(wrong().into()),
        };
        let value = word.split_once(':').map(|(_, value)| value.to_owned()).filter(|value| !value.is_empty());
        if place.is_some() || value.is_none() {
            return Err(wrong().into());
        }
        *place = value;
    }
    let by = match (key, identity, keyring) {
        (Some(key), identity, None) => Signer::Cosign { key: key.into(), identity },
        (None, None, Some(keyring)) => Signer::Provenance { keyring: keyring.into() },
        _ => return Err(wrong().into()),
    };
    // A rule that can match no chart would require no signature at all.
    let places: &[&str] = match by {
        Signer::Cosign { .. } => &["oci://"],
        Signer::Provenance { .. } => &["oci://", "https://", "http://"],
    };
    if !places.iter().any(|place| charts.starts_with(place)) {
        let message = match by {
            Signer::Cosign { .. } => format!(
                "{PROOF}: {charts} is not oci://HOST/PATH: only charts of registries are signed with cosign"
            ),
            Signer::Provenance { .. } => {
                format!("{PROOF}: {charts} is neither https://HOST/PATH nor oci://HOST/PATH")
            }
        };
        return Err(Problem::usage(message).into());
    }
    Ok(Entry { charts, by })
}

/// Reads the key files of the rules.
pub fn read(entries: &[Entry]) -> Result<Proofs, FetchError> {
    let mut proofs = Proofs::default();
    for Entry { charts, by } in entries {
        let (file, hint) = match by {
            Signer::Cosign { key, .. } => {
                (key, "it must be the public key that cosign or openssl wrote, in PEM")
            }
            Signer::Provenance { keyring } => (keyring, "it must be public keys that `gpg --export` wrote"),
        };
        let unusable = |why: String| {
            let message = format!("{PROOF} cannot be followed: the key {}: {why}", file.display());
            FetchError::new(Class::Usage, message).hint(hint)
        };
        let bytes = read_key(file).map_err(|e| unusable(e.to_string()))?;
        match by {
            Signer::Cosign { identity, .. } => proofs.add_cosign(charts, identity.as_deref(), &bytes),
            Signer::Provenance { .. } => proofs.add_provenance(charts, &bytes),
        }
        .map_err(unusable)?;
    }
    Ok(proofs)
}

fn read_key(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut pem = Vec::new();
    // The largest keyring: 1 MiB.
    std::fs::File::open(path)?.take(1 << 20).read_to_end(&mut pem)?;
    Ok(pem)
}

#[cfg(test)]
mod tests {
    use super::{Entry, Signer, entries, read};

    #[test]
    fn rules_stand_in_lines_or_between_commas() {
        let cosign = |charts: &str, key: &str, identity: Option<&str>| Entry {
            charts: charts.into(),
            by: Signer::Cosign { key: key.into(), identity: identity.map(str::to_owned) },
        };
        let text = "oci://ghcr.io/org/* cosign:/keys/org.pub\n oci://mirror.example/* identity:ghcr.io/* cosign:/k.pub,\
                    https://charts.example/* prov:/ring.gpg";
        let want = [
            cosign("oci://ghcr.io/org/*", "/keys/org.pub", None),
            cosign("oci://mirror.example/*", "/k.pub", Some("ghcr.io/*")),
            Entry {
                charts: "https://charts.example/*".into(),
                by: Signer::Provenance { keyring: "/ring.gpg".into() },
            },
        ];
        assert_eq!(entries(text).expect("rules"), want);
        assert!(entries("").expect("none").is_empty());
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in [
            "oci://ghcr.io/org/*",
            "oci://ghcr.io/org/* cosign:",
            "oci://ghcr.io/org/* prov:",
            "oci://ghcr.io/org/* prov:/ring cosign:/a",
            "oci://ghcr.io/org/* prov:/ring identity:ghcr.io/*",
            "oci://ghcr.io/org/* identity:ghcr.io/*",
            "oci://ghcr.io/org/* cosign:/a cosign:/b",
            "https://charts.example/* cosign:/a",
            "charts.example/* prov:/a",
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
