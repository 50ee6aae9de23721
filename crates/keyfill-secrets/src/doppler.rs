//! Doppler (`doppler`).
//!
//! A path is `PROJECT/CONFIG`. The keys are the names of the config's secrets, with their computed values. There are no
//! versions.

use crate::rest::{Network, Rest, Verdict};
use crate::source::Store;
use crate::web::{bearer, escaped, get, json, refused};
use crate::{Error, Keys, Secret, SecretData, SecretRef, SecretValue};
use keyfill_diag::Cx;
use std::collections::BTreeMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The name of the store in errors.
const NAME: &str = "Doppler";

/// Settings for Doppler, with the environment variables that set them. Only the administrator may set them.
#[derive(Clone)]
pub struct DopplerSettings {
    /// `DOPPLER_API_HOST`
    pub host: Option<String>,
    /// `DOPPLER_TOKEN`
    pub token: Secret,
    /// Proxies and certificates.
    pub network: Network,
}

/// A source that reads secrets from Doppler.
pub struct Doppler {
    settings: DopplerSettings,
    rest: Rest,
}

impl Doppler {
    /// A source with these settings. No request is sent before the first read.
    pub fn new(settings: DopplerSettings) -> Self {
        let rest = Rest::new(NAME, &settings.network);
        Self { settings, rest }
    }
}

impl Store for Doppler {
    async fn get(&self, secret: &SecretRef, _: &Keys, cx: &Cx) -> Result<Arc<SecretData>, Error> {
        #[derive(serde::Deserialize)]
        struct Given {
            secrets: BTreeMap<String, Entry>,
        }
        #[derive(serde::Deserialize)]
        struct Entry {
            computed: Option<Zeroizing<String>>,
        }
        let parts = secret.path.split_once('/').filter(|(_, config)| !config.contains('/'));
        let Some((project, config)) = parts else {
            return Err(Error::usage(format!("{} is not the path of a config of Doppler", secret.path))
                .hint("write it as PROJECT/CONFIG"));
        };
        if secret.version.is_some() {
            return Err(Error::usage("secrets of Doppler have no versions"));
        }
        let host = self.settings.host.as_deref().unwrap_or("https://api.doppler.com").trim_end_matches('/');
        let address = format!(
            "{host}/v3/configs/config/secrets?project={}&config={}",
            escaped(project),
            escaped(config)
        );
        let token = bearer(&self.settings.token);
        let make = || get(&address, "authorization", &token, "DOPPLER_TOKEN");
        let answer = self.rest.send(make, |_| Verdict::Final, cx).await?;
        if answer.status != http::StatusCode::OK {
            let hint = "check DOPPLER_TOKEN, and that it may read the config";
            return Err(refused(&answer, NAME, &secret.path, hint));
        }
        let given: Given = json(&answer, NAME)?;
        let value = |entry: Entry| match entry.computed {
            Some(text) => SecretValue::Str(Secret::new(text.as_str())),
            // The token may see the name of the secret, but not its value.
            None => SecretValue::Null,
        };
        Ok(Arc::new(given.secrets.into_iter().map(|(name, entry)| (name, value(entry))).collect()))
    }
}
