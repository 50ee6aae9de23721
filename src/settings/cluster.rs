//! The cluster that keyfill runs in, from the environment variables of a pod.

use super::Env;
use keyfill_secrets::Error;
use keyfill_secrets::kubernetes::{InCluster, SERVICE_ACCOUNT};

/// The API server and the service account of the pod.
pub fn cluster(env: &Env) -> Result<InCluster, Error> {
    let cluster = InCluster::new(env.get("KUBERNETES_SERVICE_HOST"), env.get("KUBERNETES_SERVICE_PORT"))?;
    let folder = env.get("KEYFILL_SERVICE_ACCOUNT").unwrap_or(SERVICE_ACCOUNT);
    Ok(InCluster { folder: folder.into(), ..cluster })
}
