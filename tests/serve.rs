//! `keyfill serve` over its socket, called as repo-server calls it: by a Go client that sends the socket's
//! path, percent-encoded, as `:authority`.

#![cfg(unix)]

use keyfill_testkit::{Vault, oracle, workspace};
use serde_json::{Value, json};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server of its own, ended with the test.
struct Server {
    child: Child,
    dir: tempfile::TempDir,
    client: PathBuf,
}

impl Server {
    /// `None` when the client is not there: then it has said so.
    fn start(vars: &[(&str, &str)], args: &[&str]) -> Option<Self> {
        let client = oracle("cmp-client")?;
        let dir = tempfile::tempdir().expect("a folder");
        let server = Self { child: spawn(dir.path(), vars, args), dir, client };
        server.wait_for_socket();
        Some(server)
    }

    fn wait_for_socket(&self) {
        let start = Instant::now();
        while std::os::unix::net::UnixStream::connect(self.socket("keyfill")).is_err() {
            assert!(start.elapsed() < Duration::from_secs(20), "the socket did not come");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn socket(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("{name}.sock"))
    }

    /// What the client printed for a call on a folder.
    fn call(&self, folder: &Path, args: &[&str], vars: &[&str]) -> Value {
        let mut command = Command::new(&self.client);
        command.arg("-socket").arg(self.socket("keyfill")).arg("-folder").arg(folder).args(args);
        for pair in vars {
            command.args(["-env", pair]);
        }
        let output = command.output().expect("the client runs");
        serde_json::from_slice(&output.stdout).expect("the client prints JSON")
    }

    /// Ends the server and gives what it logged.
    fn log(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        assert!(self.child.wait().expect("it ends").success(), "SIGTERM is a quiet end");
        let mut log = String::new();
        self.child.stderr.take().expect("a pipe").read_to_string(&mut log).expect("text");
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already where the test asked for its log.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn spawn(dir: &Path, vars: &[(&str, &str)], args: &[&str]) -> Child {
    std::fs::copy(workspace().join("plugin.yaml"), dir.join("plugin.yaml")).expect("plugin.yaml is there");
    Command::new(env!("CARGO_BIN_EXE_keyfill"))
        .args(["serve", "--config-dir-path"])
        .arg(dir)
        .args(args)
        .env_clear()
        .env("ARGOCD_PLUGINSOCKFILEPATH", dir)
        .env("KEYFILL_ALLOWED_PATHS", "secret/data/{{ app.project }}/*")
        .envs(vars.iter().copied())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("keyfill starts")
}

/// A folder with one Secret that names a path.
fn app(path: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let text = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{k: <path:{path}#user>}}\n"
    );
    std::fs::create_dir(dir.path().join("app")).expect("a folder");
    std::fs::write(dir.path().join("app/s.yaml"), text).expect("a file");
    dir
}

const SECRETS: &str = "secret/data/team/app: {user: alice-value}\nsecret/data/other/app: {user: bob-value}\n";

/// A server over a secrets file.
fn over_file() -> Option<(Server, tempfile::TempDir)> {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("secrets.yaml");
    std::fs::write(&file, SECRETS).expect("a file");
    let name = file.to_string_lossy().into_owned();
    Some((Server::start(&[("KEYFILL_SOURCE", "file"), ("KEYFILL_SECRETS_FILE", &name)], &[])?, dir))
}

const TEAM: &[&str] = &["ARGOCD_APP_NAME=web", "ARGOCD_APP_PROJECT_NAME=team"];

fn manifest(user: &str) -> Value {
    let text = format!(
        r#"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"s"}},"stringData":{{"k":"{user}"}}}}"#
    );
    json!([text])
}

#[test]
fn a_repo_servers_calls_are_answered() {
    let Some((server, _secrets)) = over_file() else { return };
    let app = app("secret/data/team/app");
    let answer = server.call(app.path(), &["-path", "app"], TEAM);
    assert_eq!(answer["one"], manifest("alice-value"), "{answer}");
    let matched = server.call(app.path(), &["-path", "app", "-call", "MatchRepository"], &[]);
    assert_eq!((&matched["one"], &matched["two"]), (&json!(["1"]), &json!(["1"])));
    let announced = server.call(app.path(), &["-path", "app", "-call", "GetParametersAnnouncement"], &[]);
    assert_eq!(announced["one"].as_array().map(Vec::len), Some(3), "{announced}");
    assert_eq!(server.call(app.path(), &["-call", "CheckPluginConfiguration"], &[])["one"], json!(["1"]));
    assert_eq!(server.call(app.path(), &["-call", "Health"], &[])["one"], json!(["1"]));
    let log = server.log();
    assert!(log.contains("app=web project=team root=app") && !log.contains("alice-value"), "{log}");
}

#[test]
fn requests_that_break_the_protocol_are_refused() {
    let Some((server, _secrets)) = over_file() else { return };
    let app = app("secret/data/team/app");
    for (bad, why) in [
        ("no-metadata", "metadata"),
        ("checksum", "checksum"),
        ("truncate", "checksum"),
        ("garbage", "checksum"),
        ("late-chunk", "checksum"),
        ("twice", "twice"),
        ("escape", "leaves the repository"),
    ] {
        let answer = server.call(app.path(), &["-path", "app", "-bad", bad], TEAM);
        assert!(answer["message"].as_str().is_some_and(|m| m.contains(why)), "{bad}: {answer}");
    }
    for path in ["../app", "nowhere", "app/s.yaml"] {
        let answer = server.call(app.path(), &["-path", path], TEAM);
        assert_eq!(answer["code"], "InvalidArgument", "{path}: {answer}");
    }
    // None of it hurt the server.
    assert_eq!(server.call(app.path(), &["-path", "app"], TEAM)["one"], manifest("alice-value"));
}

#[test]
fn a_project_reads_its_own_paths_only() {
    let Some((server, _secrets)) = over_file() else { return };
    let other = ["ARGOCD_APP_NAME=web", "ARGOCD_APP_PROJECT_NAME=other"];
    for (path, vars) in [
        ("secret/data/other/app", TEAM),
        ("secret/data/team/app", &other),
        ("secret/data/team/../other/app", TEAM),
        ("secret/data/team/app", &["ARGOCD_APP_NAME=web"]),
        ("secret/data/other/app", &["ARGOCD_APP_NAME=web", "ARGOCD_APP_PROJECT_NAME=te*"]),
        (
            "secret/data/other/app",
            &["ARGOCD_APP_NAME=web", "ARGOCD_APP_PROJECT_NAME=team", "KEYFILL_ALLOWED_PATHS=*"],
        ),
        (
            "secret/data/other/app",
            &["ARGOCD_APP_NAME=web", "ARGOCD_APP_PROJECT_NAME=team", "ARGOCD_ENV_KEYFILL_ALLOWED_PATHS=*"],
        ),
    ] {
        let answer = server.call(app(path).path(), &["-path", "app"], vars);
        assert_eq!(answer["code"], "PermissionDenied", "{path} {vars:?}: {answer}");
    }
    let log = server.log();
    assert!(!log.contains("alice-value") && !log.contains("bob-value"), "{log}");
}

#[test]
fn two_apps_never_share_a_login() {
    let Some(vault) = Vault::start() else { return };
    vault.put("secret/data/team/app", &json!({"user": "alice-value"}));
    vault.policy("reader", &["secret/data/team/app"]);
    vault.policy("none", &["secret/data/nothing"]);
    let (reader, none) = (vault.token("reader"), vault.token("none"));
    let Some(server) = Server::start(&[("VAULT_ADDR", &vault.address())], &[]) else { return };
    let app = app("secret/data/team/app");
    let call = |token: &str| {
        let token = format!("ARGOCD_ENV_VAULT_TOKEN={token}");
        server.call(app.path(), &["-path", "app", "-timeout", "5s"], &[TEAM, &[&token]].concat())
    };
    assert_eq!(call(&reader)["one"], manifest("alice-value"));
    let refused = call(&none);
    assert!(refused["one"].is_null(), "a kept secret went to another login: {refused}");
    assert_eq!(call(&reader)["one"], manifest("alice-value"));
    vault.revoke(&reader);
    let log = server.log();
    assert!(!log.contains("alice-value") && !log.contains(&reader) && !log.contains(&none), "{log}");
}

#[test]
fn a_sealed_vault_is_waited_for() {
    let Some(vault) = Vault::start() else { return };
    vault.put("secret/data/team/app", &json!({"user": "alice-value"}));
    let token = vault.token("root");
    let vars = [("VAULT_ADDR", vault.address()), ("VAULT_TOKEN", token)];
    let vars: Vec<(&str, &str)> = vars.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let Some(server) = Server::start(&vars, &["--secret-ttl", "0"]) else { return };
    let app = app("secret/data/team/app");
    vault.seal();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| server.call(app.path(), &["-path", "app", "-timeout", "30s"], TEAM));
        std::thread::sleep(Duration::from_millis(700));
        vault.unseal();
        assert_eq!(waiting.join().expect("it ends")["one"], manifest("alice-value"));
    });
}

