//! The order in which helm prints documents: by kind, hooks after all others.

use super::Rendered;
use super::head::Head;
use super::{rendered, split};
use crate::error::{Error, Result};
use crate::request::HelmCompat;
use bytes::Bytes;
use keyfill_diag::Cx;
use std::sync::Arc;

/// The kinds in the order in which helm installs them. Kinds that are not here come last, by name.
const INSTALL_ORDER: [&str; 36] = [
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];
/// Kinds that helm v4 installs after those of `INSTALL_ORDER`.
const ADDED_BY_HELM_4: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// The events that a hook may name.
const EVENTS: [&str; 10] = [
    "pre-install",
    "post-install",
    "pre-delete",
    "post-delete",
    "pre-upgrade",
    "post-upgrade",
    "pre-rollback",
    "post-rollback",
    TEST,
    TEST_OF_HELM_2,
];
const TEST: &str = "test";
const TEST_OF_HELM_2: &str = "test-success";

/// A document, with what decides where it is printed.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// The path of its template, as helm prints it.
    pub(crate) name: String,
    /// The path of its template in the tree.
    pub(crate) file: Arc<str>,
    pub(crate) content: Bytes,
    kind: String,
    /// Whether the document is a hook for `helm test`.
    pub(crate) is_test: bool,
}

/// All documents in the order of printing.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    /// The documents that are not hooks.
    pub(crate) manifests: Vec<Manifest>,
    /// The hooks.
    pub(crate) hooks: Vec<Manifest>,
}

/// Splits the rendered files and sorts their documents.
pub(crate) fn sort(
    mut rendered: Vec<Rendered>,
    helm: HelmCompat,
    cx: &Cx,
    warnings: &mut Vec<String>,
) -> Result<Sorted> {
    rendered.sort_by(|a, b| a.name.cmp(&b.name));
    let limits = (&cx.limits).into();
    let mut sorted = Sorted::default();
    for file in rendered {
        cx.check().map_err(Error::stopped)?;
        for (number, content) in (1..).zip(split::manifests(&file.content, helm)) {
            cx.check().map_err(Error::stopped)?;
            let head = Head::read(content, &limits).map_err(|e| yaml_error(e, &file, number, content))?;
            let mut manifest = Manifest {
                name: file.name.clone(),
                file: file.file.clone(),
                content: file.content.slice_ref(content),
                kind: head.kind,
                is_test: false,
            };
            match head.hook.as_deref().map(events) {
                None => sorted.manifests.push(manifest),
                Some(Some(events)) => {
                    manifest.is_test = events.iter().any(|e| e == TEST || e == TEST_OF_HELM_2);
                    sorted.hooks.push(manifest);
                }
                Some(None) => warnings.push(format!(
                    "{}: the document names a hook that helm does not know and is left out: {:?}",
                    file.name,
                    head.hook.unwrap_or_default()
                )),
            }
        }
    }
    let place = |m: &Manifest| place(&m.kind, helm);
    sorted.manifests.sort_by_cached_key(place);
    sorted.hooks.sort_by_cached_key(place);
    Ok(sorted)
}

/// Adds to an error which document of which template cannot be parsed.
fn yaml_error(error: Error, file: &Rendered, number: usize, document: &[u8]) -> Error {
    error
        .context(&format!("YAML parse error on {}, document {number}", file.name))
        .about(rendered::object(document))
        .in_file(&*file.file)
        .in_document(number)
}

/// The events of a hook annotation; none if one of them is unknown.
fn events(hook: &str) -> Option<Vec<String>> {
    let event = |name: &str| {
        let name = name.trim().to_lowercase();
        EVENTS.contains(&name.as_str()).then_some(name)
    };
    hook.split(',').map(event).collect()
}

fn place(kind: &str, helm: HelmCompat) -> (usize, String) {
    let added: &[&str] = if helm == HelmCompat::V4 { &ADDED_BY_HELM_4 } else { &[] };
    match INSTALL_ORDER.iter().chain(added).position(|known| *known == kind) {
        Some(at) => (at, String::new()),
        None => (usize::MAX, kind.to_owned()),
    }
}
