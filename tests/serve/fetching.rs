//! Charts, bases and files that an archive does not hold, in `serve`: the supervisor fetches them from hosts that
//! the administrator allows, and sends them to workers.

use crate::{Server, TEAM};
use flate2::write::GzEncoder;
use keyfill_testkit::{GitServer, Page, Server as Web};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: remote\ndata:\n  a: \"1\"\n";

/// A server that may fetch from these hosts, with a cache of its own.
fn server(hosts: &str, more: &[(&str, &str)], args: &[&str]) -> Option<(Server, tempfile::TempDir)> {
    let dir = tempfile::tempdir().expect("a folder");
    let secrets = dir.path().join("secrets.yaml");
    std::fs::write(&secrets, "{}").expect("a file");
    let (secrets, cache) =
        (secrets.to_string_lossy().into_owned(), dir.path().to_string_lossy().into_owned());
    let vars = [
        ("KEYFILL_SOURCE", "file"),
        ("KEYFILL_SECRETS_FILE", secrets.as_str()),
        ("KEYFILL_CACHE_DIR", cache.as_str()),
        ("KEYFILL_FETCH_HOSTS", hosts),
    ];
    let args = [&["--metrics", "127.0.0.1:0"], args].concat();
    Some((Server::start(&[&vars, more].concat(), &args)?, dir))
}

/// A repository with an app that has this kustomization. With `locked` it also has a keyfill.lock.
fn app(kustomization: &str, locked: bool) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(dir.path().join("app")).expect("a folder");
    std::fs::write(dir.path().join("app/kustomization.yaml"), kustomization).expect("a file");
    if locked {
        lock(dir.path());
    }
    dir
}