#[test]
fn an_author_cannot_send_the_administrators_token_elsewhere() {
    let Some(vault) = Vault::start() else { return };
    vault.put("secret/data/team/app", &json!({"user": "alice-value"}));
    let token = vault.token("root");
    let (address, listener) = (vault.address(), std::net::TcpListener::bind("127.0.0.1:0").expect("a port"));
    let Some(server) = Server::start(&[("VAULT_ADDR", &address), ("VAULT_TOKEN", &token)], &[]) else {
        return;
    };
    let evil = format!("http://{}", listener.local_addr().expect("an address"));
    listener.set_nonblocking(true).expect("it can be");
    let author = [
        format!("ARGOCD_ENV_VAULT_ADDR={evil}"),
        format!("VAULT_ADDR={evil}"),
        "ARGOCD_ENV_VAULT_TOKEN_FILE=/etc/passwd".to_owned(),
        "ARGOCD_ENV_VAULT_NAMESPACE=other".to_owned(),
        format!("ARGOCD_ENV_HTTPS_PROXY={evil}"),
    ];
    let vars: Vec<&str> = TEAM.iter().copied().chain(author.iter().map(String::as_str)).collect();
    let answer = server.call(app("secret/data/team/app").path(), &["-path", "app"], &vars);
    assert_eq!(answer["one"], manifest("alice-value"), "{answer}");
    assert!(listener.accept().is_err(), "the author's address was called");
    let log = server.log();
    assert!(log.contains("ARGOCD_ENV_VAULT_ADDR is not used") && !log.contains(&token), "{log}");
}

