//! The `IAMPolicyGenerator`: service accounts that are bound to an account of a cloud provider.

use crate::error::{Error, Result};
use crate::resource::Resource;
use crate::schema::Schema;
use keyfill_yaml::{Map, Node, Text};

/// The configuration of the generator.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// The cloud provider; only `gke` is supported.
    pub cloud: Text,
    /// Name of the service account in the cluster.
    pub name: Text,
    /// Namespace of the service account, or empty.
    pub namespace: Text,
    /// Name of the account in the cloud.
    pub account: Text,
    /// Project of the account in the cloud.
    pub project: Text,
}

/// Generates the service account.
pub fn policy(policy: &Policy, schema: &Schema) -> Result<Resource> {
    if policy.cloud != "gke" {
        return Err(Error::new(format!("cloud provider {} not supported yet", policy.cloud)));
    }
    let account = format!("{}@{}.iam.gserviceaccount.com", policy.account, policy.project);
    let mut annotations = Map::default();
    annotations.set("iam.gke.io/gcp-service-account", Node::plain(account));
    let mut metadata = Map::default();
    metadata.set("annotations", Node::Map(annotations));
    metadata.set("name", Node::plain(policy.name.clone()));
    if !policy.namespace.is_empty() {
        metadata.set("namespace", Node::plain(policy.namespace.clone()));
    }
    let mut object = Map::default();
    object.set("apiVersion", Node::plain("v1"));
    object.set("kind", Node::plain("ServiceAccount"));
    object.set("metadata", Node::Map(metadata));
    Ok(Resource::new(Node::Map(object), schema))
}
