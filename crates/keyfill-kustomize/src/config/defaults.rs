//! The built-in transformer configuration. Most of its rows follow from which kinds hold a pod and where.

use super::{BackReferences, TransformerConfig};
use crate::Gvk;
use crate::fieldspec::FieldSpec;

/// A row of a table: group, version, kind, and the path of a field.
type Row = (&'static str, &'static str, &'static str, &'static str);

/// Kinds that hold a pod, with the path of the pod's spec. References to ConfigMaps and Secrets are in these.
const POD_HOLDERS: [Row; 8] = [
    ("", "v1", "Pod", "spec"),
    ("", "", "PodTemplate", "template/spec"),
    ("", "", "Deployment", "spec/template/spec"),
    ("", "", "ReplicaSet", "spec/template/spec"),
    ("", "", "DaemonSet", "spec/template/spec"),
    ("", "", "StatefulSet", "spec/template/spec"),
    ("", "", "Job", "spec/template/spec"),
    ("", "", "CronJob", "spec/jobTemplate/spec/template/spec"),
];

/// Kinds that hold a pod, for references to service accounts, persistent volume claims and priority classes.
const RUNNERS: [Row; 7] = [
    ("", "", "Pod", "spec"),
    ("", "", "StatefulSet", "spec/template/spec"),
    ("", "", "Deployment", "spec/template/spec"),
    ("", "", "ReplicationController", "spec/template/spec"),
    ("", "", "CronJob", "spec/jobTemplate/spec/template/spec"),
    ("", "", "Job", "spec/template/spec"),
    ("", "", "DaemonSet", "spec/template/spec"),
];

/// Kinds that hold a pod, for fields in which variables are replaced.
const VARIABLE_HOLDERS: [Row; 7] = [
    ("", "", "CronJob", "spec/jobTemplate/spec/template/spec"),
    ("", "", "DaemonSet", "spec/template/spec"),
    ("", "", "Deployment", "spec/template/spec"),
    ("", "", "Job", "spec/template/spec"),
    ("", "", "Pod", "spec"),
    ("", "", "ReplicaSet", "spec/template/spec"),
    ("", "", "StatefulSet", "spec/template/spec"),
];

const CONFIG_MAP_IN_POD: [&str; 6] = [
    "volumes/configMap/name",
    "containers/env/valueFrom/configMapKeyRef/name",
    "initContainers/env/valueFrom/configMapKeyRef/name",
    "containers/envFrom/configMapRef/name",
    "initContainers/envFrom/configMapRef/name",
    "volumes/projected/sources/configMap/name",
];

const CONFIG_MAP_ELSEWHERE: [Row; 4] = [
    ("", "", "Node", "spec/configSource/configMap"),
    ("", "", "Role", "rules/resourceNames"),
    ("", "", "ClusterRole", "rules/resourceNames"),
    ("", "", "Ingress", r"metadata/annotations/nginx.ingress.kubernetes.io\/fastcgi-params-configmap"),
];

const SECRET_IN_POD: [&str; 7] = [
    "volumes/secret/secretName",
    "containers/env/valueFrom/secretKeyRef/name",
    "initContainers/env/valueFrom/secretKeyRef/name",
    "containers/envFrom/secretRef/name",
    "initContainers/envFrom/secretRef/name",
    "imagePullSecrets/name",
    "volumes/projected/sources/secret/name",
];

const SECRET_ELSEWHERE: [Row; 13] = [
    ("", "", "Ingress", "spec/tls/secretName"),
    ("", "", "Ingress", r"metadata/annotations/ingress.kubernetes.io\/auth-secret"),
    ("", "", "Ingress", r"metadata/annotations/nginx.ingress.kubernetes.io\/auth-secret"),
    ("", "", "Ingress", r"metadata/annotations/nginx.ingress.kubernetes.io\/auth-tls-secret"),
    ("", "", "ServiceAccount", "imagePullSecrets/name"),
    ("", "", "StorageClass", "parameters/secretName"),
    ("", "", "StorageClass", "parameters/adminSecretName"),
    ("", "", "StorageClass", "parameters/userSecretName"),
    ("", "", "StorageClass", "parameters/secretRef"),
    ("", "", "Role", "rules/resourceNames"),
    ("", "", "ClusterRole", "rules/resourceNames"),
    ("serving.knative.dev", "v1", "Service", "spec/template/spec/containers/env/valueFrom/secretKeyRef/name"),
    ("", "", "PersistentVolume", "spec/azureFile/secretName"),
];

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