#[test]
fn a_socket_left_behind_is_replaced() {
    let Some(client) = oracle("cmp-client") else { return };
    let (dir, secrets) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let file = secrets.path().join("s.yaml");
    std::fs::write(&file, SECRETS).expect("a file");
    let name = file.to_string_lossy().into_owned();
    let vars = [("KEYFILL_SOURCE", "file"), ("KEYFILL_SECRETS_FILE", name.as_str())];
    let mut killed = Server { child: spawn(dir.path(), &vars, &[]), dir, client };
    killed.wait_for_socket();
    killed.child.kill().expect("it can be killed");
    killed.child.wait().expect("it ends");
    assert!(killed.socket("keyfill").exists(), "kill -9 leaves the file");
    killed.child = spawn(killed.dir.path(), &vars, &["--alias", "avp-kustomize"]);
    killed.wait_for_socket();
    assert!(killed.socket("avp-kustomize").exists());
    let app = app("secret/data/team/app");
    assert_eq!(killed.call(app.path(), &["-path", "app"], TEAM)["one"], manifest("alice-value"));
    let second = spawn(killed.dir.path(), &vars, &[]).wait_with_output().expect("it ends");
    assert!(!second.status.success(), "a socket that answers is not taken away");
}

#[test]
fn it_does_not_start_without_a_rule_for_paths() {
    let dir = tempfile::tempdir().expect("a folder");
    let child = spawn(
        dir.path(),
        &[("KEYFILL_ALLOWED_PATHS", ""), ("VAULT_ADDR", "http://127.0.0.1:9"), ("VAULT_TOKEN", "t")],
        &[],
    );
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("KEYFILL_ALLOWED_PATHS"), "{said}");
}

#[test]
fn the_result_equals_that_of_generate() {
    let Some((server, secrets)) = over_file() else { return };
    let app = workspace().join("testdata/quickstart");
    let file = secrets.path().join("quick.yaml");
    std::fs::copy(app.join("secrets.yaml"), &file).expect("a file");
    drop(server);
    let name = file.to_string_lossy().into_owned();
    let vars =
        [("KEYFILL_SOURCE", "file"), ("KEYFILL_SECRETS_FILE", name.as_str()), ("KEYFILL_ALLOWED_PATHS", "*")];
    let Some(server) = Server::start(&vars, &[]) else { return };
    let answer = server.call(&app, &["-path", "app"], TEAM);
    let output = Command::new(env!("CARGO_BIN_EXE_keyfill"))
        .args(["generate", ".", "--source", "file", "--secrets-file", &name])
        .current_dir(app.join("app"))
        .env_clear()
        .output()
        .expect("keyfill runs");
    let mut want = Vec::new();
    for document in String::from_utf8(output.stdout).expect("text").split("---\n") {
        let value =
            keyfill_yaml::load_object(document.as_bytes(), &keyfill_yaml::Limits::default()).expect("YAML");
        want.push(Value::from(String::from_utf8(keyfill_yaml::to_json(&value)).expect("text")));
    }
    assert_eq!(answer["one"], Value::from(want));
}
