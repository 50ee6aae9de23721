//! Immutable fields: the API server refuses changes, so that the object has to be deleted and created again. The
//! rules are those of Kubernetes 1.34's validation, as its reference describes each field.

use super::FieldChange;
use super::object::ObjectId;
use keyfill_yaml::Value;

/// The immutable fields of one kind.
struct Rule {
    group: &'static str,
    kind: &'static str,
    /// Fields that must not change, with all fields below them.
    fields: &'static [&'static str],
    /// Fields below these that may change.
    except: &'static [&'static str],
}

const fn rule(
    group: &'static str,
    kind: &'static str,
    fields: &'static [&'static str],
    except: &'static [&'static str],
) -> Rule {
    Rule { group, kind, fields, except }
}

const RULES: &[Rule] = &[
    rule("", "Service", &["spec.clusterIP", "spec.clusterIPs"], &[]),
    rule("", "PersistentVolumeClaim", &["spec"], &["spec.resources", "spec.volumeAttributesClassName"]),
    rule(
        "",
        "Pod",
        &["spec"],
        &[
            "spec.containers.image",
            "spec.initContainers.image",
            "spec.activeDeadlineSeconds",
            "spec.terminationGracePeriodSeconds",
            "spec.tolerations",
        ],
    ),
    rule("", "Secret", &["type"], &[]),
    rule("apps", "Deployment", &["spec.selector"], &[]),
    rule("apps", "ReplicaSet", &["spec.selector"], &[]),
    rule("apps", "DaemonSet", &["spec.selector"], &[]),
    rule(
        "apps",
        "StatefulSet",
        &["spec"],
        &[
            "spec.replicas",
            "spec.ordinals",
            "spec.template",
            "spec.updateStrategy",
            "spec.revisionHistoryLimit",
            "spec.persistentVolumeClaimRetentionPolicy",
            "spec.minReadySeconds",
        ],
    ),
    rule(
        "batch",
        "Job",
        &["spec.template", "spec.selector", "spec.completionMode", "spec.podFailurePolicy"],
        &[],
    ),
    rule("rbac.authorization.k8s.io", "RoleBinding", &["roleRef"], &[]),
    rule("rbac.authorization.k8s.io", "ClusterRoleBinding", &["roleRef"], &[]),
    rule(
        "storage.k8s.io",
        "StorageClass",
        &["provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"],
        &[],
    ),
    rule("scheduling.k8s.io", "PriorityClass", &["value", "preemptionPolicy"], &[]),
    rule("networking.k8s.io", "IngressClass", &["spec.controller"], &[]),
    rule("node.k8s.io", "RuntimeClass", &["handler"], &[]),
    rule(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        &["spec.group", "spec.scope", "spec.names.kind"],
        &[],
    ),
];

/// The changed fields of an object that are immutable. `before` is the object on the older side.
pub fn fields(id: &ObjectId, before: &Value, changes: &[FieldChange]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut add = |field: String| {
        if !found.contains(&field) {
            found.push(field);
        }
    };
    let is_frozen = matches!(before.get("immutable"), Some(Value::Bool(true)))
        && id.group.is_empty()
        && ["ConfigMap", "Secret"].contains(&id.kind.as_str());
    for change in changes.iter() {
        let keys = change.path.keys().join(".");
        let is_below = |field: &&&str| is_within(&keys, field);
        let rules = RULES.iter().filter(|rule| rule.group == id.group && rule.kind == id.kind);
        for rule in rules {
            let field = rule.fields.iter().find(is_below);
            let may_change = rule.except.iter().any(|field| is_within(&keys, field));
            if let Some(field) = field.filter(|_| !may_change && !is_first_address(id, change)) {
                // If the whole `spec` is immutable, the changed field in it is named.
                let parts = keys.split('.').take(2).collect::<Vec<_>>().join(".");
                add(if *field == "spec" { parts } else { (*field).to_owned() });
            }
        }
        if is_frozen
            && ["data", "binaryData", "stringData", "immutable"].iter().any(|field| is_within(&keys, field))
        {
            add(format!("{} (immutable: true)", keys.split('.').next().unwrap_or_default()));
        }
    }
    found
}

