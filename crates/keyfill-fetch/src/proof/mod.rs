//! Provenance: which charts must be signed, and by whom.

mod bundle;
mod cosign;
mod provenance;

pub(crate) use bundle::{BUNDLE, MOST_BUNDLE};
#[doc(hidden)]
pub use cosign::claims_of;
pub(crate) use cosign::{MOST_PAYLOAD, PAYLOAD, SIGNATURE};
pub(crate) use provenance::{About, Chart};

use crate::Digest;
use cosign::Key;
use keyfill_http::HostPolicy;
use keyfill_pgp::Keyring;
use std::fmt;
use url::Url;

/// The largest `.prov` file that is fetched, in bytes.
pub(crate) const MOST_PROVENANCE: u64 = 1 << 20;

/// The rules about which charts must be signed, and by whom. The default has no rules.
#[derive(Clone, Debug, Default)]
pub struct Proofs(Vec<Rule>);

/// A rule: charts, and who must have signed them.
#[derive(Clone)]
struct Rule {
    charts: HostPolicy,
    by: Signer,
    /// Identifies the rule: a digest of its key or keyring.
    id: String,
}

/// Who must have signed a chart.
#[derive(Clone)]
enum Signer {
    /// A key of cosign, and the repositories that a signature must name instead of the one that the chart comes from.
    Cosign(Key, Option<HostPolicy>),
    /// OpenPGP keys, for signatures in `.prov` files.
    Provenance(Keyring),
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule").field("charts", &self.charts).finish_non_exhaustive()
    }
}

impl Proofs {
    /// Adds a rule: charts of registries that match `charts` (`oci://ghcr.io/org/*`) must be signed with cosign, by
    /// the key whose public key `pem` holds. A signature names the repository that it was made for. That must be the
    /// one that the chart comes from, or, if `identity` (`ghcr.io/org/*`) is given, one that matches it. If several
    /// rules match a chart, it must meet one of them.
    pub fn add_cosign(&mut self, charts: &str, identity: Option<&str>, pem: &[u8]) -> Result<(), String> {
        if !charts.starts_with("oci://") {
            return Err(format!(
                "{charts} is not oci://HOST/PATH: only charts of registries are signed with cosign"
            ));
        }
        let identities = identity.map(|identity| globs(&format!("oci://{identity}"))).transpose()?;
        self.0.push(Rule {
            charts: globs(charts)?,
            by: Signer::Cosign(Key::of_pem(pem)?, identities),
            id: Digest::of(&[pem, b"\0", identity.unwrap_or_default().as_bytes()].concat()).hex(),
        });
        Ok(())
    }

    /// Adds a rule: charts that match `charts` (`https://charts.example/*`) must come with a `.prov` file, as `helm
    /// package --sign` writes it, that is signed by a key of `keyring`. The keyring is a file that `gpg --export`
    /// wrote.
    pub fn add_provenance(&mut self, charts: &str, keyring: &[u8]) -> Result<(), String> {
        self.0.push(Rule {
            charts: globs(charts)?,
            by: Signer::Provenance(Keyring::read(keyring)?),
            id: Digest::of(keyring).hex(),
        });
        Ok(())
    }

    /// The rules for a chart that is named by, or comes from, any of some URLs.
    pub(crate) fn of(&self, urls: &[Url]) -> Asked<'_> {
        // A server may accept several spellings of a path. None of them must evade a rule.
        let urls: Vec<Url> = urls.iter().flat_map(|url| [url.clone(), plainly_spelled(url)]).collect();
        Asked(self.0.iter().filter(|rule| urls.iter().any(|url| rule.charts.names(url))).collect())
    }
}

fn globs(glob: &str) -> Result<HostPolicy, String> {
    HostPolicy::of([glob]).map_err(|wrong| wrong.to_string())
}

/// A URL without percent-encoding that is not needed, and without empty parts in its path.
fn plainly_spelled(url: &Url) -> Url {
    let decoded = crate::credentials::percent_decoded(url.path());
    let parts: Vec<&str> = decoded.split('/').filter(|part| !part.is_empty()).collect();
    let mut plain = url.clone();
    plain.set_path(&format!("/{}", parts.join("/")));
    plain
}

/// The rules that apply to one chart. It must meet one of them, if there are any.
#[derive(Default)]
pub(crate) struct Asked<'a>(Vec<&'a Rule>);

impl Asked<'_> {
    /// Whether the chart need not be signed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a signature of cosign can meet a rule.
    pub(crate) fn of_cosign(&self) -> bool {
        self.0.iter().any(|rule| matches!(rule.by, Signer::Cosign(..)))
    }

    /// Whether a `.prov` file can meet a rule.
    pub(crate) fn of_provenance(&self) -> bool {
        self.0.iter().any(|rule| matches!(rule.by, Signer::Provenance(_)))
    }

    /// Identifies these rules. It is a part of the chart's name in the store: a chart that was fetched under other
    /// rules was not checked against these.
    pub(crate) fn id(&self) -> String {
        let ids: Vec<&str> = self.0.iter().map(|rule| rule.id.as_str()).collect();
        ids.join(" ")
    }

    /// Checks that a signature of cosign is one of this manifest for this reference. The error says why it is not.
    pub(crate) fn met(
        &self,
        payload: &[u8],
        signature: &str,
        manifest: &Digest,
        reference: &Url,
    ) -> Result<(), String> {
        let mut why = "it is signed by another key".to_owned();
        for rule in &self.0 {
            let Signer::Cosign(key, identity) = &rule.by else { continue };
            if !key.signed(payload, signature) {
                continue;
            }
            // The payload is parsed only after its signature was checked.
            let claims = cosign::claims(payload)?;
            if claims.manifest != *manifest {
                why = format!("the signature is for {}", claims.manifest);
            } else if claims.names(reference, identity.as_ref()) {
                return Ok(());
            } else {
                why = format!("the signature is for the repository {:?}", claims.repository);
            }
        }
        Err(why)
    }

    /// Checks that a bundle holds a signature of this manifest by one of the keys. The error says why it does not.
    pub(crate) fn met_by_bundle(&self, bundle: &[u8], manifest: &Digest) -> Result<(), String> {
        let mut why = "no rule asks for it".to_owned();
        for rule in &self.0 {
            let Signer::Cosign(key, _) = &rule.by else { continue };
            match bundle::check(key, bundle, manifest) {
                Ok(()) => return Ok(()),
                Err(reason) => why = reason,
            }
        }
        Err(why)
    }

    /// Checks that a `.prov` file is for this chart and signed by a key of a keyring. The error says why it is not.
    pub(crate) fn proven(&self, provenance: &[u8], chart: &Chart<'_>) -> Result<(), String> {
        let mut why = "no rule asks for it".to_owned();
        for rule in &self.0 {
            let Signer::Provenance(keyring) = &rule.by else { continue };
            match provenance::check(keyring, provenance, chart) {
                Ok(()) => return Ok(()),
                Err(reason) => why = reason,
            }
        }
        Err(why)
    }
}
