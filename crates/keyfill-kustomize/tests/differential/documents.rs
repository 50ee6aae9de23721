//! Documents with the scalar styles, comments, anchors and kinds that occur in real repositories.

/// A document; `@` in `body` stands for the name of the object.
pub struct Sample {
    /// apiVersion and kind.
    pub is: (&'static str, &'static str),
    /// What follows the metadata.
    pub body: &'static str,
}

const fn sample(api_version: &'static str, kind: &'static str, body: &'static str) -> Sample {
    Sample { is: (api_version, kind), body }
}

/// All sample documents.
pub const SAMPLES: &[Sample] = &[
    sample(
        "apps/v1",
        "Deployment",
        r#"spec:
  replicas: 2   # two of them
  selector:
    matchLabels: {app: web, "app.kubernetes.io/name": '@'}
  template:
    metadata:
      annotations:
        prometheus.io/port: "8080"
        checksum/config: &sum abc123
      labels: {app: web, "app.kubernetes.io/name": '@'}
    spec:
      serviceAccountName: beta
      securityContext: {runAsNonRoot: true, fsGroup: 2000}
      containers:
      # the main one
      - name: main
        image: "registry.io:5000/team/app:v1" # pinned
        command: ["/bin/sh", -c]
        args:
          - |
            set -e
            exec app --name=$(VAR)
          - >-
            --folded
            flag
        env:
        - {name: A, value: "true"}
        - name: B
          valueFrom:
            configMapKeyRef: {name: alpha, key: key}
        - name: POD_IP
          valueFrom: {fieldRef: {fieldPath: status.podIP}}
        envFrom:
        - secretRef: {name: gamma}
        ports:
        - {name: http, containerPort: 8080}
        - name: metrics
          containerPort: 9090
          protocol: TCP
        resources:
          limits: {cpu: 500m, memory: 1Gi}
          requests:
            cpu: 100m
        volumeMounts:
        - mountPath: /etc/config
          name: v1
      - name: side
        image: nginx:1.2
      volumes:
      - name: v1
        configMap: {name: alpha, defaultMode: 0644}
      - name: v2
        projected:
          sources:
          - secret: {name: gamma}
          - configMap: {name: alpha}
"#,
    ),
    sample(
        "example.com/v1",
        "Widget",
        r#"spec:
  base: &base {size: small, colour: red, when: 2001-12-14T21:59:43Z, none: }
  written:
    colour: green
    <<: *base
  inline: {<<: {size: "1", colour: blue}, size: own}
  several:
    <<: [*base, {size: ignored, weight: "3"}]
    parts: [*base]
  quoted:
    '<<': {size: lost}
    size: kept
  parts:
  - <<: {name: one}
    size: 1
  - name: two
    <<: *base
"#,
    ),
    sample(
        "apps/v1",
        "DaemonSet",
        r#"spec:
  selector: &labels
    matchLabels:
      app: web
      k8s-app: '@'
  updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 10%}}
  template:
    metadata:
      labels:
        app: web
        k8s-app: '@'
    spec:
      hostNetwork: true
      tolerations:
      - operator: Exists
        effect: NoSchedule
      - key: a
        operator: Exists
      initContainers:
      - name: init
        image: busybox
        imagePullPolicy: IfNotPresent
      containers:
      - name: main
        image: nginx
        livenessProbe:
          httpGet: {path: /healthz, port: 9099, host: localhost}
          periodSeconds: 10