/// Whether the cluster IP of a Service was added to the manifest or removed from it, which is allowed: it may be
/// the address that the Service already has.
fn is_first_address(id: &ObjectId, change: &FieldChange) -> bool {
    let is_none = |value: &Option<Value>| value.as_ref().and_then(Value::as_str) == Some("None");
    let is_unset = |value: &Option<Value>| {
        value.as_ref().is_none_or(|value| matches!(value, Value::Null) || value.as_str() == Some(""))
    };
    id.kind == "Service"
        && (is_unset(&change.before) && !is_none(&change.after)
            || is_unset(&change.after) && !is_none(&change.before))
}

fn is_within(keys: &str, field: &str) -> bool {
    keys.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use crate::diff::fields::compare;
    use crate::diff::object::ObjectId;
    use keyfill_diag::Cx;
    use keyfill_yaml::{Limits, load_object};

    #[test]
    fn the_table_says_what_is_replaced() {
        let cases = [
            (
                "",
                "Service",
                "spec: {clusterIP: 10.0.0.1}",
                "spec: {clusterIP: None}",
                &["spec.clusterIP"][..],
            ),
            ("", "Service", "spec: {}", "spec: {clusterIP: None}", &["spec.clusterIP"]),
            ("", "Service", "spec: {}", "spec: {clusterIP: 10.0.0.1}", &[]),
            ("", "Service", "spec: {type: ClusterIP}", "spec: {type: NodePort}", &[]),
            ("batch", "Job", "spec: {template: {a: 1}}", "spec: {template: {a: 2}}", &["spec.template"]),
            ("batch", "Job", "spec: {backoffLimit: 1}", "spec: {backoffLimit: 2}", &[]),
            (
                "apps",
                "Deployment",
                "spec: {selector: {a: b}}",
                "spec: {selector: {a: c}}",
                &["spec.selector"],
            ),
            ("apps", "Deployment", "spec: {replicas: 1}", "spec: {replicas: 2}", &[]),
            (
                "apps",
                "StatefulSet",
                "spec: {serviceName: a}",
                "spec: {serviceName: b}",
                &["spec.serviceName"],
            ),
            (
                "apps",
                "StatefulSet",
                "spec: {replicas: 1, volumeClaimTemplates: [{metadata: {name: d}, spec: {s: 1}}]}",
                "spec: {replicas: 2, volumeClaimTemplates: [{metadata: {name: d}, spec: {s: 2}}]}",
                &["spec.volumeClaimTemplates"],
            ),
            (
                "",
                "PersistentVolumeClaim",
                "spec: {resources: {r: 1}, storageClassName: a}",
                "spec: {resources: {r: 2}, storageClassName: b}",
                &["spec.storageClassName"],
            ),
            (
                "",
                "ConfigMap",
                "immutable: true\ndata: {a: b}",
                "immutable: true\ndata: {a: c}",
                &["data (immutable: true)"],
            ),
            ("", "ConfigMap", "data: {a: b}", "data: {a: c}", &[]),
            ("", "Secret", "type: Opaque", "type: kubernetes.io/tls", &["type"]),
            (
                "rbac.authorization.k8s.io",
                "RoleBinding",
                "roleRef: {name: a}\nsubjects: []",
                "roleRef: {name: b}\nsubjects: [{name: x}]",
                &["roleRef"],
            ),
            ("example.org", "Service", "spec: {clusterIP: a}", "spec: {clusterIP: b}", &[]),
        ];
        for (group, kind, before, after, want) in cases {
            let load = |text: &str| load_object(text.as_bytes(), &Limits::default()).unwrap();
            let (before, after) = (load(before), load(after));
            let id = ObjectId { group: group.into(), kind: kind.into(), ..ObjectId::default() };
            let changes = compare(&before, &after, None, &Cx::default()).unwrap();
            assert_eq!(super::fields(&id, &before, &changes), want, "{kind}: {changes:?}");
        }
    }
}
