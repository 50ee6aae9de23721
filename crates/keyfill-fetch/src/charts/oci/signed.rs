//! Signatures of charts in registries: those of cosign, which refer to the manifest, and `.prov` files, which are a
//! layer of it.

use super::{Described, Descriptor, Registry};
use crate::Digest;
use crate::proof::{About, BUNDLE, Chart, MOST_BUNDLE, MOST_PAYLOAD, MOST_PROVENANCE, PAYLOAD, SIGNATURE};
use crate::web::unproven;
use keyfill_diag::{Class, Report as _};
use keyfill_files::FetchError;
use keyfill_http::shown;

/// The most signatures of one chart that are checked, for each form of signature.
const MOST_SIGNATURES: usize = 32;
/// The largest config blob of a manifest that is fetched, in bytes. It holds the content of `Chart.yaml`.
const MOST_CONFIG: u64 = 1 << 20;
/// The media type of the layer with a `.prov` file.
const PROVENANCE_LAYER: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";

impl Registry<'_> {
    /// Checks the signature of a chart, if a rule requires one, before its archive is fetched. Returns whether the
    /// `.prov` file must still be checked, which needs the archive.
    pub(super) async fn prove(&self, version: &str, chart: &Described) -> Result<bool, FetchError> {
        if !self.asked.of_cosign() {
            return Ok(self.asked.of_provenance());
        }
        match self.prove_manifest(version, chart).await {
            Ok(()) => Ok(false),
            Err(error) if self.asked.of_provenance() && error.class() == Class::Forbidden => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Checks the signatures of cosign: under the tag `sha256-DIGEST.sig`, and in bundles that refer to the manifest.
    async fn prove_manifest(&self, version: &str, chart: &Described) -> Result<(), FetchError> {
        let what = format!("{}:{version} with the manifest {}", shown(&self.reference), chart.digest);
        let by_tag = self.by_tag(&chart.digest).await?;
        if let Some(Ok(())) = by_tag {
            return Ok(());
        }
        let by_bundle = self.by_bundle(version, chart).await?;
        match (by_tag, by_bundle) {
            (_, Some(Ok(()))) => Ok(()),
            (Some(Err(why)), None) | (_, Some(Err(why))) => {
                Err(unproven(&format!("{what} is not proven: {why}")))
            }
            (_, None) => Err(FetchError::new(Class::Forbidden, format!("{what} is not signed"))
                .hint("KEYFILL_FETCH_PROOF asks for a signature: sign it with `cosign sign --key`")),
        }
    }

    /// Checks the signatures under the tag. `None` if there is no such tag; the inner error says why no signature is
    /// valid.
    async fn by_tag(&self, manifest: &Digest) -> Result<Option<Result<(), String>>, FetchError> {
        let tag = format!("manifests/sha256-{}.sig", manifest.hex());
        let Some((_, signatures)) = missing(self.described(&tag).await)? else { return Ok(None) };
        let mut why = "there is no signature".to_owned();
        let layers = signatures.layers.iter().filter(|layer| layer.media_type == PAYLOAD);
        for layer in layers.take(MOST_SIGNATURES) {
            let signature = layer.annotations.as_ref().and_then(|annotations| annotations.get(SIGNATURE));
            let (Some(signature), Some(digest)) = (signature, Digest::parse(&layer.digest)) else { continue };
            let payload = self.blob(&digest, MOST_PAYLOAD).await?;
            match self.asked.met(&payload, signature, manifest, &self.reference) {
                Ok(()) => return Ok(Some(Ok(()))),
                Err(reason) => why = reason,
            }
        }
        Ok(Some(Err(why)))
    }

    /// Checks the bundles that refer to a manifest. `None` if there are none; the inner error says why no bundle is
    /// valid.
    async fn by_bundle(
        &self,
        version: &str,
        chart: &Described,
    ) -> Result<Option<Result<(), String>>, FetchError> {
        let mut outcome = None;
        for bundle in self.bundles(&chart.digest).await? {
            let (_, manifest) = self.described(&format!("manifests/{bundle}")).await?;
            let layer = manifest.layers.iter().find(|layer| layer.media_type.starts_with(BUNDLE));
            let Some(digest) = layer.and_then(|layer| Digest::parse(&layer.digest)) else { continue };
            let text = self.blob(&digest, MOST_BUNDLE).await?;
            match self.asked.met_by_bundle(&text, &chart.digest) {
                Ok(()) => return self.is_what_was_asked(version, chart.config.as_ref()).await.map(Some),
                Err(why) => outcome = Some(Err(why)),
            }
        }
        Ok(outcome)
    }

    /// The digests of the bundles that refer to a manifest, from the registry's list of referrers, or from the tag
    /// `sha256-DIGEST` if the registry has no such list.
    async fn bundles(&self, manifest: &Digest) -> Result<Vec<Digest>, FetchError> {
        let listed = match missing(self.described(&format!("referrers/{manifest}")).await)? {
            Some(listed) => Some(listed),
            None => missing(self.described(&format!("manifests/sha256-{}", manifest.hex())).await)?,
        };
        let Some((_, index)) = listed else { return Ok(Vec::new()) };
        let bundles = index.manifests.iter().filter(|entry| entry.artifact_type.starts_with(BUNDLE));
        Ok(bundles.filter_map(|entry| Digest::parse(&entry.digest)).take(MOST_SIGNATURES).collect())
    }

    /// Checks that a signed manifest is that of the wanted chart. A bundle signs the digest of the manifest only; the
    /// config blob that the manifest names holds the chart's name and version.
    async fn is_what_was_asked(
        &self,
        version: &str,
        config: Option<&Descriptor>,
    ) -> Result<Result<(), String>, FetchError> {
        let digest = config.and_then(|config| Digest::parse(&config.digest));
        let Some(digest) = digest else { return Ok(Err("its manifest does not describe it".to_owned())) };
        let config = self.blob(&digest, MOST_CONFIG).await?;
        let Ok(about) = serde_json::from_slice::<About>(&config) else {
            return Ok(Err("its manifest does not describe a chart".to_owned()));
        };
        let plain = |version: &str| version.trim_start_matches('v').to_owned();
        if about.name == self.name() && plain(&about.version) == plain(version) {
            return Ok(Ok(()));
        }
        Ok(Err(format!("the signature is for the chart {} {}", about.name, about.version)))
    }

    /// Checks the `.prov` file in the layers of a chart.
    pub(super) async fn prove_archive(
        &self,
        version: &str,
        archive: &Digest,
        layers: &[Descriptor],
    ) -> Result<(), FetchError> {
        let what = format!("{}:{version}", shown(&self.reference));
        let layer = layers.iter().find(|layer| layer.media_type == PROVENANCE_LAYER);
        let wanted = layer.and_then(|layer| Digest::parse(&layer.digest));
        let wanted = wanted
            .ok_or_else(|| unproven(&format!("{what} is not signed: it comes without a .prov file")))?;
        let provenance = self.blob(&wanted, MOST_PROVENANCE).await?;
        let name = self.name();
        let files = [format!("{name}-{version}.tgz"), format!("{name}-{}.tgz", version.replace('+', "_"))];
        let chart = Chart { name, version, files: &files, digest: *archive };
        self.asked
            .proven(&provenance, &chart)
            .map_err(|why| unproven(&format!("{what} is not proven: {why}")))
    }

    /// The chart's name: the last part of its repository.
    fn name(&self) -> &str {
        self.reference.path().rsplit('/').next().unwrap_or_default()
    }
}

/// Turns the error for something that does not exist into `None`.
fn missing<T>(answer: Result<T, FetchError>) -> Result<Option<T>, FetchError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.class() == Class::Render => Ok(None),
        Err(error) => Err(error),
    }
}
