//! Apps whose secrets change are refreshed, each app once for each change.

use crate::cluster::Cluster;
use crate::{SECRETS, Server, app};
use keyfill_testkit::Vault;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// The flags of a server that refreshes apps, with intervals that are short enough for a test.
const FLAGS: [&str; 9] = [
    "--refresh",
    "--refs",
    "--metrics",
    "127.0.0.1:0",
    "--refresh-interval",
    "300ms",
    "--refresh-spread",
    "1s",
    "--secret-ttl=500ms",
];

/// A time that is longer than a change and its refresh take.
const LONG: Duration = Duration::from_secs(60);

fn start(vars: &[(String, String)]) -> Option<Server> {
    let vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    Server::start(&vars, &FLAGS)
}

fn with(cluster: &Cluster, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    cluster.vars().into_iter().chain(own).collect()
}

fn over_vault(cluster: &Cluster, vault: &Vault, token: &str) -> Vec<(String, String)> {
    with(cluster, &[("VAULT_ADDR", &vault.address()), ("VAULT_TOKEN", token)])
}

/// Requests the manifests of an app with this name, from a folder of a tree.
fn serve(server: &Server, tree: &Path, folder: &str, name: &str) {
    let named = format!("ARGOCD_APP_NAME={name}");
    let path = format!("ARGOCD_APP_SOURCE_PATH={folder}");
    let vars = [named.as_str(), path.as_str(), "ARGOCD_APP_PROJECT_NAME=team"];
    let answer = server.call(tree, &["-path", folder, "-timeout", "60s"], &vars);
    assert!(answer["one"].is_array(), "{answer}");
}

/// A tree of apps with a secret each.
fn apps(number: usize) -> tempfile::TempDir {
    let tree = tempfile::tempdir().expect("a folder");
    for n in 0..number {
        let folder = tree.path().join(format!("app-{n}"));
        std::fs::create_dir(&folder).expect("a folder");
        let text = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\n\
             stringData: {{k: <path:secret/data/team/app-{n}#user>}}\n"
        );
        std::fs::write(folder.join("s.yaml"), text).expect("a file");
    }
    tree
}

fn rotate(vault: &Vault, number: usize, value: &str) {
    (0..number).for_each(|n| vault.put(&format!("secret/data/team/app-{n}"), &json!({"user": value})));
}

/// Status and body of `/refs` in this format.
fn refs(server: &Server, format: &str) -> (u16, String) {
    let reply = keyfill_testkit::request(
        &server.metrics_address(),
        "GET",
        &format!("/refs?format={format}"),
        &[],
        "",
    );
    (reply.status, reply.body)
}

#[test]
fn a_rotated_secret_refreshes_each_of_a_hundred_apps_once_with_two_replicas() {
    const APPS: usize = 100;
    let (Some(vault), Some(cluster)) = (Vault::start(), Cluster::start()) else { return };
    rotate(&vault, APPS, "old-value");
    let token = vault.token("root");
    let vars = over_vault(&cluster, &vault, &token);
    let (Some(one), Some(two)) = (start(&vars), start(&vars)) else { return };
    let tree = apps(APPS);
    // A third of the apps is served by both replicas, a third by each one alone.
    let replicas = |n: usize| [&one, &two].into_iter().enumerate().filter(move |(at, _)| n % 3 != at + 1);
    let serve_all = |apps: std::ops::Range<usize>| {
        for n in apps {
            replicas(n)
                .for_each(|(_, server)| serve(server, tree.path(), &format!("app-{n}"), &format!("app-{n}")));
        }
    };
    std::thread::scope(|scope| {
        for part in [0..25, 25..50, 50..75, 75..APPS] {
            scope.spawn(|| serve_all(part));
        }
    });
    assert_eq!(cluster.refreshes(), 0, "nothing has changed");
    rotate(&vault, APPS, "new-value");
    cluster.wait_for(APPS, LONG);
    // A replica that would refresh an app again has the time to do so.
    std::thread::sleep(Duration::from_secs(4));
    let state = cluster.state();
    assert_eq!(state.faults, [""; 0]);
    assert_eq!(state.refreshed.len(), APPS);
    assert!(state.refreshed.values().all(|times| *times == 1), "{:?}", state.refreshed);
    let mut holders = state.holders.clone();
    holders.sort();
    holders.dedup();
    assert_eq!(holders.len(), 2, "both take part");
    drop(state);
    // Argo CD renders an app again, and the secrets of three apps change again.
    serve(&one, tree.path(), "app-0", "app-0");
    rotate(&vault, 3, "newest-value");
    cluster.wait_for(APPS + 3, LONG);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(cluster.refreshes(), APPS + 3);
    let of = |name: &str| one.metric(name) + two.metric(name);
    assert_eq!(of("keyfill_refreshes_total{result=\"refreshed\"}"), (APPS + 3) as f64);
    assert!(of("keyfill_refreshes_total{result=\"elsewhere\"}") >= 34.0);
    assert_eq!(of("keyfill_refs{state=\"stale\"}"), 0.0);
    assert_eq!(of("keyfill_refresh_waiting_seconds"), 0.0);
    for log in [one.log(), two.log()] {
        assert!(!log.contains("-value") && !log.contains(&token), "{log}");
    }
    let state = cluster.state();
    let lease = &state.lease.as_ref().expect("it was written").0;
    assert_eq!(lease["spec"]["holderIdentity"], "", "it is given back");
    let done = lease["metadata"]["annotations"]["keyfill.dev/refreshed"].to_string();
    assert!(!done.contains("secret") && !done.contains("app"), "{done}");
}

#[test]
fn a_missing_right_is_logged_once_and_serving_goes_on() {
    let (Some(vault), Some(cluster)) = (Vault::start(), Cluster::start()) else { return };
    let vars = over_vault(&cluster, &vault, &vault.token("root"));
    for denied in ["applications", "leases"] {
        rotate(&vault, 3, "old-value");
        cluster.state().denied = vec![denied];
        let Some(server) = start(&vars) else { return };
        let tree = apps(3);
        (0..3).for_each(|n| serve(&server, tree.path(), &format!("app-{n}"), &format!("app-{n}")));
        rotate(&vault, 3, "new-value");
        std::thread::sleep(Duration::from_secs(6));
        serve(&server, tree.path(), "app-0", "app-0");
        assert!(server.metric("keyfill_refreshes_total{result=\"denied\"}") >= 1.0);
        assert!(server.metric("keyfill_refresh_waiting_seconds") >= 2.0);
        let log = server.log();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains("refresh denied")).collect();
        assert_eq!(lines.len(), 1, "{log}");
        assert!(
            lines[0].contains(&format!("{denied} is forbidden")) && lines[0].contains("deploy/refresh"),
            "{log}"
        );
        assert!(!log.contains("-value"), "{log}");
    }
    assert_eq!(cluster.refreshes(), 0);
    assert_eq!(cluster.state().faults, [""; 0]);
}

