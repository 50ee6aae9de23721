//! Clients that are slow or go away: they block no other request and leave nothing behind.

use crate::{Server, TEAM, app, manifest, over_file_with};
use keyfill_testkit::{Fault, Proxy, Vault};
use serde_json::json;
use std::time::{Duration, Instant};

/// Arguments of a server with metrics, on a port that the system chooses.
const METRICS: &[&str] = &["--metrics", "127.0.0.1:0"];

#[test]
fn slow_uploads_block_no_other_request_and_release_their_memory() {
    let args = [METRICS, &["--concurrency", "1", "--archive-memory", "1"]].concat();
    let Some((server, _secrets)) = over_file_with(&args) else { return };
    let (slow, quick) = (app("secret/data/team/app"), app("secret/data/team/app"));
    // With one piece in 100 ms this upload would take half a minute.
    let noise: Vec<u8> = (0..300_000_u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
    std::fs::write(slow.path().join("noise"), noise).expect("a file");
    std::thread::scope(|scope| {
        let uploads: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    server.call(slow.path(), &["-path", "app", "-bad", "slow", "-timeout", "4s"], TEAM)
                })
            })
            .collect();
        std::thread::sleep(Duration::from_secs(1));
        assert!(server.metric("keyfill_archive_memory_bytes") > 0.0);
        let start = Instant::now();
        assert_eq!(server.call(quick.path(), &["-path", "app"], TEAM)["one"], manifest("alice-value"));
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        for upload in uploads {
            let answer = upload.join().expect("it ends");
            assert_eq!(answer["code"], "DeadlineExceeded", "{answer}");
        }
    });
    server.wait_for_metric("keyfill_archive_memory_bytes", 0.0);
}

#[test]
fn a_request_whose_client_goes_away_stops_waiting_for_the_store() {
    let Some(vault) = Vault::start() else { return };
    vault.put("secret/data/team/app", &json!({"user": "alice-value"}));
    let token = vault.token("root");
    let proxy = Proxy::start(vault.host());
    proxy.on("secret/", 0, 1, Fault::Delay(Duration::from_secs(6)));
    let address = proxy.address();
    let vars = [("VAULT_ADDR", address.as_str()), ("VAULT_TOKEN", token.as_str())];
    let Some(server) = Server::start(&vars, METRICS) else { return };
    let app = app("secret/data/team/app");
    let start = Instant::now();
    let gone = server.call(app.path(), &["-path", "app", "-bad", "cancel", "-after", "1s"], TEAM);
    assert_eq!(gone["code"], "Canceled", "{gone}");
    server.wait_for_metric("keyfill_requests_in_progress", 0.0);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(server.metric("keyfill_requests_given_up_total{why=\"client\"}"), 1.0);
    let log = server.log();
    assert!(log.contains("request given up") && log.contains("the client went away"), "{log}");
}

#[test]
fn a_request_whose_client_goes_away_stops_rendering() {
    let Some((server, _secrets)) = over_file_with(METRICS) else { return };
    let chart = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(chart.path().join("app/templates")).expect("a folder");
    let file = |name: &str, text: &str| {
        std::fs::write(chart.path().join("app").join(name), text).expect("a file");
    };
    file("Chart.yaml", "apiVersion: v2\nname: endless\nversion: 1.0.0\n");
    file(
        "templates/a.yaml",
        "{{ $l := until 10000 }}{{ range $l }}{{ range $l }}{{ range $l }}{{ end }}{{ end }}{{ end }}a: b\n",
    );
    let gone = server.call(chart.path(), &["-path", "app", "-bad", "cancel", "-after", "1s"], TEAM);
    assert_eq!(gone["code"], "Canceled", "{gone}");
    server.wait_for_metric("keyfill_requests_in_progress", 0.0);
    server.wait_for_metric("keyfill_workers_busy", 0.0);
}