fn lock(tree: &Path) {
    let home = tempfile::tempdir().expect("a folder");
    let done = Command::new(env!("CARGO_BIN_EXE_keyfill"))
        .args(["lock", "app", "--root", "."])
        .current_dir(tree)
        .env_clear()
        .env("HOME", home.path())
        .env("KEYFILL_FETCH_HOSTS", "http://127.0.0.1:*")
        .output()
        .expect("keyfill starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn ask(server: &Server, folder: &Path, vars: &[&str]) -> Value {
    server.call(folder, &["-path", "app"], &[TEAM, vars].concat())
}

fn said(answer: &Value) -> String {
    answer["message"].as_str().unwrap_or_default().to_owned()
}

fn files() -> Web {
    Web::of_files([("/team/cm.yaml".to_owned(), MAP.as_bytes().to_vec())].into())
}

#[test]
fn locked_contents_are_fetched_once_for_all_requests() {
    let Some(git) = GitServer::start(None) else { return };
    let base = ("base/kustomization.yaml", "resources: [svc.yaml]\nnamePrefix: b-\n");
    let service = ("base/svc.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: shared}\n");
    git.commit("shop", &[base, service]);
    let web = files();
    let hosts = format!("{}/*,{}/*", git.server().address(), web.address());
    let Some((server, _dir)) = server(&hosts, &[], &[]) else { return };
    let folder = app(
        &format!("resources:\n- {}/team/cm.yaml\n- {}//base?ref=main\n", web.address(), git.url("shop")),
        true,
    );
    git.server().forget();
    web.forget();
    let answer = ask(&server, folder.path(), &[]);
    let one = answer["one"].to_string();
    assert!(one.contains("remote") && one.contains("b-shared"), "{answer}");
    assert_eq!(web.count("/team/cm.yaml"), 1);
    let asked = git.server().seen().len();
    // Another app that needs the same, and the same app again: a rendering from locked contents may be cached.
    for vars in [&["ARGOCD_ENV_A=1"][..], &[]] {
        assert_eq!(ask(&server, folder.path(), vars)["one"], answer["one"]);
    }
    assert_eq!((web.count("/team/cm.yaml"), git.server().seen().len()), (1, asked));
    assert!(server.metric("keyfill_fetch_requests_total") >= 2.0);
    assert!(server.metric("keyfill_fetch_hits_total") >= 2.0);
    assert!(server.metric("keyfill_fetch_bytes_total") >= 64.0);
    assert_eq!(server.metric("keyfill_fetch_stale_total"), 0.0);
    assert!(server.metric("keyfill_render_cache_hits_total") >= 1.0);
}

#[test]
fn a_worker_gets_only_the_locked_folders_of_a_repository() {
    for filters in [false, true] {
        let Some(git) = GitServer::start(None) else { return };
        let base = ("base/kustomization.yaml", "resources: [svc.yaml, more]\nnamePrefix: b-\n");
        let service = "apiVersion: v1\nkind: Service\nmetadata: {name: NAME}\n";
        git.commit(
            "shop",
            &[
                base,
                ("base/svc.yaml", &service.replace("NAME", "shared")),
                ("base/more/kustomization.yaml", "resources: [svc.yaml]\n"),
                ("base/more/svc.yaml", &service.replace("NAME", "deep")),
                ("other/kustomization.yaml", "resources: [svc.yaml]\n"),
                ("other/svc.yaml", &service.replace("NAME", "other")),
            ],
        );
        if filters {
            git.allow_filters("shop");
        }
        let hosts = format!("{}/*", git.server().address());
        let Some((server, _dir)) = server(&hosts, &[], &[]) else { return };
        let folder = app(&format!("resources:\n- {}//base?ref=main\n", git.url("shop")), true);
        let answer = ask(&server, folder.path(), &[])["one"].to_string();
        assert!(answer.contains("b-shared") && answer.contains("b-deep"), "{answer}");
        // A folder that the lock does not name is refused, with the line that refers to it.
        let layout = format!("resources:\n- {}//other?ref=main\n", git.url("shop"));
        std::fs::write(folder.path().join("app/kustomization.yaml"), layout).expect("a file");
        let message = said(&ask(&server, folder.path(), &[]));
        for words in ["the folder other of the repository", "keyfill lock", "app/kustomization.yaml:2"] {
            assert!(message.contains(words), "{words}: {message}");
        }
    }
}

#[test]
fn of_a_repository_that_is_not_locked_a_worker_gets_the_folders_that_it_reads() {
    let Some(git) = GitServer::start(None) else { return };
    let service = |name: &str| format!("apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n");
    let unread = "a text that nobody asked for. ".repeat(1 << 16);
    git.commit(
        "shop",
        &[
            ("base/kustomization.yaml", "resources: [svc.yaml, ../more]\nnamePrefix: b-\n"),
            ("base/svc.yaml", &service("shared")),
            ("more/kustomization.yaml", "resources: [svc.yaml, none.yaml]\n"),
            ("more/svc.yaml", &service("deep")),
            ("unread/big.txt", &unread),
        ],
    );
    git.allow_filters("shop");
    let hosts = format!("{}/*", git.server().address());
    let Some((server, _dir)) = server(&hosts, &[("KEYFILL_FETCH", "on")], &[]) else { return };
    let folder = app(&format!("resources:\n- {}//base?ref=main\n", git.url("shop")), false);
    let message = said(&ask(&server, folder.path(), &[]));
    assert!(message.contains("none.yaml") && message.contains("more/kustomization.yaml:1"), "{message}");
    let layout = format!("resources:\n- {}//base?ref=fixed\n", git.url("shop"));
    std::fs::write(folder.path().join("app/kustomization.yaml"), layout).expect("a file");
    git.commit("shop", &[("more/kustomization.yaml", "resources: [svc.yaml]\n")]);
    git.git("shop", &["push", "-q", "origin", "HEAD:refs/heads/fixed"]);
    let answer = ask(&server, folder.path(), &[]).to_string();
    assert!(answer.contains("b-shared") && answer.contains("b-deep"), "{answer}");
    let fetched = server.metric("keyfill_fetch_bytes_total");
    assert!(fetched > 0.0 && fetched < 10_000.0, "{fetched}: what nobody reads is not fetched");
}

#[test]
fn contents_that_are_not_locked_are_refused_unless_fetch_is_on() {
    let web = files();
    let hosts = format!("{}/*", web.address());
    let folder = app(&format!("resources:\n- {}/team/cm.yaml\n", web.address()), false);
    let Some((locked, _dir)) = server(&hosts, &[], &[]) else { return };
    let message = said(&ask(&locked, folder.path(), &[]));
    assert!(message.contains("app/kustomization.yaml:2") && message.contains("keyfill lock"), "{message}");
    assert_eq!(web.seen().len(), 0);
    let Some((on, _dir)) = server(&hosts, &[("KEYFILL_FETCH", "on")], &[]) else { return };
    assert!(ask(&on, folder.path(), &[])["one"].to_string().contains("remote"));
    assert_eq!(on.metric("keyfill_render_cache_bytes"), 0.0, "what may move is not kept");
    assert!(on.log().contains("without a lock"));
}

#[test]
fn an_app_fetches_from_the_hosts_of_its_project_only() {
    let web = files();
    let hosts = format!("{}/{{{{ app.project }}}}/*", web.address());
    let folder = app(&format!("resources:\n- {}/team/cm.yaml\n", web.address()), true);
    let Some((server, _dir)) = server(&hosts, &[], &[]) else { return };
    assert!(ask(&server, folder.path(), &[])["one"].to_string().contains("remote"));
    // What one project has fetched is in the cache, but another project does not get it.
    let other = ["ARGOCD_APP_NAME=web", "ARGOCD_APP_PROJECT_NAME=other"];
    let answer = server.call(folder.path(), &["-path", "app"], &other);
    assert!(said(&answer).contains("KEYFILL_FETCH_HOSTS"), "{answer}");
    let own = ask(&server, folder.path(), &["ARGOCD_ENV_KEYFILL_FETCH_HOSTS=http://127.0.0.1:*"]);
    assert!(own["one"].is_array() || said(&own).contains("KEYFILL_APP_MAY_SET"), "{own}");
}

#[test]
fn nothing_is_fetched_if_no_hosts_are_allowed() {
    let web = files();
    let folder = app(&format!("resources:\n- {}/team/cm.yaml\n", web.address()), true);
    web.forget();
    let Some((server, _dir)) = server("", &[], &[]) else { return };
    let message = said(&ask(&server, folder.path(), &[]));
    assert!(message.contains("KEYFILL_FETCH_HOSTS") && message.contains("kustomization.yaml:2"), "{message}");
    assert_eq!(web.seen().len(), 0);
}

#[test]
fn a_url_that_is_too_long_is_refused_without_a_request() {
    let web = files();
    let folder = app(&format!("resources:\n- {}/team/{}\n", web.address(), "a".repeat(9_000)), false);
    let vars = [("KEYFILL_FETCH", "on")];
    let Some((server, _dir)) = server(&format!("{}/*", web.address()), &vars, &[]) else { return };
    let message = said(&ask(&server, folder.path(), &[]));
    assert!(message.contains("is longer than 8192") && message.contains("kustomization.yaml:2"), "{message}");
    assert_eq!(web.seen().len(), 0);
}

#[test]
fn a_slow_host_blocks_no_worker_while_other_requests_wait() {
    let web = Web::start(|_, _| {
        std::thread::sleep(Duration::from_secs(3));
        Page::ok(MAP)
    });
    let folder = app(&format!("resources:\n- {}/cm.yaml\n", web.address()), false);
    let other = app("configMapGenerator: [{name: own, literals: [a=1]}]\n", false);
    let vars = [("KEYFILL_FETCH", "on")];
    let Some((server, _dir)) = server(&format!("{}/*", web.address()), &vars, &["--workers", "1"]) else {
        return;
    };
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| ask(&server, folder.path(), &[]));
        while web.seen().is_empty() && server.metric("keyfill_workers_busy") < 1.0 {
            std::thread::sleep(Duration::from_millis(10));
        }
        let quick = server.call(other.path(), &["-path", "app"], &["ARGOCD_APP_PROJECT_NAME=other"]);
        assert!(quick["one"].to_string().contains("own"), "{quick}");
        assert!(!slow.is_finished(), "the other app had to wait for the host");
        let answer = slow.join().expect("it is answered");
        assert!(answer["one"].to_string().contains("remote"), "{answer}");
    });
    assert_eq!(web.seen().len(), 1, "what was fetched while the work was given up is used");
}