const SERVICE: [Row; 8] = [
    ("apps", "", "StatefulSet", "spec/serviceName"),
    ("", "", "Ingress", "spec/rules/http/paths/backend/serviceName"),
    ("", "", "Ingress", "spec/backend/serviceName"),
    ("", "", "Ingress", "spec/rules/http/paths/backend/service/name"),
    ("", "", "Ingress", "spec/defaultBackend/service/name"),
    ("apiregistration.k8s.io", "", "APIService", "spec/service/name"),
    (ADMISSION, "", "ValidatingWebhookConfiguration", "webhooks/clientConfig/service"),
    (ADMISSION, "", "MutatingWebhookConfiguration", "webhooks/clientConfig/service"),
];

const STORAGE_CLASS: [Row; 3] = [
    ("", "", "PersistentVolume", "spec/storageClassName"),
    ("", "", "PersistentVolumeClaim", "spec/storageClassName"),
    ("", "", "StatefulSet", "spec/volumeClaimTemplates/spec/storageClassName"),
];

const VARIABLES_IN_POD: [&str; 8] = [
    "containers/args",
    "containers/command",
    "containers/env/value",
    "containers/volumeMounts/mountPath",
    "initContainers/args",
    "initContainers/command",
    "initContainers/env/value",
    "initContainers/volumeMounts/mountPath",
];

const VARIABLES_ELSEWHERE: [Row; 16] = [
    // The official table has no `spec` before `volumes` here.
    ("", "", "CronJob", "spec/jobTemplate/spec/template/volumes/nfs/server"),
    ("", "", "DaemonSet", "spec/template/spec/volumes/nfs/server"),
    ("", "", "Deployment", "spec/template/spec/volumes/nfs/server"),
    ("", "", "Deployment", "spec/template/metadata/annotations"),
    ("", "", "Ingress", "spec/rules/host"),
    ("", "", "Ingress", "spec/tls/hosts"),
    ("", "", "Ingress", "spec/tls/secretName"),
    ("", "", "Job", "spec/template/spec/volumes/nfs/server"),
    ("", "", "Pod", "spec/volumes/nfs/server"),
    ("", "", "ReplicaSet", "spec/template/spec/volumes/nfs/server"),
    ("", "", "Service", "spec/ports/port"),
    ("", "", "Service", "spec/ports/targetPort"),
    ("", "", "StatefulSet", "spec/volumeClaimTemplates/spec/nfs/server"),
    ("", "", "PersistentVolume", "spec/nfs/server"),
    ("", "", "", "metadata/labels"),
    ("", "", "", "metadata/annotations"),
];

/// Labels of an object and of the pods it makes. All of these fields are created where they are absent.
const LABELS: [Row; 10] = [
    ("", "", "", "metadata/labels"),
    ("", "v1", "ReplicationController", "spec/template/metadata/labels"),
    ("", "", "Deployment", "spec/template/metadata/labels"),
    ("", "", "ReplicaSet", "spec/template/metadata/labels"),
    ("", "", "DaemonSet", "spec/template/metadata/labels"),
    ("apps", "", "StatefulSet", "spec/template/metadata/labels"),
    ("apps", "", "StatefulSet", "spec/volumeClaimTemplates[]/metadata/labels"),
    ("batch", "", "Job", "spec/template/metadata/labels"),
    ("batch", "", "CronJob", "spec/jobTemplate/metadata/labels"),
    ("batch", "", "CronJob", "spec/jobTemplate/spec/template/metadata/labels"),
];

/// Selectors that are created where they are absent.
const SELECTORS_MADE: [Row; 6] = [
    ("", "v1", "Service", "spec/selector"),
    ("", "v1", "ReplicationController", "spec/selector"),
    ("", "", "Deployment", "spec/selector/matchLabels"),
    ("", "", "ReplicaSet", "spec/selector/matchLabels"),
    ("", "", "DaemonSet", "spec/selector/matchLabels"),
    ("apps", "", "StatefulSet", "spec/selector/matchLabels"),
];

