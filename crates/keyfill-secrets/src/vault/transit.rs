//! Vault's transit engine: decrypts data keys of encrypted files.

use super::answers::Envelope;
use super::client::VaultClient;
use super::endpoints::Plain;
use crate::{Error, SecretBytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfill_diag::Cx;
use zeroize::Zeroizing;

impl VaultClient {
    /// Whether the client is for this address. An encrypted file may name a Vault, but must not decide where the token
    /// is sent.
    pub fn is_at(&self, address: &str) -> bool {
        let plain = |address: &str| address.trim_end_matches('/').to_ascii_lowercase();
        plain(&self.settings().address) == plain(address)
    }

    /// Decrypts with a key of the transit engine at `mount`. Vault's policies must permit `update` on
    /// `MOUNT/decrypt/KEY`.
    pub async fn transit_decrypt(
        &self,
        mount: &str,
        key: &str,
        ciphertext: &str,
        cx: &Cx,
    ) -> Result<SecretBytes, Error> {
        let fits =
            |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(char::is_control);
        let mount = mount.trim_matches('/');
        if !mount.split('/').all(fits) || key.contains('/') || !fits(key) {
            return Err(Error::usage(format!("{mount}/keys/{key} is not a key of a transit engine")));
        }
        let what = format!("cannot decrypt with {mount}/keys/{key}");
        let answer = self.ask(&Plain::decrypt(mount, key, ciphertext), None, &what, cx).await?;
        if !answer.status.is_success() {
            return Err(self
                .refused(&answer)
                .about(&what)
                .hint(format!("let the role's policies update {mount}/decrypt/{key}")));
        }
        #[derive(serde::Deserialize)]
        struct Given {
            plaintext: Zeroizing<String>,
        }
        let unusable = || Error::store(format!("{what}: {} answered without a key", self.name()));
        let envelope = Envelope::of(&answer);
        let data = envelope.data().ok_or_else(unusable)?;
        let given: Given = serde_json::from_str(data).map_err(|_| unusable())?;
        Ok(SecretBytes::new(STANDARD.decode(given.plaintext.as_bytes()).map_err(|_| unusable())?))
    }
}