/// The peak of a process's resident memory, in MiB.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// A chart repository whose index has about 20 MB: many versions of charts that are not used.
fn large_repository() -> (String, Web) {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (path, text) in [
        ("lib/Chart.yaml", "apiVersion: v2\nname: lib\nversion: 1.0.0\n"),
        ("lib/templates/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: remote}\n"),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, text.as_bytes()).expect("an entry");
    }
    let archive = tar.into_inner().and_then(GzEncoder::finish).expect("an archive");
    let mut index = "apiVersion: v1\nentries:\n  lib:\n  - {apiVersion: v2, name: lib, version: 1.0.0, urls: [lib-1.0.0.tgz]}\n".to_owned();
    for chart in 0..200 {
        index += &format!("  chart-{chart}:\n");
        for version in 0..250 {
            index += &format!(
                "  - apiVersion: v2\n    name: chart-{chart}\n    version: 1.{version}.0\n    appVersion: '{version}'\n    \
                 created: '2026-01-01T00:00:00Z'\n    description: One of many charts that are listed and that nobody asks for\n    \
                 home: https://charts.example/chart-{chart}\n    digest: {version:064x}\n    \
                 maintainers:\n    - {{name: somebody, email: somebody@charts.example}}\n    urls: [chart-{chart}-1.{version}.0.tgz]\n"
            );
        }
    }
    let files = [
        ("/charts/index.yaml".to_owned(), index.into_bytes()),
        ("/charts/lib-1.0.0.tgz".to_owned(), archive),
    ];
    let web = Web::of_files(files.into());
    (format!("{}/charts", web.address()), web)
}