/// Selectors that are changed only where they are present.
const SELECTORS: [Row; 6] = [
    ("batch", "", "Job", "spec/selector/matchLabels"),
    ("batch", "", "CronJob", "spec/jobTemplate/spec/selector/matchLabels"),
    ("policy", "", "PodDisruptionBudget", "spec/selector/matchLabels"),
    ("networking.k8s.io", "", "NetworkPolicy", "spec/podSelector/matchLabels"),
    ("networking.k8s.io", "", "NetworkPolicy", "spec/ingress/from/podSelector/matchLabels"),
    ("networking.k8s.io", "", "NetworkPolicy", "spec/egress/to/podSelector/matchLabels"),
];

/// Selectors in the pods of Deployments and StatefulSets.
const SELECTORS_IN_POD: [&str; 5] = [
    "affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
    "affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
    "affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
    "affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
    "topologySpreadConstraints/labelSelector/matchLabels",
];

const SELECTOR_HOLDERS: [Row; 2] =
    [("apps", "", "Deployment", "spec/template/spec"), ("apps", "", "StatefulSet", "spec/template/spec")];

const ANNOTATIONS: [Row; 9] = [
    ("", "", "", "metadata/annotations"),
    ("", "v1", "ReplicationController", "spec/template/metadata/annotations"),
    ("", "", "Deployment", "spec/template/metadata/annotations"),
    ("", "", "ReplicaSet", "spec/template/metadata/annotations"),
    ("", "", "DaemonSet", "spec/template/metadata/annotations"),
    ("", "", "StatefulSet", "spec/template/metadata/annotations"),
    ("batch", "", "Job", "spec/template/metadata/annotations"),
    ("batch", "", "CronJob", "spec/jobTemplate/metadata/annotations"),
    ("batch", "", "CronJob", "spec/jobTemplate/spec/template/metadata/annotations"),
];

const IMAGES: [Row; 6] = [
    ("", "", "", "spec/containers[]/image"),
    ("", "", "", "spec/initContainers[]/image"),
    ("", "", "", "spec/volumes[]/image/reference"),
    ("", "", "", "spec/template/spec/containers[]/image"),
    ("", "", "", "spec/template/spec/initContainers[]/image"),
    ("", "", "", "spec/template/spec/volumes[]/image/reference"),
];

const REPLICAS: [Row; 4] = [
    ("", "", "Deployment", "spec/replicas"),
    ("", "", "ReplicationController", "spec/replicas"),
    ("", "", "ReplicaSet", "spec/replicas"),
    ("", "", "StatefulSet", "spec/replicas"),
];

fn spec(row: &Row, create: bool) -> FieldSpec {
    let (group, version, kind, path) = *row;
    FieldSpec::new(Gvk::new(group, version, kind), path, create)
}

fn specs(rows: &[Row], create: bool) -> Vec<FieldSpec> {
    rows.iter().map(|row| spec(row, create)).collect()
}

/// The rows for all paths below the pod's spec, for each kind that holds a pod.
fn in_pods(holders: &[Row], paths: &[&str]) -> Vec<FieldSpec> {
    let mut specs = Vec::with_capacity(holders.len() * paths.len());
    for (group, version, kind, pod) in holders {
        for path in paths {
            specs.push(FieldSpec::new(Gvk::new(*group, *version, *kind), &format!("{pod}/{path}"), false));
        }
    }
    specs
}

fn joined(mut first: Vec<FieldSpec>, rows: &[Row]) -> Vec<FieldSpec> {
    first.extend(specs(rows, false));
    first
}

