//! Ten application charts with the layout of well-known ones and dependencies in two repositories and a registry.
//! keyfill renders each with a lock file, and helm renders it after `helm dependency update`.

use crate::place::{Place, archive, repository, sha256};
use crate::registry::push;
use keyfill_testkit::{Registry, Server, oracle};
use std::collections::BTreeMap;

/// An application chart: its dependencies and values.
struct Application {
    name: &'static str,
    /// The `dependencies` of Chart.yaml. `{a}` and `{b}` stand for the repositories, `{oci}` for the folder of the
    /// registry.
    dependencies: &'static str,
    values: &'static str,
    /// The file names in `charts/`, which both tools must write.
    charts: &'static [&'static str],
}

const APPLICATIONS: &[Application] = &[
    Application {
        name: "blog",
        dependencies: "- {name: mariadb, version: 11.x.x, repository: '{a}', condition: mariadb.enabled}\n\
                       - {name: memcached, version: 6.x.x, repository: '{a}', condition: memcached.enabled}\n\
                       - {name: common, version: 2.x.x, repository: '{a}', tags: [shared-common]}\n",
        values: "mariadb: {enabled: true, auth: {database: blog}}\nmemcached: {enabled: false}\n",
        charts: &["common-2.6.0.tgz", "mariadb-11.5.7.tgz", "memcached-6.7.1.tgz"],
    },
    Application {
        name: "registry",
        dependencies: "- {name: postgresql, version: ~12.5.0, repository: '{a}', alias: database}\n\
                       - {name: redis, version: ^17.1.0, repository: '{b}', alias: cache, condition: cache.enabled}\n",
        values: "database: {size: 8}\ncache: {enabled: true, replicas: 2}\n",
        charts: &["postgresql-12.5.8.tgz", "redis-17.11.3.tgz"],
    },
    Application {
        name: "monitoring",
        dependencies: "- {name: kube-state-metrics, version: 5.6.*, repository: '{b}', condition: ksm.enabled}\n\
                       - {name: node-exporter, version: 4.17.*, repository: '{b}'}\n\
                       - name: dashboards\n  version: '>=6.50.0 <7'\n  repository: '{b}'\n  import-values:\n  \
                       - {child: defaults, parent: dashboardDefaults}\n",
        values: "ksm: {enabled: true}\nglobal: {registry: images.example}\n",
        charts: &["dashboards-6.57.4.tgz", "kube-state-metrics-5.6.4.tgz", "node-exporter-4.17.5.tgz"],
    },
    Application {
        name: "forge",
        dependencies: "- {name: postgresql, version: 12.5.6, repository: '{a}', condition: postgresql.install}\n\
                       - {name: redis, version: 17.11.3, repository: '{b}', tags: [stores]}\n\
                       - {name: memcached, version: '>=5', repository: '{a}', tags: [stores]}\n",
        values: "postgresql: {install: false}\ntags: {stores: true}\n",
        charts: &["memcached-6.7.1.tgz", "postgresql-12.5.6.tgz", "redis-17.11.3.tgz"],
    },
    Application {
        name: "files",
        dependencies: "- {name: redis, version: ~17.11, repository: '{b}', alias: sessions}\n\
                       - {name: redis, version: ~17.11, repository: '{b}', alias: locks}\n",
        values: "sessions: {size: 2}\nlocks: {size: 3}\n",
        charts: &["redis-17.11.3.tgz"],
    },
    Application {
        name: "workflows",
        dependencies: "- {name: postgresql, version: '>=13.0.0-0', repository: '{a}'}\n",
        values: "{}\n",
        charts: &["postgresql-13.0.0-rc.2.tgz"],
    },
    Application {
        name: "delivery",
        dependencies: "- {name: redis-ha, version: 4.33.7, repository: '{oci}', condition: redis-ha.enabled}\n",
        values: "redis-ha: {enabled: true}\n",
        charts: &["redis-ha-4.33.7.tgz"],
    },
    Application {
        name: "logins",
        dependencies: "- {name: redis-ha, version: ^4.30.0, repository: '{oci}'}\n\
                       - {name: common, version: 1 || 2, repository: '{a}'}\n",
        values: "common: {exampleValue: shared}\n",
        charts: &["common-2.6.0.tgz", "redis-ha-4.34.1.tgz"],
    },
    Application {
        name: "logs",
        dependencies: "- {name: memcached, version: 5.0 - 6.5, repository: '{a}/'}\n\
                       - {name: node-exporter, version: '!=4.17.5', repository: '{b}'}\n",
        values: "node-exporter: {size: 9}\n",
        charts: &["memcached-6.5.0.tgz", "node-exporter-4.18.0.tgz"],
    },
    Application {
        name: "umbrella",
        dependencies: "- {name: platform, version: '*', repository: '@corp'}\n\
                       - {name: common, version: ^1, repository: 'alias:corp'}\n",
        values: "global: {domain: example.org}\nplatform: {inner: {size: 4}}\n",
        charts: &["common-1.17.1.tgz", "platform-3.0.0.tgz"],
    },
];

