//! Who signed a chart of a registry: cosign beside its manifest, a `.prov` file as one of its layers.

use super::{Described, Descriptor, Registry};
use crate::Digest;
use crate::proof::{About, BUNDLE, Chart, MOST_BUNDLE, MOST_PAYLOAD, MOST_PROVENANCE, PAYLOAD, SIGNATURE};
use crate::web::unproven;
use keyfill_diag::{Class, Report as _};
use keyfill_files::FetchError;
use keyfill_http::shown;

/// How many signatures of one chart are looked at, in each of their forms.
const MOST_SIGNATURES: usize = 32;
/// The largest description of a chart that is taken in, in bytes.
const MOST_CONFIG: u64 = 1 << 20;
/// What a `.prov` file is called as a layer.
const PROVENANCE_LAYER: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";

impl Registry<'_> {
    /// Looks for what proves where a chart comes from, before its archive is fetched. Whether the archive must be
    /// proven yet: a `.prov` file does that.
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

    /// Looks for signatures of cosign: under the tag `sha256-DIGEST.sig`, and in bundles that refer to the manifest.
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

    /// What the signatures under the tag prove; nothing where there is no such tag.
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

    /// What the bundles that refer to a manifest prove; nothing where there are none.
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

    /// The manifests of bundles that refer to a manifest: the registry lists them, or a tag does where it cannot.
    async fn bundles(&self, manifest: &Digest) -> Result<Vec<Digest>, FetchError> {
        let listed = match missing(self.described(&format!("referrers/{manifest}")).await)? {
            Some(listed) => Some(listed),
            None => missing(self.described(&format!("manifests/sha256-{}", manifest.hex())).await)?,
        };
        let Some((_, index)) = listed else { return Ok(Vec::new()) };
        let bundles = index.manifests.iter().filter(|entry| entry.artifact_type.starts_with(BUNDLE));
        Ok(bundles.filter_map(|entry| Digest::parse(&entry.digest)).take(MOST_SIGNATURES).collect())
    }

    /// Whether a manifest is that of the chart that was asked for. A bundle signs the manifest, and the manifest names
    /// what describes the chart.
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

    /// Looks for proof in the `.prov` layer of a chart.
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

/// What is not there is no error: there may be another place.
fn missing<T>(answer: Result<T, FetchError>) -> Result<Option<T>, FetchError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.class() == Class::Render => Ok(None),
        Err(error) => Err(error),
    }
}
