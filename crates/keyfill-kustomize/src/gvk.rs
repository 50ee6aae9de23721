//! Group, version and kind of a resource, and their order.

use keyfill_yaml::{Node, Text};
use std::fmt;

/// Group, version and kind. As a selector, an empty part matches anything.
///
/// ```
/// use keyfill_kustomize::Gvk;
///
/// let deployment = Gvk::from_api_version("apps/v1", "Deployment");
/// assert_eq!((deployment.group.as_str(), deployment.version.as_str()), ("apps", "v1"));
/// assert!(deployment.is_selected_by(&Gvk::new("", "", "Deployment")));
/// assert!(!deployment.is_selected_by(&Gvk::new("extensions", "", "")));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gvk {
    /// Group, such as `apps`; empty for the core group.
    pub group: Text,
    /// Version, such as `v1`.
    pub version: Text,
    /// Kind, such as `Deployment`.
    pub kind: Text,
}

impl Gvk {
    /// From its three parts.
    pub fn new(group: impl Into<Text>, version: impl Into<Text>, kind: impl Into<Text>) -> Self {
        Self { group: group.into(), version: version.into(), kind: kind.into() }
    }

    /// From an `apiVersion` field and a kind.
    pub fn from_api_version(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self::new(group, version, kind)
    }

    /// From the fields `apiVersion` and `kind` of an object; absent ones are empty.
    pub fn of(object: &Node) -> Self {
        let field = |name| object.get(name).and_then(Node::text).unwrap_or("");
        Self::from_api_version(field("apiVersion"), field("kind"))
    }

    /// `group/version`, or the version alone in the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Whether [`Gvk::api_version`] is this text, without building it.
    pub fn has_api_version(&self, text: &str) -> bool {
        match text.split_once('/') {
            Some((group, version)) => self.group == group && self.version == version,
            None => self.group.is_empty() && self.version == text,
        }
    }

    /// Whether `selector` selects this type: each of its parts is empty or equal.
    pub fn is_selected_by(&self, selector: &Self) -> bool {
        let fits = |want: &Text, have: &Text| want.is_empty() || want == have;
        fits(&selector.group, &self.group)
            && fits(&selector.version, &self.version)
            && fits(&selector.kind, &self.kind)
    }

    /// Sort key for the order in which objects should be applied: namespaces first, webhooks last; kinds of the
    /// same rank by group, version and kind.
    pub fn legacy_key(&self) -> (usize, String) {
        (rank(&self.kind), self.sort_text())
    }

    /// `group_version_kind`. Empty parts are replaced by marks that sort last.
    pub fn sort_text(&self) -> String {
        let or = |text: &Text, mark: &str| if text.is_empty() { mark.to_owned() } else { text.to_string() };
        format!("{}_{}_{}", or(&self.group, "~G"), or(&self.version, "~V"), or(&self.kind, "~K"))
    }
}

/// Kinds that are printed first, in this order.
pub const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// Kinds that are printed last, in this order.
pub const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

fn rank(kind: &str) -> usize {
    if let Some(at) = FIRST.iter().position(|k| *k == kind) {
        return at;
    }
    FIRST.len() + LAST.iter().position(|k| *k == kind).map_or(0, |at| at + 1)
}

impl fmt::Display for Gvk {
    /// `Kind.version.group`. Empty parts are replaced by marks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |text: &Text, mark: &'static str| if text.is_empty() { mark.into() } else { text.clone() };
        write!(
            f,
            "{}.{}.{}",
            or(&self.kind, "[noKind]"),
            or(&self.version, "[noVer]"),
            or(&self.group, "[noGrp]")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Gvk;

    #[test]
    fn an_empty_part_of_a_selector_matches() {
        let deployment = Gvk::from_api_version("apps/v1", "Deployment");
        assert!(deployment.is_selected_by(&Gvk::new("", "", "Deployment")));
        assert!(!deployment.is_selected_by(&Gvk::new("extensions", "", "Deployment")));
        assert_eq!(Gvk::from_api_version("v1", "").to_string(), "[noKind].v1.[noGrp]");
    }

    #[test]
    fn namespaces_come_first_and_webhooks_last() {
        let key = |group, kind| Gvk::new(group, "v1", kind).legacy_key();
        assert!(key("", "Namespace") < key("", "Alpha"));
        assert!(key("", "MutatingWebhookConfiguration") > key("", "Zeta"));
        // An empty group is written `~G` in the sort key, so the core group comes after the named ones.
        assert!(key("", "X") > key("a.b", "X"));
    }
}