/// The files of the first repository: databases, caches, and a chart that contains another chart.
fn first() -> BTreeMap<String, Vec<u8>> {
    let listed = [
        ("mariadb", "11.5.7"),
        ("mariadb", "12.0.0"),
        ("memcached", "5.1.0"),
        ("memcached", "6.5.0"),
        ("memcached", "6.7.1"),
        ("common", "1.17.1"),
        ("common", "2.6.0"),
        ("postgresql", "12.5.6"),
        ("postgresql", "12.5.8"),
        ("postgresql", "12.6.0"),
        ("postgresql", "13.0.0-rc.2"),
    ];
    let mut files = repository(&listed);
    let platform = archive(
        "platform",
        &[
            (
                "Chart.yaml",
                "apiVersion: v2\nname: platform\nversion: 3.0.0\ndependencies:\n- {name: inner, version: 0.1.0, repository: ''}\n",
            ),
            ("values.yaml", "inner: {size: 1}\n"),
            (
                "templates/_helpers.tpl",
                "{{- define \"platform.name\" -}}{{ .Release.Name }}-{{ .Chart.Name }}{{- end }}\n",
            ),
            (
                "templates/job.yaml",
                "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {{ include \"platform.name\" . }}\n  annotations: {helm.sh/hook: pre-install}\n  labels: {domain: {{ .Values.global.domain }}}\n",
            ),
            ("templates/NOTES.txt", "Installed {{ .Release.Name }}.\n"),
            ("charts/inner/Chart.yaml", "apiVersion: v2\nname: inner\nversion: 0.1.0\n"),
            (
                "charts/inner/templates/cm.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: inner}\ndata: {size: {{ .Values.size | quote }}, domain: {{ .Values.global.domain }}}\n",
            ),
        ],
    );
    let entry = format!(
        "  platform:\n  - {{apiVersion: v2, name: platform, version: 3.0.0, digest: {}, urls: [platform-3.0.0.tgz]}}\n",
        sha256(&platform)
    );
    files.get_mut("/charts/index.yaml").unwrap().extend_from_slice(entry.as_bytes());
    files.insert("/charts/platform-3.0.0.tgz".to_owned(), platform);
    files
}

/// The files of the second repository: exporters, and a chart with `exports` in its values.
fn second() -> BTreeMap<String, Vec<u8>> {
    let listed = [
        ("redis", "17.1.0"),
        ("redis", "17.11.3"),
        ("redis", "18.0.0"),
        ("kube-state-metrics", "5.6.4"),
        ("kube-state-metrics", "5.7.0"),
        ("node-exporter", "4.17.5"),
        ("node-exporter", "4.18.0"),
    ];
    let mut files = repository(&listed);
    let dashboards = archive(
        "dashboards",
        &[
            ("Chart.yaml", "apiVersion: v2\nname: dashboards\nversion: 6.57.4\nappVersion: 9.5.5\n"),
            ("values.yaml", "defaults: {theme: dark}\n"),
            ("files/one.json", "{\"title\": \"one\"}\n"),
            (
                "templates/cm.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-dashboards}\ndata:\n{{ (.Files.Glob \"files/*\").AsConfig | indent 2 }}\n  registry: {{ .Values.global.registry | quote }}\n",
            ),
        ],
    );
    let entry = "  dashboards:\n  - {apiVersion: v2, name: dashboards, version: 6.57.4, urls: [dashboards-6.57.4.tgz]}\n";
    files.get_mut("/charts/index.yaml").unwrap().extend_from_slice(entry.as_bytes());
    files.insert("/charts/dashboards-6.57.4.tgz".to_owned(), dashboards);
    files
}

