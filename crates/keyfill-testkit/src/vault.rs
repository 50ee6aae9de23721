//! A real Vault server for tests, with storage in memory, on loopback addresses.

use crate::oracle;
use crate::wire::{Reply, request};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A running Vault. It is stopped when this is dropped, or else when the test's process ends.
pub struct Vault {
    child: Child,
    folder: tempfile::TempDir,
    addresses: BTreeMap<String, String>,
}

/// The root token of every Vault that is started here.
pub const ROOT_TOKEN: &str = "root-token-of-the-test";

impl Vault {
    /// Starts a Vault; `None` if the program does not exist and is not required, which is reported on stderr.
    /// `secret/` is mounted as KV version 2.
    ///
    /// # Panics
    /// If the server does not start.
    pub fn start() -> Option<Self> {
        let program = oracle("vault-dev")?;
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let child = Command::new(program)
            .args(["-addr", "127.0.0.1:0", "-tls", "127.0.0.1:0", "-control", "127.0.0.1:0", "-with-stdin"])
            .args(["-token", ROOT_TOKEN, "-dir"])
            .arg(folder.path())
            .arg("-unix")
            .arg(folder.path().join("vault.sock"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("vault-dev can be started");
        let mut vault = Self { child, folder, addresses: BTreeMap::new() };
        let stdout = vault.child.stdout.take().expect("its output is a pipe");
        for line in BufReader::new(stdout).lines() {
            let line = line.expect("its output can be read");
            if line == "ready" {
                return Some(vault);
            }
            if let Some((name, address)) = line.split_once(' ') {
                vault.addresses.insert(name.to_owned(), address.to_owned());
            }
        }
        panic!("vault-dev ended before it was ready");
    }

    fn listener(&self, name: &str) -> &str {
        self.addresses.get(name).unwrap_or_else(|| panic!("vault-dev printed no {name} address"))
    }

    /// `http://127.0.0.1:PORT`
    pub fn address(&self) -> String {
        format!("http://{}", self.listener("http"))
    }

    /// `127.0.0.1:PORT`, for a [`Proxy`](crate::Proxy) in front of it.
    pub fn host(&self) -> &str {
        self.listener("http")
    }

    /// `https://127.0.0.1:PORT`
    pub fn https_address(&self) -> String {
        format!("https://{}", self.listener("https"))
    }

    /// `unix:///PATH`
    pub fn unix_address(&self) -> String {
        format!("unix://{}", self.listener("unix"))
    }

    /// The URL of simulated services that auth methods call: Kubernetes' token review, GitHub's API.
    pub fn control_address(&self) -> String {
        format!("http://{}", self.listener("control"))
    }

    /// A file for the TLS listener: `ca.pem`, `client.pem` or `client.key`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sends a request to Vault's API with a token.
    pub fn api(&self, token: &str, method: &str, path: &str, body: &Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        request(self.host(), method, &format!("/v1/{path}"), &[("X-Vault-Token", token)], &body)
    }

    /// Writes to a path with the root token: mounts, policies, auth methods, secrets of KV version 1. Returns the
    /// response's JSON.
    ///
    /// # Panics
    /// If Vault returns an error.
    pub fn write(&self, path: &str, body: &Value) -> Value {
        let reply = self.api(ROOT_TOKEN, "POST", path, body);
        assert!(reply.status < 300, "writing {path}: {} {}", reply.status, reply.body);
        serde_json::from_str(&reply.body).unwrap_or_default()
    }

    /// Writes a secret of KV version 2; `path` includes `data/`.
    pub fn put(&self, path: &str, keys: &Value) {
        self.write(path, &json!({ "data": keys }));
    }

    /// Writes a policy that allows reading the given paths.
    pub fn policy(&self, name: &str, paths: &[&str]) {
        let rules: String =
            paths.iter().map(|p| format!("path \"{p}\" {{ capabilities = [\"read\"] }}\n")).collect();
        self.write(&format!("sys/policies/acl/{name}"), &json!({ "policy": rules }));
    }

    /// Creates a token with a policy.
    pub fn token(&self, policy: &str) -> String {
        let made = self.write("auth/token/create", &json!({ "policies": [policy] }));
        made["auth"]["client_token"].as_str().expect("a token was made").to_owned()
    }

    /// Revokes a token.
    pub fn revoke(&self, token: &str) {
        self.write("auth/token/revoke", &json!({ "token": token }));
    }

    /// Enables an auth method of type `kind` at the path `mount`.
    pub fn enable_auth(&self, kind: &str, mount: &str) {
        self.write(&format!("sys/auth/{mount}"), &json!({ "type": kind }));
    }

    fn command(&self, method: &str, path: &str, body: &str) -> String {
        let reply = request(self.listener("control"), method, path, &[], body);
        assert!(reply.status < 300, "{method} {path}: {} {}", reply.status, reply.body);
        reply.body
    }

    /// Seals the Vault: every request gets status 503.
    pub fn seal(&self) {
        self.command("POST", "/seal", "");
    }

    /// Unseals the Vault.
    pub fn unseal(&self) {
        self.command("POST", "/unseal", "");
    }

    /// The number of requests for each `METHOD PATH` since the start or the last [`Vault::forget`].
    pub fn counts(&self) -> BTreeMap<String, u64> {
        serde_json::from_str(&self.command("GET", "/counts", "")).expect("counts are JSON")
    }

    /// The number of reads of a path.
    pub fn reads(&self, path: &str) -> u64 {
        self.counts().get(&format!("GET {path}")).copied().unwrap_or(0)
    }

    /// Sets all counts to zero.
    pub fn forget(&self) {
        self.command("DELETE", "/counts", "");
    }

    /// A JSON web token with these claims, valid for a minute. [`Vault::jwt_key`] is the key that verifies it.
    pub fn jwt(&self, claims: &Value) -> String {
        self.command("POST", "/jwt", &claims.to_string())
    }

    /// The public key, in PEM, for the tokens of [`Vault::jwt`].
    pub fn jwt_key(&self) -> String {
        self.command("GET", "/jwt/key", "")
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        // The process may have ended by itself; other failures cannot be handled here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