#[test]
fn an_expired_lease_of_a_replica_that_is_gone_is_taken_over() {
    let (Some(vault), Some(cluster)) = (Vault::start(), Cluster::start()) else { return };
    rotate(&vault, 1, "old-value");
    let spec = json!({
        "holderIdentity": "gone", "leaseDurationSeconds": 3, "leaseTransitions": 1,
        "acquireTime": "2026-01-02T03:04:05.000000Z", "renewTime": "2026-01-02T03:04:05.000000Z",
    });
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": spec,
        "metadata": {"name": "keyfill-refresh", "namespace": "argocd", "resourceVersion": "1"}});
    let Some(server) = start(&over_vault(&cluster, &vault, &vault.token("root"))) else { return };
    let tree = apps(1);
    serve(&server, tree.path(), "app-0", "app-0");
    cluster.state().lease = Some((lease, std::time::Instant::now()));
    rotate(&vault, 1, "new-value");
    cluster.wait_for(1, LONG);
    let state = cluster.state();
    assert_eq!((state.taken_over.len(), &state.faults[..]), (1, &[][..]));
}

#[test]
fn a_failed_refresh_is_retried_and_a_deleted_app_is_forgotten() {
    let (Some(vault), Some(cluster)) = (Vault::start(), Cluster::start()) else { return };
    rotate(&vault, 2, "old-value");
    let Some(server) = start(&over_vault(&cluster, &vault, &vault.token("root"))) else { return };
    let tree = apps(2);
    serve(&server, tree.path(), "app-0", "app-0");
    serve(&server, tree.path(), "app-1", "app-1");
    cluster.state().gone = vec!["app-1".to_owned()];
    cluster.state().failing = 1;
    rotate(&vault, 2, "new-value");
    cluster.wait_for(1, LONG);
    server.wait_for_metric("keyfill_refs_apps", 1.0);
    assert!(server.metric("keyfill_refreshes_total{result=\"failed\"}") >= 1.0);
    assert_eq!(cluster.state().faults, [""; 0]);
}

