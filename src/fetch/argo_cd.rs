//! Lists Argo CD's repository Secrets with the pod's service account.

use crate::settings::{self, Env};
use keyfill_diag::{Class, Cx, Report as _};
use keyfill_fetch::ArgoCdRepository;
use keyfill_files::FetchError;
use keyfill_secrets::kubernetes::{InCluster, list_secrets};
use std::time::Duration;
use zeroize::Zeroizing;

/// The label with the type of Argo CD's Secrets.
const LABEL: &str = "argocd.argoproj.io/secret-type";
/// The time limit for a request to the API server.
const TIME: Duration = Duration::from_secs(10);

/// The cluster and the namespace of the Secrets.
#[derive(Clone, Debug)]
pub struct Place {
    cluster: InCluster,
    namespace: String,
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        let key = |place: &Self| (place.cluster.address.clone(), place.namespace.clone());
        key(self) == key(other)
    }
}

impl Place {
    /// A namespace of the cluster that keyfill runs in.
    pub fn new(env: &Env, namespace: &str) -> anyhow::Result<Self> {
        Ok(Self { cluster: settings::cluster(env)?, namespace: namespace.to_owned() })
    }
}

/// Lists the repositories. A Secret that cannot be used is skipped, since Argo CD too reports it only for the app
/// that needs it.
pub fn list(place: &Place) -> Result<Vec<ArgoCdRepository>, FetchError> {
    let failed = |error: keyfill_secrets::Error| {
        let copy = FetchError::new(error.class(), error.to_string());
        error.advice().map_or(copy.clone(), |hint| copy.hint(hint))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| FetchError::new(Class::Other, format!("Argo CD's logins: {e}")))?;
    let selector = format!("{LABEL} in (repository, repo-creds)");
    let cx = Cx::with_time(TIME);
    let listed = runtime.block_on(list_secrets(&place.cluster, &place.namespace, &selector, &cx));
    let repositories = listed.map_err(failed)?.into_iter().filter_map(|secret| {
        let kind = secret.labels.get(LABEL)?;
        let keys =
            secret.keys.iter().map(|(key, value)| (key.clone(), Zeroizing::new(value.expose().to_owned())));
        ArgoCdRepository::of(kind, &keys.collect()).ok().flatten()
    });
    Ok(repositories.collect())
}
