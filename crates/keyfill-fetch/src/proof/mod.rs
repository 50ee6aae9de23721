//! Proof of origin: which charts must be signed, and by whom.

mod cosign;

#[doc(hidden)]
pub use cosign::claims_of;
pub(crate) use cosign::{MOST_PAYLOAD, PAYLOAD, SIGNATURE};

use crate::Digest;
use cosign::Key;
use keyfill_http::HostPolicy;
use std::fmt;
use url::Url;

/// Which charts must be signed. The default asks for nothing.
#[derive(Clone, Debug, Default)]
pub struct Proofs(Vec<Rule>);

/// Charts, and a key that signs them.
#[derive(Clone)]
struct Rule {
    charts: HostPolicy,
    /// What a signature may name besides the repository that the chart comes from.
    identity: Option<HostPolicy>,
    key: Key,
    /// What tells one rule from another.
    id: String,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule").field("charts", &self.charts).field("identity", &self.identity).finish()
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
        let globs = |glob: &str| HostPolicy::of([glob]).map_err(|wrong| wrong.to_string());
        let rule = Rule {
            charts: globs(charts)?,
            identity: identity.map(|identity| globs(&format!("oci://{identity}"))).transpose()?,
            key: Key::of_pem(pem)?,
            id: Digest::of(&[pem, b"\0", identity.unwrap_or_default().as_bytes()].concat()).hex(),
        };
        self.0.push(rule);
        Ok(())
    }

    /// What is asked for of a chart at `oci://HOST/REPOSITORY`.
    pub(crate) fn of(&self, reference: &Url) -> Asked<'_> {
        Asked(self.0.iter().filter(|rule| rule.charts.check(reference).is_ok()).collect())
    }
}

/// What is asked for of one chart.
#[derive(Default)]
pub(crate) struct Asked<'a>(Vec<&'a Rule>);

impl Asked<'_> {
    /// Whether the chart may come unsigned.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What tells these rules from others: what was fetched under others proves nothing.
    pub(crate) fn id(&self) -> String {
        let ids: Vec<&str> = self.0.iter().map(|rule| rule.id.as_str()).collect();
        ids.join(" ")
    }

    /// Whether a signature proves that a manifest is meant to lie at a reference; why not, where it does not.
    pub(crate) fn met(
        &self,
        payload: &[u8],
        signature: &str,
        manifest: &Digest,
        reference: &Url,
    ) -> Result<(), String> {
        let mut why = "it is signed by another key".to_owned();
        for rule in self.0.iter().filter(|rule| rule.key.signed(payload, signature)) {
            // What is not signed is not looked at.
            let claims = cosign::claims(payload)?;
            if claims.manifest != *manifest {
                why = format!("the signature is for {}", claims.manifest);
            } else if claims.names(reference, rule.identity.as_ref()) {
                return Ok(());
            } else {
                why = format!("the signature is for the repository {:?}", claims.repository);
            }
        }
        Err(why)
    }
}