"#,
    ),
    sample(
        "apps/v1",
        "StatefulSet",
        r#"spec:
  serviceName: alpha
  replicas: 3
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 10
      containers:
      - name: main
        image: redis:7
        ports: [{containerPort: 6379, name: redis}]
        volumeMounts: [{name: data, mountPath: /data}]
        env:
        - name: B
          valueFrom: {secretKeyRef: {name: gamma, key: k, optional: true}}
  volumeClaimTemplates:
  - metadata:
      name: data
    spec:
      accessModes: [ReadWriteOnce]
      resources: {requests: {storage: 10Gi}}
"#,
    ),
    sample(
        "v1",
        "ConfigMap",
        r##"data:
  key: value
  empty: ""
  number: "42"
  multi: |+
    line one

      indented
    # no comment

  folded: >
    some folded
    text

    more
  config.yaml: |
    # settings
    server:
      port: 8080   # the port
      hosts: [a.example.com, "b.example.com"]
    logging: {level: info}
    items:
    - name: one
      value: 1
    - name: two
      value: "2"
  config.json: '{"a": {"b": 1}, "list": [{"x": 1}, {"x": 2}], "html": "<b>"}'
  quoted: 'it''s "quoted"'
  escaped: "tab\tand\u00e9\x41 \
    joined"
  tricky: "- not a list: {}"
"##,
    ),
    sample(
        "v1",
        "ConfigMap",
        "binaryData:\n  b: AAEC\ndata: &d\n  key: one\n  tab: \"a\\tb\"\n  long: this is a text that is long enough to be \
         folded by the writer, since it goes far beyond eighty columns\n  emoji: \"\\U0001F600 ok\"\n",
    ),
    sample(
        "v1",
        "Secret",
        "type: Opaque\nstringData:\n  password: \"s3cr3t: #1\"\n  user: admin\ndata:\n  k: aGVsbG8=\n",
    ),
    sample(
        "v1",
        "Service",
        r#"spec:
  type: ClusterIP
  clusterIP: None
  selector: {app: web}
  ports:
  - {name: web, port: 80, targetPort: http}
  - name: metrics
    port: 9090
    protocol: TCP
    targetPort: 9090
"#,
    ),
    sample(
        "v1",
        "ServiceAccount",
        "imagePullSecrets:\n- name: gamma\nsecrets:\n- name: gamma\nautomountServiceAccountToken: no\n",
    ),
    sample("v1", "Namespace", ""),
    sample(
        "v1",
        "PersistentVolume",
        "spec:\n  capacity:\n    storage: 5Gi\n  storageClassName: fast\n  claimRef: {name: alpha, namespace: one}\n",
    ),
    sample(
        "networking.k8s.io/v1",
        "Ingress",
        r#"spec:
  ingressClassName: nginx
  tls:
  - hosts: ["a.example.com"]
    secretName: gamma
  rules:
  - host: "a.example.com"
    http:
      paths:
      - path: /
        pathType: Prefix
        backend: {service: {name: alpha, port: {number: 80}}}
      - path: /api
        pathType: Exact
        backend:
          service:
            name: beta
            port: {name: http}
"#,
    ),
    sample(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        r"spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - podSelector: {matchLabels: {app: db}}
    - namespaceSelector: {}
    ports: [{protocol: TCP, port: 80}]
  egress:
  - {}
",
    ),
    sample(
        "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding",
        r"roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: alpha
subjects:
- kind: ServiceAccount
  name: beta
  namespace: one
- kind: ServiceAccount
  name: default
- kind: Group
  apiGroup: rbac.authorization.k8s.io
  name: system:authenticated
",
    ),
    sample(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: alpha}\nsubjects:\n- {kind: ServiceAccount, name: beta, \
         namespace: two}\n",
    ),
    sample(
        "rbac.authorization.k8s.io/v1",
        "Role",
        "rules:\n- apiGroups: [\"\"]\n  resources: [configmaps, secrets]\n  resourceNames: [alpha, gamma]\n  verbs: [\"*\"]\n",
    ),
    sample(
        "rbac.authorization.k8s.io/v1",
        "ClusterRole",
        "aggregationRule:\n  clusterRoleSelectors:\n  - matchLabels: {tier: db}\nrules: []\n",
    ),
    sample(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        r"spec:
  minReplicas: 1
  maxReplicas: 10
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: alpha}
  metrics:
  - type: Resource
    resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}
