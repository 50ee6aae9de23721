//! Encrypted files and filled values in `serve`: workers have no keys, and a rendering that holds a secret is not
//! cached.

use crate::{Server, TEAM};
use keyfill_testkit::{Gpg, oracle, workspace};
use serde_json::Value;
use std::path::Path;

const CHART: &str = "apiVersion: v2\nname: app\nversion: 0.1.0\n";

const SECRETS: &str =
    "secret/data/team/app: {user: alice, password: hush-of-store}\nsecret/data/other/app: {user: bob}\n";

/// A server that decrypts files, over a secrets file.
fn server(more: &[(&str, &str)]) -> Option<(Server, tempfile::TempDir)> {
    let dir = tempfile::tempdir().expect("a folder");
    let secrets = dir.path().join("secrets.yaml");
    std::fs::write(&secrets, SECRETS).expect("a file");
    let (secrets, keys) = (secrets.to_string_lossy().into_owned(), key_file());
    let vars = [
        ("KEYFILL_SOURCE", "file"),
        ("KEYFILL_SECRETS_FILE", secrets.as_str()),
        ("KEYFILL_SOPS", "true"),
        ("SOPS_AGE_KEY_FILE", keys.as_str()),
    ];
    Some((Server::start(&[&vars, more].concat(), &["--metrics", "127.0.0.1:0", "--loglevel", "debug"])?, dir))
}

fn key_file() -> String {
    workspace().join("crates/keyfill-sops/tests/data/key.txt").to_string_lossy().into_owned()
}

/// A repository whose folder `app` holds the encrypted files, and these files.
fn app(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let write = |name: &str, content: &[u8]| {
        let path = dir.path().join("app").join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    };
    for name in ["secret.enc.yaml", "values.enc.yaml"] {
        let content = std::fs::read(workspace().join("testdata/sops").join(name)).expect("it is kept");
        write(name, &content);
    }
    files.iter().for_each(|(name, content)| write(name, content.as_bytes()));
    dir
}

fn chart(template: &str) -> tempfile::TempDir {
    app(&[
        ("Chart.yaml", CHART),
        ("templates/a.yaml", template),
        ("values.yaml", "own: <path:secret/data/team/app#user>\n"),
        (
            "more.yaml",
            "password: <path:secret/data/team/app#password>\nother: <path:secret/data/other/app#user>\n",
        ),
    ])
}

fn ask(server: &Server, folder: &Path, vars: &[&str]) -> Value {
    server.call(folder, &["-path", "app"], &[TEAM, vars].concat())
}

/// The bytes of cached renderings.
fn kept(server: &Server) -> f64 {
    server.metric("keyfill_render_cache_bytes")
}

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {a: VALUE}\n";

const VALUES: &str = "ARGOCD_ENV_HELM_ARGS=--values values.enc.yaml";

#[test]
fn encrypted_values_are_rendered_and_the_rendering_is_not_cached() {
    let Some((server, _dir)) = server(&[]) else { return };
    let folder = chart(&SECRET.replace("VALUE", "{{ .Values.db.password | b64enc }}"));
    for _ in 0..2 {
        let answer = ask(&server, folder.path(), &[VALUES]);
        assert!(answer["one"].to_string().contains("aHVzaC1vZi12YWx1ZXM="), "{answer}");
    }
    assert_eq!(kept(&server), 0.0);
    let log = server.log();
    assert!(!log.contains("hush"), "{log}");
}

#[test]
fn ksops_generators_are_decrypted() {
    let Some((server, _dir)) = server(&[]) else { return };
    let folder = app(&[
        ("kustomization.yaml", "generators: [g.yaml]\n"),
        ("g.yaml", "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata: {name: g}\nfiles: [secret.enc.yaml]\n"),
    ]);
    let answer = ask(&server, folder.path(), &[]);
    assert!(answer["one"].to_string().contains("hush-of-manifest"), "{answer}");
    assert_eq!(kept(&server), 0.0);
}

#[test]
fn values_encrypted_with_pgp_are_rendered_and_authors_cannot_set_the_key_file() {
    let (Some(gpg), Some(sops)) = (Gpg::new(), oracle("sops")) else { return };
    let key = gpg.key("owner", "default", "default", "");
    gpg.write("values.yaml", "db: {password: hush-of-pgp}\n");
    let sealed = std::process::Command::new(sops)
        .env("GNUPGHOME", gpg.home())
        .current_dir(gpg.home())
        .args(["encrypt", "--pgp", &key, "values.yaml"])
        .output()
        .expect("sops can be started");
    let sealed = String::from_utf8(sealed.stdout).expect("text");
    let file = gpg.write("secret.asc", gpg.print(&["--armor", "--export-secret-keys", &key]));
    let folder = app(&[
        ("Chart.yaml", CHART),
        ("templates/a.yaml", &SECRET.replace("VALUE", "{{ .Values.db.password | b64enc }}")),
        ("values.pgp.yaml", &sealed),
    ]);
    let values = "ARGOCD_ENV_HELM_ARGS=--values values.pgp.yaml";
    let file = file.to_string_lossy();
    let Some((server, _dir)) = server(&[("KEYFILL_SOPS_PGP_KEY_FILE", &*file)]) else { return };
    let answer = ask(&server, folder.path(), &[values]);
    assert!(answer["one"].to_string().contains("aHVzaC1vZi1wZ3A="), "{answer}");
    let authors = format!("ARGOCD_ENV_KEYFILL_SOPS_PGP_KEY_FILE={file}");
    let Some((without, _dir)) = self::server(&[]) else { return };
    let said = ask(&without, folder.path(), &[values, &authors])["message"].to_string();
    assert!(said.contains("no secret key of PGP is set up"), "{said}");
}