const TEMPLATE: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}-{{ .Chart.Name }}\nspec:\n  \
                        replicas: {{ .Values.replicas | default 1 }}\n  values: {{ .Values | toJson | quote }}\n";

/// The `name` and the field `version` of each entry of a lock, sorted.
fn versions(text: &str, version: &str) -> Vec<(String, String)> {
    let field = |line: &str, name: &str| {
        let line = line.trim_start().trim_start_matches("- ");
        Some(line.strip_prefix(name)?.strip_prefix(": ")?.trim_matches(['"', '\'']).to_owned())
    };
    let mut found: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if let Some(name) = field(line, "name") {
            found.push((name, String::new()));
        } else if let (Some(value), Some(last)) = (field(line, version), found.last_mut()) {
            last.1 = value;
        }
    }
    found.sort();
    found.dedup();
    found
}

#[test]
fn ten_application_charts_render_as_after_helm_dependency_update() {
    let (Some(helm), Some(registry)) = (oracle("helm"), Registry::start(None)) else { return };
    for version in ["4.33.7", "4.34.1", "5.0.0"] {
        push(&registry, "redis-ha", version, None);
    }
    let (first, second) = (Server::of_files(first()), Server::of_files(second()));
    let (http, oci) = (format!("http://{}", registry.host()), format!("oci://{}", registry.host()));
    let place = Place::new(&[&first.address(), &second.address(), &http, &oci]);
    let config = place.home().join(".config/helm");
    std::fs::create_dir_all(&config).unwrap();
    let corp =
        format!("apiVersion: ''\nrepositories:\n- {{name: corp, url: '{}/charts'}}\n", first.address());
    std::fs::write(config.join("repositories.yaml"), corp).unwrap();
    for Application { name, dependencies, values, .. } in APPLICATIONS {
        let dependencies = dependencies
            .replace("{a}", &format!("{}/charts", first.address()))
            .replace("{b}", &format!("{}/charts", second.address()))
            .replace("{oci}", &format!("{oci}/team"));
        // One chart has the layout of helm 2.
        let (api, of_old) = if *name == "forge" { ("v1", true) } else { ("v2", false) };
        let mut about = format!("apiVersion: {api}\nname: {name}\nversion: 1.0.0\nappVersion: '2.1'\n");
        let listed = format!("dependencies:\n{dependencies}");
        if of_old {
            place.write(&format!("{name}/requirements.yaml"), listed);
        } else {
            about += &listed;
        }
        place.write(&format!("{name}/Chart.yaml"), about);
        place.write(&format!("{name}/values.yaml"), values);
        place.write(&format!("{name}/templates/app.yaml"), TEMPLATE);
    }
    place.keyfill("lock --all").text();
    let locked = versions(&place.read("keyfill.lock"), "resolved");
    for Application { name, charts, .. } in APPLICATIONS {
        let render = format!("render {name} --helm-compat 3 --release-name r --fetch locked");
        let ours = place.keyfill(&render).text();
        place.keyfill(&format!("vendor {name}")).text();
        assert_eq!(place.names(&format!("{name}/charts")), *charts, "{name}");
        std::fs::remove_dir_all(place.path(&format!("{name}/charts"))).unwrap();
        place.run(&helm, &format!("dependency update {name}")).text();
        assert_eq!(place.names(&format!("{name}/charts")), *charts, "{name}");
        assert_eq!(place.run(&helm, &format!("template r {name}")).text(), ours, "{name}");
        // helm's own lock file has the same versions, and keyfill accepts its digest.
        let lock = if *name == "forge" { "requirements.lock" } else { "Chart.lock" };
        for version in versions(&place.read(&format!("{name}/{lock}")), "version") {
            assert!(locked.contains(&version), "{name}: {version:?} is not in {locked:?}");
        }
        std::fs::remove_dir_all(place.path(&format!("{name}/charts"))).unwrap();
        // helm's lock file replaces ranges by exact versions, which keyfill.lock does not name.
        let again = place.keyfill(&render.replace("locked", "on"));
        assert!(!again.stderr.contains("out of sync"), "{name}: {}", again.stderr);
        assert_eq!(again.text(), ours, "{name}");
    }
}
