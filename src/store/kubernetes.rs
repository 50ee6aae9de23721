//! Secrets of the cluster that keyfill runs in, read with the pod's service account.

use super::Given;
use anyhow::Result;
use keyfill_secrets::Source;
use keyfill_secrets::kubernetes::InCluster;
use keyfill_secrets::kubernetes_secret::KubernetesSecrets;
use std::sync::Arc;

/// `kubernetessecret`
pub fn open(given: Given<'_>) -> Result<Arc<dyn Source>> {
    let (host, port) =
        given.settings.system.api_server.as_ref().map(|(h, p)| (h.as_str(), p.as_str())).unzip();
    let mut cluster = InCluster::new(host, port)?;
    if let Some(folder) = &given.settings.system.service_account {
        cluster.folder.clone_from(folder);
    }
    Ok(Arc::new(KubernetesSecrets::new(cluster)))
}