#[test]
fn an_error_of_a_chart_shows_no_value() {
    let Some((server, _dir)) = server(&[("KEYFILL_FILL_VALUES", "true")]) else { return };
    for (template, vars) in [
        ("{{ fail (printf \"bad %s\" .Values.db.password) }}", VALUES),
        // A search in the message would not find these values: the worker renders again with another secret and
        // compares.
        ("{{ fail (printf \"bad %s\" (sha256sum .Values.db.password)) }}", VALUES),
        ("{{ fail (printf \"bad %s\" (substr 5 9 .Values.db.password)) }}", VALUES),
        (
            "{{ fail (printf \"bad %s\" (b64enc .Values.password)) }}",
            "ARGOCD_ENV_HELM_ARGS=--set password=<path:secret/data/team/app#password>",
        ),
    ] {
        let folder = chart(template);
        let answer = ask(&server, folder.path(), &[vars]);
        let said = answer["message"].as_str().unwrap_or_default();
        assert!(said.contains("bad ***"), "{answer}");
        assert!(!said.contains("hush") && !said.contains("aHVzaC1") && !said.contains("of-v"), "{said}");
    }
    let log = server.log();
    assert!(!log.contains("hush") && !log.contains("aHVzaC1"), "{log}");
}

#[test]
fn values_are_filled_before_rendering_and_paths_are_checked() {
    let Some((server, _dir)) = server(&[]) else { return };
    let folder =
        chart(&SECRET.replace("VALUE", "{{ printf \"%s/%s\" .Values.own .Values.password | b64enc }}"));
    let ask_for = "ARGOCD_APP_PARAMETERS=[{\"name\": \"keyfill.dev/fill-values\", \"string\": \"true\"}]";
    let password = "ARGOCD_ENV_HELM_ARGS=--set password=<path:secret/data/team/app#password>";
    let answer = ask(&server, folder.path(), &[ask_for, password]);
    // alice/hush-of-store
    assert!(answer["one"].to_string().contains("YWxpY2UvaHVzaC1vZi1zdG9yZQ=="), "{answer}");
    assert_eq!(kept(&server), 0.0);
    let answer = ask(&server, folder.path(), &[ask_for, "ARGOCD_ENV_HELM_ARGS=--values more.yaml"]);
    let said = answer["message"].as_str().unwrap_or_default();
    assert!(said.contains("secret/data/other/app") && said.contains("KEYFILL_ALLOWED_PATHS"), "{answer}");
    // If the app does not ask for it, the chart gets the placeholder, and changes it so that it is not filled.
    let folder = chart(&SECRET.replace("VALUE", "{{ .Values.own | upper | quote }}"));
    assert!(ask(&server, folder.path(), &[ask_for])["one"].to_string().contains("ALICE"));
    let answer = ask(&server, folder.path(), &[]);
    assert!(answer["one"].is_array() && !answer["one"].to_string().contains("ALICE"), "{answer}");
}

#[test]
fn an_app_gets_no_data_key_that_the_administrator_does_not_allow() {
    let Some((server, _dir)) = server(&[("KEYFILL_SOPS_KEYS", "arn:aws:kms:*")]) else { return };
    let folder = chart(&SECRET.replace("VALUE", "{{ .Values.db.password }}"));
    let answer = ask(&server, folder.path(), &[VALUES]);
    let said = answer["message"].as_str().unwrap_or_default();
    assert!(said.contains("KEYFILL_SOPS_KEYS") && !said.contains("hush"), "{answer}");
}

#[test]
fn the_store_sops_reads_files_of_the_archive() {
    let keys = key_file();
    let vars =
        [("AVP_TYPE", "sops"), ("SOPS_AGE_KEY_FILE", keys.as_str()), ("KEYFILL_ALLOWED_PATHS", "*.enc.yaml")];
    let Some(server) = Server::start(&vars, &["--metrics", "127.0.0.1:0"]) else { return };
    let manifest = |path: &str| SECRET.replace("VALUE", &format!("<path:{path}#port>"));
    let folder = app(&[("x.yaml", &manifest("values.enc.yaml"))]);
    for _ in 0..2 {
        let answer = ask(&server, folder.path(), &[]);
        assert!(answer["one"].to_string().contains("5432"), "{answer}");
    }
    let hostile = app(&[("x.yaml", &manifest("sub/values.yaml"))]);
    let answer = ask(&server, hostile.path(), &[]);
    assert!(answer["message"].as_str().is_some_and(|m| m.contains("KEYFILL_ALLOWED_PATHS")), "{answer}");
    assert!(!server.log().contains("hush"));
}
