//! Argo CD's Applications: lists them, and requests a refresh with an annotation, which Argo CD removes afterwards.

use super::request::{Refused, Sent, send};
use super::{InCluster, check_name};
use crate::error::Error;
use keyfill_diag::Cx;
use serde::Deserialize;

/// How many Applications one request lists. It is small, since the status of an Application can be long.
const PAGE: usize = 20;

/// The most Applications that are listed.
const MOST: usize = 20_000;

/// Requests a hard refresh: Argo CD renders the Application again and ignores its cache of manifests.
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

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    metadata: ListMeta,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Default, Deserialize)]
struct ListMeta {
    #[serde(default, rename = "continue")]
    next: String,
}

#[derive(Deserialize)]
struct Item {
    metadata: Meta,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
struct Meta {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    source_type: String,
    #[serde(default)]
    source_types: Vec<String>,
}

impl Status {
    fn has_plugin(&self) -> bool {
        self.source_type == "Plugin" || self.source_types.iter().any(|kind| kind == "Plugin")
    }
}

/// The names of the Applications in a namespace that a plugin renders.
pub async fn of_plugins(cluster: &InCluster, namespace: &str, cx: &Cx) -> Result<Vec<String>, Refused> {
    check_name("namespace", namespace).map_err(Refused::Failed)?;
    let what = format!("cannot list the Applications in {namespace}");
    let base = format!("/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applications?limit={PAGE}");
    let (mut names, mut next) = (Vec::new(), String::new());
    for _ in 0..MOST / PAGE {
        let path = if next.is_empty() {
            base.clone()
        } else {
            let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
            format!("{base}&continue={next}")
        };
        let answer = send(cluster, Sent::get(&path), &what, cx).await?;
        let list: List = serde_json::from_slice(&answer.body)
            .map_err(|_| Refused::Failed(Error::store(format!("{what}: the answer is not a list"))))?;
        let plugins = list.items.into_iter().filter(|item| item.status.has_plugin());
        names.extend(plugins.map(|item| item.metadata.name));
        next = list.metadata.next;
        if next.is_empty() {
            break;
        }
    }
    Ok(names)
}