/// All built-in tables.
pub fn tables() -> TransformerConfig {
    let name = || specs(&[("", "", "", "metadata/name")], false);
    let mut common_labels = specs(&SELECTORS_MADE, true);
    common_labels.extend(in_pods(&SELECTOR_HOLDERS, &SELECTORS_IN_POD));
    common_labels.extend(specs(&SELECTORS, false));
    common_labels.extend(specs(&LABELS, true));
    let mut config = TransformerConfig {
        name_prefix: name(),
        name_suffix: name(),
        namespace: vec![
            spec(&("", "", "Namespace", "metadata/name"), true),
            spec(&("apiregistration.k8s.io", "", "APIService", "spec/service/namespace"), true),
            spec(
                &(
                    "apiextensions.k8s.io",
                    "",
                    "CustomResourceDefinition",
                    "spec/conversion/webhook/clientConfig/service/namespace",
                ),
                false,
            ),
        ],
        common_labels,
        labels: Vec::new(),
        template_labels: specs(&LABELS, true),
        common_annotations: specs(&ANNOTATIONS, true),
        name_reference: name_references(),
        var_reference: joined(in_pods(&VARIABLE_HOLDERS, &VARIABLES_IN_POD), &VARIABLES_ELSEWHERE),
        images: specs(&IMAGES, true),
        replicas: specs(&REPLICAS, true),
    };
    config.sort();
    config
}

fn name_references() -> Vec<BackReferences> {
    let references = |group: &str, version: &str, kind: &str, referrers: Vec<FieldSpec>| BackReferences {
        target: Gvk::new(group, version, kind),
        referrers,
    };
    let scaled = || specs(&[("", "", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name")], false);
    let bound = |kinds: &[&'static str]| {
        kinds.iter().map(|kind| spec(&(RBAC, "", kind, "roleRef/name"), false)).collect::<Vec<_>>()
    };
    let mut service_account =
        specs(&[(RBAC, "", "RoleBinding", "subjects"), (RBAC, "", "ClusterRoleBinding", "subjects")], false);
    service_account.extend(in_pods(&RUNNERS, &["serviceAccountName"]));
    vec![
        references("", "", "Deployment", scaled()),
        references("", "", "ReplicationController", scaled()),
        references("", "", "ReplicaSet", scaled()),
        references("", "", "StatefulSet", scaled()),
        references(
            "",
            "v1",
            "ConfigMap",
            joined(in_pods(&POD_HOLDERS, &CONFIG_MAP_IN_POD), &CONFIG_MAP_ELSEWHERE),
        ),
        references("", "v1", "Secret", joined(in_pods(&POD_HOLDERS, &SECRET_IN_POD), &SECRET_ELSEWHERE)),
        references("", "v1", "Service", specs(&SERVICE, false)),
        references(RBAC, "", "Role", bound(&["RoleBinding"])),
        references(RBAC, "", "ClusterRole", bound(&["RoleBinding", "ClusterRoleBinding"])),
        references("", "v1", "ServiceAccount", service_account),
        references(
            "",
            "v1",
            "PersistentVolumeClaim",
            in_pods(&RUNNERS, &["volumes/persistentVolumeClaim/claimName"]),
        ),
        references(
            "",
            "v1",
            "PersistentVolume",
            specs(
                &[
                    ("", "", "PersistentVolumeClaim", "spec/volumeName"),
                    ("", "", "ClusterRole", "rules/resourceNames"),
                ],
                false,
            ),
        ),
        references("storage.k8s.io", "v1", "StorageClass", specs(&STORAGE_CLASS, false)),
        references("scheduling.k8s.io", "v1", "PriorityClass", in_pods(&RUNNERS, &["priorityClassName"])),
        // The official table has the version in the group's field, so that this row matches nothing.
        references(
            "networking.k8s.io/v1",
            "v1",
            "IngressClass",
            specs(&[("", "", "Ingress", "spec/ingressClassName")], false),
        ),
        references(
            ADMISSION,
            "",
            "ValidatingAdmissionPolicy",
            specs(&[(ADMISSION, "", "ValidatingAdmissionPolicyBinding", "spec/policyName")], false),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::tables;

    #[test]
    fn the_tables_are_complete() {
        let config = tables();
        let references: usize = config.name_reference.iter().map(|r| r.referrers.len()).sum();
        // The official configuration has one row twice (Ingress spec/tls/secretName); here it is there once.
        assert_eq!((references, config.var_reference.len()), (166, 72));
        assert_eq!((config.common_labels.len(), config.template_labels.len()), (32, 10));
    }
}
