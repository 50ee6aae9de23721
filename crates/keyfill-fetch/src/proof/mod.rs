//! Proof of origin: which charts must be signed, and by whom.

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

/// The largest `.prov` file that is taken in, in bytes.
pub(crate) const MOST_PROVENANCE: u64 = 1 << 20;

/// Which charts must be signed. The default asks for nothing.
#[derive(Clone, Debug, Default)]
pub struct Proofs(Vec<Rule>);

/// Charts, and who signs them.
#[derive(Clone)]
struct Rule {
    charts: HostPolicy,
    by: Signer,
    /// What tells one rule from another.
    id: String,
}

/// Who signs.
#[derive(Clone)]
enum Signer {
    /// A key of cosign, and what a signature may name besides the repository that the chart comes from.
    Cosign(Key, Option<HostPolicy>),
    /// Keys of OpenPGP, in `.prov` files.
    Provenance(Keyring),
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule").field("charts", &self.charts).finish_non_exhaustive()
    }
}

impl Proofs {
    /// Asks that the charts of registries that match `charts` (`oci://ghcr.io/org/*`) are signed with cosign by a
    /// public key in PEM. A signature names the repository that it was made for: the one that the chart comes from, or
    /// one that matches `identity` (`ghcr.io/org/*`). Where several rules match a chart, one that is met is enough.
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

    /// Asks that the charts of repositories and registries that match `charts` (`https://charts.example/*`) come with a
    /// `.prov` file that a key of this ring signed, as `helm package --sign` writes it. The ring is a file that
    /// `gpg --export` wrote.
    pub fn add_provenance(&mut self, charts: &str, keyring: &[u8]) -> Result<(), String> {
        self.0.push(Rule {
            charts: globs(charts)?,
            by: Signer::Provenance(Keyring::read(keyring)?),
            id: Digest::of(keyring).hex(),
        });
        Ok(())
    }

    /// What is asked for of a chart that is named by, or comes from, any of some URLs.
    pub(crate) fn of(&self, urls: &[Url]) -> Asked<'_> {
        // A server may take other spellings of a path for the same: none of them goes around a rule.
        let urls: Vec<Url> = urls.iter().flat_map(|url| [url.clone(), plainly_spelled(url)]).collect();
        Asked(self.0.iter().filter(|rule| urls.iter().any(|url| rule.charts.names(url))).collect())
    }
}

fn globs(glob: &str) -> Result<HostPolicy, String> {
    HostPolicy::of([glob]).map_err(|wrong| wrong.to_string())
}

/// A URL without escapes that need not be, and without empty parts in its path.
fn plainly_spelled(url: &Url) -> Url {
    let decoded = crate::credentials::percent_decoded(url.path());
    let parts: Vec<&str> = decoded.split('/').filter(|part| !part.is_empty()).collect();
    let mut plain = url.clone();
    plain.set_path(&format!("/{}", parts.join("/")));
    plain
}

/// What is asked for of one chart. Where several rules match it, one that is met is enough.
#[derive(Default)]
pub(crate) struct Asked<'a>(Vec<&'a Rule>);

impl Asked<'_> {
    /// Whether the chart may come unsigned.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a signature of cosign would do.
    pub(crate) fn of_cosign(&self) -> bool {
        self.0.iter().any(|rule| matches!(rule.by, Signer::Cosign(..)))
    }

    /// Whether a `.prov` file would do.
    pub(crate) fn of_provenance(&self) -> bool {
        self.0.iter().any(|rule| matches!(rule.by, Signer::Provenance(_)))
    }

    /// What tells these rules from others: what was fetched under others proves nothing.
    pub(crate) fn id(&self) -> String {
        let ids: Vec<&str> = self.0.iter().map(|rule| rule.id.as_str()).collect();
        ids.join(" ")
    }

    /// Whether a signature of cosign proves that a manifest is meant to lie at a reference; why not, where it does not.
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
            // What is not signed is not looked at.
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

    /// Whether a bundle proves that somebody who may signed a manifest; why not, where it does not.
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

    /// Whether a `.prov` file proves where a chart comes from; why not, where it does not.
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
