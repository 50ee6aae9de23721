//! Argo CD's Applications: a refresh is asked for with an annotation, which Argo CD removes again.

use super::request::{Refused, Sent, send};
use super::{InCluster, check_name};
use keyfill_diag::Cx;

/// Asks Argo CD to render an Application anew, past its cache of manifests.
pub async fn refresh(cluster: &InCluster, namespace: &str, name: &str, cx: &Cx) -> Result<(), Refused> {
    check_name("namespace", namespace).map_err(Refused::Failed)?;
    check_name("name", name).map_err(Refused::Failed)?;
    let what = format!("cannot refresh the Application {namespace}/{name}");
    let path =
        format!("/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applications/{name}?fieldManager=keyfill");
    let body = br#"{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"hard"}}}"#;
    let content = Some(("application/merge-patch+json", body.to_vec()));
    let sent = Sent { method: http::Method::PATCH, path: &path, content };
    send(cluster, sent, &what, cx).await.map(drop)
}