",
    ),
    sample(
        "policy/v1",
        "PodDisruptionBudget",
        "spec:\n  minAvailable: 50%\n  selector:\n    matchLabels:\n      app: web\n",
    ),
    sample(
        "batch/v1",
        "Job",
        r"spec:
  backoffLimit: 4
  template:
    spec:
      restartPolicy: Never
      containers:
      - {name: main, image: busybox@sha256:abc, command: [sh, -c, 'echo $(VAR)']}
",
    ),
    sample(
        "batch/v1",
        "CronJob",
        r#"spec:
  schedule: "*/5 * * * *"
  concurrencyPolicy: Forbid
  jobTemplate:
    spec:
      template:
        metadata: {labels: {app: web}}
        spec:
          restartPolicy: OnFailure
          serviceAccount: beta
          containers:
          - name: main
            image: team/app:v1@sha256:def
            envFrom:
            - configMapRef:
                name: alpha
"#,
    ),
    sample(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        r#"spec:
  group: example.com
  names: {kind: Widget, listKind: WidgetList, plural: widgets, singular: widget}
  scope: Namespaced
  conversion:
    strategy: Webhook
    webhook:
      clientConfig:
        service: {name: alpha, namespace: one, path: /convert}
      conversionReviewVersions: [v1]
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns:
    - {jsonPath: .metadata.creationTimestamp, name: Age, type: date}
    schema:
      openAPIV3Schema:
        description: |-
          Widget is the Schema: it has a "spec"
          and more.
        type: object
        properties:
          spec:
            type: object
            properties:
              size: {type: integer, format: int32, minimum: 0, maximum: 1e3, default: 1}
              image: {type: string, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'}
              when: {type: string, enum: ["", "yes", "no", "on"]}
            required: [size]
            x-kubernetes-preserve-unknown-fields: true
"#,
    ),
    sample(
        "admissionregistration.k8s.io/v1",
        "MutatingWebhookConfiguration",
        r#"webhooks:
- name: m.example.com
  admissionReviewVersions: [v1, v1beta1]
  sideEffects: None
  clientConfig:
    caBundle: Cg==
    service:
      name: alpha
      namespace: one
      path: /mutate
      port: 443
  rules:
  - apiGroups: ["apps", ""]
    apiVersions: ["v1"]
    operations: [CREATE, UPDATE]
    resources: [deployments, pods/ephemeralcontainers]
  namespaceSelector:
    matchExpressions:
    - {key: control-plane, operator: DoesNotExist}
"#,
    ),
    sample(
        "apiregistration.k8s.io/v1",
        "APIService",
        "spec:\n  group: metrics.k8s.io\n  version: v1beta1\n  groupPriorityMinimum: 100\n  versionPriority: 100\n  service: {name: alpha, \
         namespace: one}\n",
    ),
    sample(
        "storage.k8s.io/v1",
        "StorageClass",
        "provisioner: kubernetes.io/aws-ebs\nparameters: {type: gp2, iopsPerGB: \"10\"}\nreclaimPolicy: Retain\n",
    ),
    sample(
        "scheduling.k8s.io/v1",
        "PriorityClass",
        "value: 1000000\nglobalDefault: false\ndescription: 'high: very'\n",
    ),
    sample(
        "argoproj.io/v1alpha1",
        "Application",
        r"spec:
  project: default
  source:
    repoURL: https://example.com/repo.git
    targetRevision: HEAD
    path: apps/web
    kustomize: {images: ['nginx:1.2'], commonLabels: {a: b}}
  destination: {server: 'https://kubernetes.default.svc', namespace: one}
  syncPolicy:
    automated: {prune: true, selfHeal: true}
    syncOptions: [CreateNamespace=true]
  ignoreDifferences:
  - group: apps
    kind: Deployment
    jqPathExpressions: ['.spec.template.spec.containers[].image']
",
    ),
    sample(
        "argoproj.io/v1alpha1",
        "Rollout",
        r"spec:
  replicas: 5
  strategy: {canary: {steps: [{setWeight: 20}, {pause: {}}]}}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: main, image: 'nginx:1.2', ports: [{containerPort: 80}]}
      volumes: [{name: v1, configMap: {name: alpha}}]
",
    ),
    sample(
        "helm.toolkit.fluxcd.io/v2",
        "HelmRelease",
        r"spec:
  interval: 5m
  chart:
    spec:
      chart: podinfo
      version: '>=1.0.0'
      sourceRef: {kind: HelmRepository, name: alpha, namespace: flux-system}
  values:
    image: {repository: team/app, tag: v1}
    ingress:
      enabled: on
      hosts: [{host: a.example.com, paths: ['/']}]
  valuesFrom:
  - {kind: ConfigMap, name: alpha, valuesKey: key}
",
    ),
    sample(
        "kustomize.toolkit.fluxcd.io/v1",
        "Kustomization",
        r"spec:
  interval: 10m0s
  path: ./apps
  prune: true
  sourceRef: {kind: GitRepository, name: alpha}
  postBuild: {substitute: {cluster_env: prod}, substituteFrom: [{kind: ConfigMap, name: alpha}]}
  dependsOn: [{name: beta}]
",
    ),
    sample(
        "networking.istio.io/v1beta1",
        "VirtualService",
        r#"spec:
  hosts: ["*.example.com", a]
  gateways: [one/alpha, mesh]
  http:
  - match: [{uri: {prefix: /v1}}]
    route:
    - destination: {host: alpha.one.svc.cluster.local, subset: v1, port: {number: 80}}
      weight: 90
    - destination: {host: beta}
      weight: 10
    timeout: 0.5s
"#,
    ),
    sample(
        "serving.knative.dev/v1",
        "Service",
        r#"spec:
  template:
    metadata:
      annotations: {autoscaling.knative.dev/minScale: "1"}
    spec:
      containerConcurrency: 0
      containers:
      - image: team/app:v1
        env: [{name: A, value: '1'}]
  traffic: [{latestRevision: true, percent: 100}]
"#,
    ),
    sample(
        "cert-manager.io/v1",
        "Certificate",
        r"spec:
  secretName: gamma
  dnsNames: [alpha.one.svc, $(VAR).svc]
  issuerRef: {kind: ClusterIssuer, name: beta}
  duration: 2160h0m0s
",
    ),
    sample(
        "monitoring.coreos.com/v1",
        "PrometheusRule",
        r#"spec:
  groups:
  - name: a.rules
    rules:
    - alert: Down
      expr: |
        sum(rate(x{job="a",code!~"2.."}[5m])) by (pod)
          / 100 > 0.05
      for: 10m
      labels: {severity: critical}
      annotations:
        summary: '{{ $labels.pod }} is down: {{ $value | printf "%.2f" }}'
"#,
    ),
    sample(
        "apiextensions.crossplane.io/v1",
        "Composition",
        r"spec:
  compositeTypeRef: {apiVersion: example.com/v1, kind: XWidget}
  resources:
  - name: bucket
    base:
      apiVersion: s3.aws.upbound.io/v1beta1
      kind: Bucket
      spec: {forProvider: {region: eu-west-1}}
    patches:
    - {fromFieldPath: spec.parameters.name, toFieldPath: metadata.name, transforms: [{type: string, string: {fmt: '%s-b'}}]}
",
    ),
    sample(
        "route.openshift.io/v1",
        "Route",
        "spec:\n  to: {kind: Service, name: alpha, weight: 100}\n  port: {targetPort: http}\n  tls: {termination: edge}\n",
    ),
    sample(
        "example.com/v1",
        "Widget",
        r"spec:
  size: 3
  image: nginx:1.2
  ratio: 1.50
  big: 12345678901
  octal: 0777
  date: 2001-12-14
  time: 2001-12-14T21:59:43Z
  nothing: ~
  novalue:
  flag: yes
  tilde: '~'
  parts:
  - &part {name: p1, size: 1}
  - <<: *part
    name: p2
  copy: *part
  configRef: {name: alpha}
  nested: [[1, 2], [a, [b]]]
  'quoted key': 1
",
    ),
];