#[test]
fn thirty_apps_that_need_one_large_index_download_it_once() {
    let (url, web) = large_repository();
    let vars = [("KEYFILL_FETCH", "on")];
    let Some((server, _dir)) = server(&format!("{}/*", web.address()), &vars, &["--workers", "2"]) else {
        return;
    };
    let apps: Vec<tempfile::TempDir> = (0..30)
        .map(|at| {
            let dir = tempfile::tempdir().expect("a folder");
            std::fs::create_dir(dir.path().join("app")).expect("a folder");
            let text = format!("apiVersion: v2\nname: app-{at}\nversion: 1.0.0\ndependencies:\n- {{name: lib, version: ^1, repository: '{url}'}}\n");
            std::fs::write(dir.path().join("app/Chart.yaml"), text).expect("a file");
            dir
        })
        .collect();
    let start = std::time::Instant::now();
    std::thread::scope(|scope| {
        let asked: Vec<_> = apps.iter().map(|app| scope.spawn(|| ask(&server, app.path(), &[]))).collect();
        for answer in asked {
            let answer = answer.join().expect("it is answered");
            assert!(answer["one"].to_string().contains("remote"), "{answer}");
        }
    });
    let (took, peak) = (start.elapsed(), peak(server.child.id()));
    eprintln!(
        "30 apps of one index of {} MB: {:.1} s, peak {peak} MiB",
        server.metric("keyfill_fetch_bytes_total") / 1e6,
        took.as_secs_f64()
    );
    assert_eq!((web.count("/charts/index.yaml"), web.count("/charts/lib")), (1, 1));
    assert!(peak < 600, "{peak} MiB");
}
