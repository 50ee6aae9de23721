//! Kubernetes Secrets as a secret store (`kubernetessecret`), in the cluster that keyfill runs in.
//!
//! A path is `NAMESPACE:NAME`, or `NAME` for the namespace argocd; the keys are those of the Secret's `data`. Secrets
//! are read with the rights of the sidecar's service account, for all apps. Which namespaces an app may read is decided
//! by the policy of paths.

use crate::kubernetes::{InCluster, ask, check_name};
use crate::{BoxFuture, Error, Keys, Secret, SecretBytes, SecretData, SecretRef, SecretValue, Source};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfill_diag::Cx;
use std::collections::BTreeMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The namespace of a path without one, as in argocd-vault-plugin.
const NAMESPACE: &str = "argocd";

/// A source that reads Kubernetes Secrets.
pub struct KubernetesSecrets(InCluster);

impl KubernetesSecrets {
    /// Secrets of this cluster. No request is sent before the first read.
    pub fn new(cluster: InCluster) -> Self {
        Self(cluster)
    }

    async fn get(&self, secret: &SecretRef, cx: &Cx) -> Result<Arc<SecretData>, Error> {
        let (namespace, name) = parts(&secret.path)?;
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
        let about = format!("cannot read {secret} from the cluster at {}", self.0.address);
        let answer = ask(&self.0, &path, &about, cx).await?;
        match answer.status.as_u16() {
            200 => data(&answer.body).map(Arc::new).map_err(|error| error.about(about)),
            404 => Err(Error::missing(format!("{about}: there is none")).absent()),
            status @ (401 | 403) => Err(Error::store(format!("{about}: the API answered {status}")).hint(format!(
                "let keyfill's service account get secrets in {namespace}: a Role with the verb get, and a RoleBinding"
            ))),
            status => Err(Error::store(format!("{about}: the API answered {status}"))),
        }
    }
}

impl Source for KubernetesSecrets {
    fn read_keys<'a>(
        &'a self,
        secret: &'a SecretRef,
        _: &'a Keys,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>> {
        Box::pin(self.get(secret, cx))
    }
}

/// The path as `NAMESPACE:NAME`, in which form the policy of paths checks it.
pub fn canonical(path: &str) -> Result<String, Error> {
    let (namespace, name) = parts(path)?;
    Ok(format!("{namespace}:{name}"))
}

fn parts(path: &str) -> Result<(&str, &str), Error> {
    let (namespace, name) = path.trim().split_once(':').unwrap_or((NAMESPACE, path.trim()));
    check_name("namespace", namespace)?;
    check_name("name", name)?;
    Ok((namespace, name))
}

fn data(body: &[u8]) -> Result<SecretData, Error> {
    #[derive(serde::Deserialize)]
    struct Object {
        #[serde(default)]
        data: Option<BTreeMap<String, Zeroizing<String>>>,
    }
    let object: Object =
        serde_json::from_slice(body).map_err(|_| Error::store("the answer is not a Secret"))?;
    let entries = object.data.unwrap_or_default().into_iter().map(|(key, encoded)| {
        let bytes = STANDARD
            .decode(encoded.as_bytes())
            .map_err(|_| Error::store(format!("the value of the key {key} is not base64")))?;
        let bytes = SecretBytes::new(bytes);
        Ok((
            key,
            match std::str::from_utf8(bytes.expose()) {
                Ok(text) => SecretValue::Str(Secret::new(text)),
                Err(_) => SecretValue::Bytes(bytes),
            },
        ))
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    use super::{canonical, data};

    #[test]
    fn a_path_is_written_with_its_namespace_and_checked() {
        assert_eq!(canonical("app").ok().as_deref(), Some("argocd:app"));
        assert_eq!(canonical(" team-a:app ").ok().as_deref(), Some("team-a:app"));
        for bad in ["", ":", "a:", ":b", "a:b:c", "a/b", "../x", "a:b/../c", "A:b"] {
            assert!(canonical(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn values_are_text_if_they_are_utf8_and_else_bytes() {
        let data = data(br#"{"data": {"t": "aHVzaA==", "b": "/w=="}}"#).expect("it is a Secret");
        let kinds: Vec<_> = data.iter().map(|(key, value)| (key, value.type_name())).collect();
        assert_eq!(kinds, [("b", "binary"), ("t", "string")]);
    }
}
