//! Random Kubernetes objects that refer to each other.

use crate::random::Random;
use crate::writer::{Y, block};

/// Names of objects. They are few, so that references find their targets.
pub const NAMES: [&str; 4] = ["alpha", "beta", "gamma", "delta-1"];
/// Namespaces.
pub const NAMESPACES: [&str; 3] = ["one", "two", "default"];
/// Images.
pub const IMAGES: [&str; 6] = [
    "nginx",
    "nginx:1.2",
    "registry.io:5000/team/app:v1",
    "busybox@sha256:abc",
    "team/app:v1@sha256:def",
    "redis:7",
];

/// Kinds with their apiVersion.
pub const KINDS: [(&str, &str); 17] = [
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("v1", "ServiceAccount"),
    ("networking.k8s.io/v1", "Ingress"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"),
    ("v1", "Namespace"),
    ("example.com/v1", "Widget"),
    ("batch/v1", "CronJob"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Pod"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
];

/// YAML texts that are the value of a field, with comments, flow collections, anchors and tags.
const YAML_TEXTS: [&str; 8] = [
    "a:\n  b: one\n  c: \"2\"\n",
    "# head\n\n# above\na: # of the key\n    b: one   # behind\n    # below\n\n# of the list\nlist:\n  - x: 1\n  # between\n\n  - x: 2\n# end\n",
    "a: {b: [1, 'two', \"three\"], c: {d: e}, n: }\nlist: [{x: 1},\n  {x: 2}]\n",
    "base: &base\n  b: 1\n  c: two\na:\n  <<: *base\n  b: three\nlist:\n- *base\n- x: &x 1\n",
    "a:\n  b: !!str 5\n  c: !own d\n  t: 2001-12-14\n  n: ~\nlist:\n- x: 0x10\n",
    "---\na:\n  b: |\n    one\n     two\n  c: >-\n    folded\n    text\n\n    more\n  'q': 'it''s'\n",
    "{a: {b: 1, c: [x, 'y']}, list: [{x: 1}, {x: 2}]}\n",
    "a:\n  b: yes # old\n  c: \"a\\nb\"\n\n\n# two lines\n# of comment\n\n  # deeper\nlist:\n  - x: 1 # one\n    y: [] # none\n  - # dash\n    x: 2\n",
];

/// A name.
pub fn name(random: &mut Random) -> &'static str {
    random.pick(&NAMES)
}

/// A scalar of a random type and style.
pub fn scalar(random: &mut Random) -> Y {
    Y::from(random.pick(&[
        "a",
        "b c",
        "'5'",
        "\"yes\"",
        "yes",
        "5",
        "0x1F",
        "1.50",
        "true",
        "null",
        "~",
        "",
        "'it''s'",
        "1000000",
        "2001-12-14",
        "$(VAR)",
        "pre-$(OTHER)-$$(VAR)",
        "\"a\\nb\"",
        "0777",
        "1e3",
        "!!str 5",
        "a:b",
        "-1",
    ]))
}

/// A scalar that is always a string.
pub fn text(random: &mut Random) -> Y {
    match random.below(12) {
        0 => block("|", "line one\nline two\n"),
        1 => block("|-", "a: 1\nb:\n- c\n"),
        2 => block(">", "folded text\ngoes on\n"),
        _ => Y::from(random.pick(&[
            "a",
            "b",
            "\"5\"",
            "'true'",
            "$(VAR)",
            "x-$(VAR)-y",
            "long text with blanks",
        ])),
    }
}

/// Labels or annotations.
pub fn pairs(random: &mut Random) -> Y {
    let keys = ["app", "tier", "example.com/team", "env"];
    let values = ["web", "db", "\"1\"", "'yes'", "zed"];
    let count = 1 + random.below(3);
    let start = random.below(keys.len());
    Y::Map((0..count).map(|n| (keys[(start + n) % 4].to_owned(), Y::from(random.pick(&values)))).collect())
}

/// An object of a random kind.
pub fn object(random: &mut Random) -> Y {
    let (api_version, kind) = KINDS[random.below(KINDS.len())];
    of_kind(api_version, kind, name(random), random)
}

/// An object of a given kind.
pub fn of_kind(api_version: &str, kind: &str, name: &str, random: &mut Random) -> Y {
    let mut metadata = Y::map([("name", name.into())]);
    if random.percent(35) {
        metadata = metadata.with("labels", pairs(random));
    }
    if random.percent(20) {
        metadata =
            metadata.with("annotations", if random.percent(10) { Y::Map(Vec::new()) } else { pairs(random) });
    }
    if random.percent(25) {
        metadata = metadata.with("namespace", random.pick(&NAMESPACES));
    }
    let object = Y::map([("apiVersion", api_version.into()), ("kind", kind.into()), ("metadata", metadata)]);
    match kind {
        "Deployment" | "StatefulSet" => workload(object, kind, random),
        "ConfigMap" => object.with("data", data(random)),
        "Secret" => object.with("type", "Opaque").with("data", Y::map([("k", "aGVsbG8=".into())])),
        "Service" => service(object, random),
        "Ingress" => ingress(object, random),
        "RoleBinding" | "ClusterRoleBinding" => binding(object, random),
        "ClusterRole" => object.with(
            "rules",
            Y::list([Y::map([
                ("apiGroups", Y::list(["\"\"".into()])),
                ("resources", Y::list(["configmaps".into()])),
                ("resourceNames", Y::list([self::name(random).into()])),
                ("verbs", Y::list(["get".into()])),
            ])]),
        ),
        "Widget" => object.with("spec", widget(random)),
        "CronJob" => {
            let spec = Y::map([("template", Y::map([("spec", pod_spec(random))]))]);
            object.with(
                "spec",
                Y::map([("schedule", "\"* * * * *\"".into()), ("jobTemplate", Y::map([("spec", spec)]))]),
            )
        }
        "HorizontalPodAutoscaler" => object.with(
            "spec",
            Y::map([
                ("maxReplicas", "3".into()),
                (
                    "scaleTargetRef",
                    Y::map([
                        ("apiVersion", "apps/v1".into()),
                        ("kind", random.pick(&["Deployment", "StatefulSet", "Widget"]).into()),
                        ("name", self::name(random).into()),
                    ]),
                ),
            ]),
        ),
        "PersistentVolumeClaim" => object.with("spec", Y::map([("volumeName", self::name(random).into())])),
        "Pod" => object.with("spec", pod_spec(random)),
        "ValidatingWebhookConfiguration" => object.with(
            "webhooks",
            Y::list([Y::map([
                ("name", "a.example.com".into()),
                (
                    "clientConfig",
                    Y::map([(
                        "service",
                        Y::map([
                            ("name", self::name(random).into()),
                            ("namespace", random.pick(&NAMESPACES).into()),
                        ]),
                    )]),
                ),
            ])]),
        ),
        _ => object,
    }
}

fn data(random: &mut Random) -> Y {
    let mut data = Y::map([("key", text(random))]);
    if random.percent(50) {
        data = data.with("other.txt", text(random));
    }
    if random.percent(15) {
        data = data.with("config.json", "'{\"a\": {\"b\": 1}, \"list\": [1, 2]}'");
    }
    if random.percent(35) {
        data = data.with("config.yaml", block("|", random.pick(&YAML_TEXTS)));
    }
    data
}

fn workload(object: Y, kind: &str, random: &mut Random) -> Y {
    let labels = pairs(random);
    let mut spec = Y::map([("selector", Y::map([("matchLabels", labels.clone())]))]);
    if random.percent(50) {
        spec = spec.with("replicas", random.pick(&["1", "3", "\"2\""]));
    }
    if kind == "StatefulSet" {
        spec = spec.with("serviceName", name(random));
        if random.percent(40) {
            spec = spec.with(
                "volumeClaimTemplates",
                Y::list([Y::map([("metadata", Y::map([("name", "data".into())]))])]),
            );
        }
    }
    let mut template = Y::map([("metadata", Y::map([("labels", labels)]))]);
    if random.percent(15) {
        template = Y::Map(Vec::new());
    }
    object.with("spec", spec.with("template", template.with("spec", pod_spec(random))))
}

/// The spec of a pod.
pub fn pod_spec(random: &mut Random) -> Y {
    let count = 1 + random.below(3);
    let names = ["main", "side", "extra"];
    let mut spec = Y::map([("containers", Y::list((0..count).map(|n| container(names[n], random))))]);
    if random.percent(20) {
        spec = spec.with(
            "initContainers",
            if random.percent(15) { "null".into() } else { Y::list([container("init", random)]) },
        );
    }
    if random.percent(40) {
        spec = spec.with("volumes", Y::list([volume("v1", random), volume("v2", random)]));
    }
    if random.percent(30) {
        spec = spec.with("serviceAccountName", name(random));
    }
    if random.percent(15) {
        spec = spec.with("imagePullSecrets", Y::list([Y::map([("name", name(random).into())])]));
    }
    if random.percent(10) {
        spec =
            spec.with("tolerations", Y::list([Y::map([("key", "a".into()), ("operator", "Exists".into())])]));
    }
    if random.percent(8) {
        spec = spec.with("hostname", scalar(random));
    }
    spec
}

fn volume(volume: &str, random: &mut Random) -> Y {
    let base = Y::map([("name", volume.into())]);
    match random.below(4) {
        0 => base.with("configMap", Y::map([("name", name(random).into())])),
        1 => base.with("secret", Y::map([("secretName", name(random).into())])),
        2 => base.with("persistentVolumeClaim", Y::map([("claimName", name(random).into())])),
        _ => base.with("emptyDir", Y::Map(Vec::new())),
    }
}

/// A container.
pub fn container(container: &str, random: &mut Random) -> Y {
    let mut fields = Y::map([("name", container.into()), ("image", random.pick(&IMAGES).into())]);
    if random.percent(35) {
        let mut env = vec![Y::map([("name", "A".into()), ("value", text(random))])];
        if random.percent(50) {
            let reference = Y::map([("name", name(random).into()), ("key", "key".into())]);
            let from = if random.percent(50) { "configMapKeyRef" } else { "secretKeyRef" };
            env.push(Y::map([("name", "B".into()), ("valueFrom", Y::map([(from, reference)]))]));
        }
        fields = fields.with("env", Y::List(env));
    }
    if random.percent(20) {
        fields = fields
            .with("envFrom", Y::list([Y::map([("configMapRef", Y::map([("name", name(random).into())]))])]));
    }
    if random.percent(30) {
        fields = fields.with("args", Y::list([text(random), "--flag=$(VAR)".into()]));
    }
    if random.percent(35) {
        fields = fields.with("ports", ports(random));
    }
    if random.percent(15) {
        fields = fields
            .with("volumeMounts", Y::list([Y::map([("name", "v1".into()), ("mountPath", "/a".into())])]));
    }
    if random.percent(10) {
        fields = fields.with(
            "resources",
            Y::map([("limits", Y::map([("cpu", scalar(random)), ("memory", "1Gi".into())]))]),
        );
    }
    fields
}

/// Ports of a container, with or without the fields that distinguish them.
pub fn ports(random: &mut Random) -> Y {
    let port = |random: &mut Random| {
        let mut port = Y::map([("containerPort", random.pick(&["80", "8080", "443"]).into())]);
        if random.percent(55) {
            port = port.with("protocol", random.pick(&["TCP", "UDP"]));
        }
        if random.percent(40) {
            port = port.with("name", random.pick(&["http", "admin"]));
        }
        port
    };
    let count = 1 + random.below(2);
    Y::list((0..count).map(|_| port(random)))
}

fn service(object: Y, random: &mut Random) -> Y {
    let mut port = Y::map([("port", random.pick(&["80", "443"]).into())]);
    if random.percent(50) {
        port = port.with("protocol", "TCP").with("name", "web");
    }
    object.with("spec", Y::map([("selector", pairs(random)), ("ports", Y::list([port]))]))
}

fn ingress(object: Y, random: &mut Random) -> Y {
    let backend = Y::map([(
        "service",
        Y::map([("name", name(random).into()), ("port", Y::map([("number", "80".into())]))]),
    )]);
    let path = Y::map([("path", "/".into()), ("pathType", "Prefix".into()), ("backend", backend)]);
    let rule = Y::map([("host", text(random)), ("http", Y::map([("paths", Y::list([path]))]))]);
    let tls = Y::map([("secretName", name(random).into())]);
    object.with("spec", Y::map([("rules", Y::list([rule])), ("tls", Y::list([tls]))]))
}

fn binding(object: Y, random: &mut Random) -> Y {
    let mut subject = Y::map([
        ("kind", random.pick(&["ServiceAccount", "User"]).into()),
        ("name", random.pick(&["default", "alpha", "beta"]).into()),
    ]);
    if random.percent(40) {
        subject = subject.with("namespace", random.pick(&NAMESPACES));
    }
    let role = Y::map([
        ("apiGroup", "rbac.authorization.k8s.io".into()),
        ("kind", "ClusterRole".into()),
        ("name", name(random).into()),
    ]);
    object.with("roleRef", role).with("subjects", Y::list([subject]))
}

fn widget(random: &mut Random) -> Y {
    let parts = Y::list([
        Y::map([("name", "p1".into()), ("size", scalar(random))]),
        Y::map([("name", "p2".into()), ("configRef", Y::map([("name", name(random).into())]))]),
    ]);
    let mut spec = Y::map([
        ("size", scalar(random)),
        ("parts", parts),
        ("configRef", Y::map([("name", name(random).into())])),
    ]);
    if random.percent(20) {
        let inner = of_kind("v1", "Pod", "inner", random);
        spec = spec.with("manifest", inner);
    }
    if random.percent(20) {
        spec = spec.with("image", random.pick(&IMAGES));
    }
    spec
}
