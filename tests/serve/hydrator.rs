//! Argo CD's source hydrator renders the dry source with this plugin and commits the result, which must hold no
//! secret value. The committed manifests are filled when they are synced.

use crate::{SECRETS, Server, TEAM};
use keyfill_testkit::Run;
use keyfill_yaml::{Limits, load_exact, to_yaml};
use serde_json::{Value, json};
use std::path::Path;

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

/// A server over a secrets file, with these further settings.
fn server(more: &[(&str, &str)]) -> Option<(Server, tempfile::TempDir)> {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("secrets.yaml");
    std::fs::write(&file, SECRETS).expect("a file");
    let name = file.to_string_lossy().into_owned();
    let vars = [("KEYFILL_SOURCE", "file"), ("KEYFILL_SECRETS_FILE", name.as_str())];
    Some((Server::start(&[&vars, more].concat(), &[])?, dir))
}

/// A kustomization with a placeholder in a file and one in a generated Secret.
fn dry() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let app = dir.path().join("app");
    std::fs::create_dir(&app).expect("a folder");
    let kustomization = "resources: [cm.yaml]\nsecretGenerator:\n- name: s\n  options: {disableNameSuffixHash: true}\n  \
                         literals: ['user=<path:secret/data/team/app#user>']\n";
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {k: 'is <path:secret/data/team/app#user>'}\n";
    std::fs::write(app.join("kustomization.yaml"), kustomization).expect("a file");
    std::fs::write(app.join("cm.yaml"), map).expect("a file");
    dir
}

/// A folder as the hydrator writes it for an app: `manifest.yaml` from the manifests' JSON, the hydrator's
/// metadata, and a README.md.
fn hydrate(manifests: &Value) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let app = dir.path().join("app");
    std::fs::create_dir(&app).expect("a folder");
    let documents: Vec<String> = manifests
        .as_array()
        .expect("a list")
        .iter()
        .map(|json| {
            let value = load_exact(json.as_str().expect("a text").as_bytes(), &Limits::default());
            String::from_utf8(to_yaml(&value.expect("it is JSON"))).expect("it is text")
        })
        .collect();
    let metadata = format!("{{\n  \"repoURL\": \"https://git.invalid/x\",\n  \"drySha\": \"{SHA}\"\n}}\n");
    std::fs::write(app.join("manifest.yaml"), documents.join("---\n")).expect("a file");
    std::fs::write(app.join("hydrator.metadata"), metadata).expect("a file");
    std::fs::write(app.join("README.md"), "# Manifest Hydration\n").expect("a file");
    dir
}

fn ask(server: &Server, folder: &Path, branch: &str) -> Value {
    let branch = format!("ARGOCD_APP_SOURCE_TARGET_REVISION={branch}");
    server.call(folder, &["-path", "app"], &[TEAM, &[branch.as_str()]].concat())
}

/// Whether the answer holds a secret value, in plain or in base64.
fn shows_a_value(answer: &Value) -> bool {
    let text = answer.to_string();
    text.contains("alice-value") || text.contains("YWxpY2UtdmFsdWU")
}

#[test]
fn the_hydrator_commits_no_value_and_synced_manifests_are_filled() {
    let Some((server, _dir)) = server(&[("KEYFILL_FILL", "hydrated")]) else { return };
    let dry = dry();
    // Twice: the second answer comes from the cache of renderings.
    for _ in 0..2 {
        let answer = ask(&server, dry.path(), "main");
        let manifests = &answer["one"];
        assert!(manifests.as_array().is_some_and(|all| all.len() == 2), "{answer}");
        assert!(!shows_a_value(&answer) && manifests.to_string().contains("path:secret/data/team/app#user"));
        let hydrated = hydrate(manifests);
        let written = std::fs::read_to_string(hydrated.path().join("app/manifest.yaml")).expect("a file");
        assert!(!written.contains("alice") && written.contains("is <path:"), "{written}");
        let synced = ask(&server, hydrated.path(), "environments/dev");
        assert!(synced["one"].to_string().contains("is alice-value"), "{synced}");
        assert!(synced["one"].to_string().contains("YWxpY2UtdmFsdWU="), "{synced}");
    }
    let hydrated = hydrate(&json!([MAP]));
    let matches = server.call(hydrated.path(), &["-call", "MatchRepository", "-path", "app"], TEAM);
    assert_eq!(matches["one"], json!(["1"]), "the folder is taken, since it holds placeholders: {matches}");
}

const MAP: &str = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"k":"<path:secret/data/team/app#user>"}}"#;

#[test]
fn with_a_list_of_branches_a_forged_metadata_file_fills_nothing() {
    let settings = [("KEYFILL_FILL", "hydrated"), ("KEYFILL_FILL_REVISIONS", "environments/*")];
    let Some((server, _dir)) = server(&settings) else { return };
    let forged = hydrate(&json!([MAP]));
    let answer = ask(&server, forged.path(), "main");
    assert!(answer["one"].is_array() && !shows_a_value(&answer), "{answer}");
    assert!(shows_a_value(&ask(&server, forged.path(), "environments/dev")));
    // An author's variable does not replace the administrator's setting.
    let vars = ["ARGOCD_ENV_KEYFILL_FILL=always", "ARGOCD_ENV_KEYFILL_FILL_REVISIONS=*"];
    let answer = server.call(forged.path(), &["-path", "app"], &[TEAM, &vars].concat());
    assert!(!shows_a_value(&answer), "{answer}");
}

fn generate(fill: &str) -> Run {
    Run::of(env!("CARGO_BIN_EXE_keyfill"))
        .args(["generate", "app", "--source", "file", "--secrets-file", "s.yaml"])
        .env("KEYFILL_FILL", fill)
        .file("s.yaml", SECRETS)
        .file(
            "app/manifest.yaml",
            "apiVersion: v1\nkind: ConfigMap\ndata:\n  k: <path:secret/data/team/app#user>\n",
        )
}

#[test]
fn generate_fills_as_the_administrator_says() {
    let out = |run: Run| String::from_utf8(run.run().stdout).expect("it is text");
    assert!(out(generate("always")).contains("k: alice-value"));
    for fill in ["never", "hydrated"] {
        assert!(out(generate(fill)).contains("k: <path:secret/data/team/app#user>"), "{fill}");
    }
    let metadata = format!("{{\"drySha\": \"{SHA}\"}}");
    assert!(out(generate("hydrated").file("app/hydrator.metadata", &metadata)).contains("k: alice-value"));
    let wrong = generate("sometimes").run();
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("it must be always, hydrated or never"));
}