#[test]
fn a_login_without_the_right_to_read_metadata_suffices() {
    let (Some(vault), Some(cluster)) = (Vault::start(), Cluster::start()) else { return };
    rotate(&vault, 1, "old-value");
    vault.policy("reader", &["secret/data/team/*"]);
    let Some(server) = start(&over_vault(&cluster, &vault, &vault.token("reader"))) else { return };
    let tree = apps(1);
    serve(&server, tree.path(), "app-0", "app-0");
    server.wait_for_metric("keyfill_refs{state=\"current\"}", 1.0);
    rotate(&vault, 1, "new-value");
    cluster.wait_for(1, LONG);
}

/// A file for the store `file`, which is removed with its folder.
fn file_of_secrets() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secrets.yaml");
    std::fs::write(&file, SECRETS).expect("a file");
    let name = file.to_string_lossy().into_owned();
    (folder, name)
}

#[test]
fn a_store_without_versions_is_watched_by_a_hash_of_the_keys_in_use() {
    let Some(cluster) = Cluster::start() else { return };
    let (_folder, file) = file_of_secrets();
    let vars = with(&cluster, &[("KEYFILL_SOURCE", "file"), ("KEYFILL_SECRETS_FILE", &file)]);
    let Some(server) = start(&vars) else { return };
    let app = app("secret/data/team/app");
    serve(&server, app.path(), "app", "other_web");
    serve(&server, app.path(), "app", "web");
    server.wait_for_metric("keyfill_refs{state=\"unversioned\"}", 2.0);
    // The other app is in a namespace that the fake API server does not have.
    let page = refs(&server, "json").1;
    assert!(page.contains("\"root\": \"other/web\"") && page.contains("\"root\": \"argocd/web\""), "{page}");
    std::fs::write(&file, SECRETS.replace("{user: alice-value}", "{user: alice-value, more: x}"))
        .expect("a file");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(cluster.refreshes(), 0, "what no app needs has changed");
    std::fs::write(&file, SECRETS.replace("alice-value", "carol-value")).expect("a file");
    cluster.wait_for(1, LONG);
    assert_eq!(cluster.state().refreshed.keys().collect::<Vec<_>>(), ["web"]);
    let log = server.log();
    assert!(!log.contains("-value"), "{log}");
}

#[test]
fn apps_that_are_not_filled_are_not_watched() {
    let Some(cluster) = Cluster::start() else { return };
    let (_folder, file) = file_of_secrets();
    for fill in ["never", "hydrated"] {
        let vars = with(
            &cluster,
            &[("KEYFILL_SOURCE", "file"), ("KEYFILL_SECRETS_FILE", &file), ("KEYFILL_FILL", fill)],
        );
        let Some(server) = start(&vars) else { return };
        let app = app("secret/data/team/app");
        serve(&server, app.path(), "app", "web");
        assert_eq!(server.metric("keyfill_refs_apps"), 0.0, "{fill}");
    }
}

