//! Yandex Lockbox, from `AVP_YCL_*`.

use super::{Given, network::network};
use crate::settings::SourceKind;
use anyhow::Result;
use keyfill_secrets::yandex::{YandexLockbox, YandexSettings};
use keyfill_secrets::{Secret, Source};
use std::sync::Arc;

/// `yandexcloudlockbox`
pub fn open(given: Given<'_>) -> Result<Arc<dyn Source>> {
    let needed = |name| given.needed(name, SourceKind::YandexLockbox);
    Ok(Arc::new(YandexLockbox::new(YandexSettings {
        service_account: needed("AVP_YCL_SERVICE_ACCOUNT_ID")?.to_owned(),
        key_id: needed("AVP_YCL_KEY_ID")?.to_owned(),
        private_key: Secret::new(needed("AVP_YCL_PRIVATE_KEY")?),
        endpoint: given.owned("KEYFILL_YANDEX_ENDPOINT"),
        network: network(given),
    })))
}
