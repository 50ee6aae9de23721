//! Doppler, from `DOPPLER_*`.

use super::{Given, network::network};
use crate::settings::SourceKind;
use anyhow::Result;
use keyfill_secrets::doppler::{Doppler, DopplerSettings};
use keyfill_secrets::{Secret, Source};
use std::sync::Arc;

/// `doppler`
pub fn open(given: Given<'_>) -> Result<Arc<dyn Source>> {
    Ok(Arc::new(Doppler::new(DopplerSettings {
        host: given.owned("DOPPLER_API_HOST"),
        token: Secret::new(given.needed("DOPPLER_TOKEN", SourceKind::Doppler)?),
        network: network(given),
    })))
}