#[test]
fn the_page_of_references_shows_paths_and_states_and_no_value() {
    let (Some(vault), Some(cluster)) = (Vault::start(), Cluster::start()) else { return };
    rotate(&vault, 2, "old-value");
    let Some(server) = start(&over_vault(&cluster, &vault, &vault.token("root"))) else { return };
    let tree = apps(2);
    serve(&server, tree.path(), "app-0", "app-0");
    serve(&server, tree.path(), "app-1", "app-1");
    server.wait_for_metric("keyfill_refs{state=\"current\"}", 2.0);
    let (status, text) = refs(&server, "json");
    let page: Value = serde_json::from_str(&text).expect("it is JSON");
    let first = &page["references"][0];
    assert_eq!((status, page["references"].as_array().map(Vec::len)), (200, Some(2)));
    assert_eq!((&first["path"], &first["root"]), (&json!("secret/data/team/app-0"), &json!("argocd/app-0")));
    assert_eq!((&first["version"], &first["state"]["state"]), (&json!("1"), &json!("current")));
    assert_eq!(first["object"], json!({"kind": "Application", "namespace": "argocd", "name": "app-0"}));
    // The page in docs/ shows the same columns and states.
    let shown =
        std::fs::read_to_string(keyfill_testkit::workspace().join("docs/rotation.md")).expect("the page");
    let table = refs(&server, "table").1;
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let header = table.lines().next().map(words).expect("a header");
    assert!(shown.lines().any(|line| words(line) == header), "{table}");
    let row = "Application/argocd/app-0  -     argocd/app-0  current, newest is 1, written 20";
    let of_page = row.replace("app-0", "web").replace("is 1", "is 3");
    let flat = |text: &str| words(text).join(" ");
    assert!(flat(&table).contains(&flat(row)) && flat(&shown).contains(&flat(&of_page)), "{table}");
    for (format, words) in [
        ("table", "2 references to 2 secrets"),
        ("csv", "secret/data/team/app-1,,1,"),
        ("dot", "digraph"),
        ("mermaid", "flowchart"),
        ("html", "<!doctype html>"),
    ] {
        let (status, text) = refs(&server, format);
        assert!(status == 200 && text.contains(words) && !text.contains("old-value"), "{format}: {text}");
    }
    assert_eq!(refs(&server, "xml").0, 400);
    assert!(server.metric("keyfill_refs_oldest_seconds") < 600.0);
    // An app that no longer needs a secret is no longer watched.
    std::fs::write(
        tree.path().join("app-1/s.yaml"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\n",
    )
    .expect("a file");
    serve(&server, tree.path(), "app-1", "app-1");
    assert_eq!(server.metric("keyfill_refs_apps"), 1.0);
    let Some((plain, _dir)) = crate::over_file_with(&["--metrics", "127.0.0.1:0"]) else { return };
    assert_eq!(refs(&plain, "json").0, 404, "it is off by default");
}

#[test]
fn apps_that_were_not_served_since_the_start_are_refreshed_once_by_all_replicas() {
    let (Some(vault), Some(cluster)) = (Vault::start(), Cluster::start()) else { return };
    rotate(&vault, 2, "old-value");
    let plugins =
        (0..45).map(|n| (if n == 44 { "app-many".to_owned() } else { format!("app-{n}") }, "Plugin"));
    let others = (0..5).map(|n| (format!("other-{n}"), "Kustomize"));
    cluster.state().listed = plugins.chain(others).collect();
    let vars = with(
        &cluster,
        &[
            ("VAULT_ADDR", &vault.address()),
            ("VAULT_TOKEN", &vault.token("root")),
            ("KEYFILL_REFRESH_UNKNOWN", "30s"),
        ],
    );
    let (Some(one), Some(two)) = (start(&vars), start(&vars)) else { return };
    let tree = apps(2);
    for server in [&one, &two] {
        (0..2).for_each(|n| serve(server, tree.path(), &format!("app-{n}"), &format!("app-{n}")));
    }
    cluster.wait_for(43, LONG);
    std::thread::sleep(Duration::from_secs(3));
    let state = cluster.state();
    assert_eq!(state.faults, [""; 0]);
    assert!(state.refreshed.values().all(|times| *times == 1), "{:?}", state.refreshed);
    let names: Vec<&String> = state.refreshed.keys().collect();
    assert!(names.len() == 43 && names.iter().all(|name| name.starts_with("app-")), "{names:?}");
    assert!(!names.iter().any(|name| *name == "app-0" || *name == "app-1"), "they are known: {names:?}");
    drop(state);
    for server in [&one, &two] {
        assert_eq!(server.metric("keyfill_refresh_waiting_seconds"), 0.0, "none of them is stale");
    }
    // A change of a secret refreshes the app, too.
    rotate(&vault, 1, "new-value");
    cluster.wait_for(44, LONG);
    let log = one.log();
    assert!(log.contains("refreshing apps that were not served since the start"), "{log}");
}

#[test]
fn a_missing_right_to_list_apps_is_logged_once() {
    let Some(cluster) = Cluster::start() else { return };
    let (_folder, file) = file_of_secrets();
    cluster.state().denied = vec!["applications"];
    let vars = with(
        &cluster,
        &[("KEYFILL_SOURCE", "file"), ("KEYFILL_SECRETS_FILE", &file), ("KEYFILL_REFRESH_UNKNOWN", "1s")],
    );
    let Some(server) = start(&vars) else { return };
    std::thread::sleep(Duration::from_secs(3));
    let log = server.log();
    let lines = log.lines().filter(|line| line.contains("refresh denied")).count();
    assert!(lines == 1 && log.contains("cannot list the Applications in argocd"), "{log}");
}

#[test]
fn outside_of_a_cluster_serve_says_why_it_cannot_refresh() {
    let folder = tempfile::tempdir().expect("a folder");
    let vars = [("KEYFILL_SOURCE", "file"), ("KEYFILL_SECRETS_FILE", "none.yaml")];
    let mut child = crate::spawn(folder.path(), &vars, &["--refresh"]);
    assert_eq!(child.wait().expect("it ends").code(), Some(2));
    let log = crate::log_of(folder.path());
    assert!(log.contains("--refresh: not running in a cluster: KUBERNETES_SERVICE_HOST"), "{log}");
}
