//! A container registry: Debian's docker-registry on a loopback address.

use crate::programs::program;
use crate::server::Server;
use crate::tokens::TokenServer;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running registry. It is stopped when this is dropped.
pub struct Registry {
    child: Child,
    host: String,
    tokens: Option<TokenServer>,
    _folder: tempfile::TempDir,
}

impl Registry {
    /// Starts a registry; `None` if the program is not installed and not required. With `htpasswd`, a line of an
    /// htpasswd file, it requires this login.
    ///
    /// # Panics
    /// If the server does not start.
    pub fn start(htpasswd: Option<&str>) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let auth = htpasswd.map(|line| {
            let file = folder.path().join("htpasswd");
            std::fs::write(&file, line).expect("a file can be written");
            format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", file.display())
        });
        Self::run(folder, auth.as_deref().unwrap_or_default(), None)
    }

    /// Starts a registry that requires tokens of a token server. `users` are pairs of an `Authorization` header
    /// and a prefix: this user gets tokens for repositories whose names begin with the prefix. Others get status
    /// 401.
    ///
    /// # Panics
    /// If the server does not start.
    pub fn start_with_tokens(users: &'static [(&'static str, &'static str)]) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let tokens = TokenServer::start(folder.path(), users)?;
        let auth = format!(
            "auth: {{token: {{realm: \"{}/token\", service: test, issuer: test, rootcertbundle: {}}}}}\n",
            tokens.server().address(),
            tokens.certificate().display()
        );
        Self::run(folder, &auth, Some(tokens))
    }

    fn run(folder: tempfile::TempDir, auth: &str, tokens: Option<TokenServer>) -> Option<Self> {
        let program = program("docker-registry")?;
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let host = listener.local_addr().expect("it has an address").to_string();
        drop(listener);
        let data = folder.path().join("data");
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{host}\"}}\n{auth}",
            data.display()
        );
        let file = folder.path().join("config.yml");
        std::fs::write(&file, config).expect("a file can be written");
        let child = Command::new(program)
            .arg("serve")
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it can be started");
        let registry = Self { child, host, tokens, _folder: folder };
        let started = Instant::now();
        while TcpStream::connect(&registry.host).is_err() {
            assert!(started.elapsed() < Duration::from_secs(30), "docker-registry did not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(registry)
    }

    /// `127.0.0.1:PORT`
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The HTTP server of its token server, if it has one.
    pub fn tokens(&self) -> Option<&Server> {
        self.tokens.as_ref().map(TokenServer::server)
    }

    /// An `Authorization` header, `Bearer TOKEN`, for a repository.
    ///
    /// # Panics
    /// If the registry has no token server.
    pub fn token(&self, repository: &str, actions: &[&str]) -> String {
        let tokens = self.tokens.as_ref().expect("it was started with a token server");
        format!("Bearer {}", tokens.token(repository, actions))
    }

    /// Pushes a blob, whose digest the caller has computed.
    ///
    /// # Panics
    /// If the registry returns an error.
    pub fn push_blob(&self, repository: &str, digest: &str, content: &[u8], login: Option<&str>) {
        let start = self.send("POST", &format!("/v2/{repository}/blobs/uploads/"), &[], b"", login);
        let location = header(&start, "location").expect("a place for the blob");
        let path = location.split_once(&self.host).map_or(location.as_str(), |(_, path)| path);
        let path = format!("{path}{}digest={digest}", if path.contains('?') { "&" } else { "?" });
        let put = self.send("PUT", &path, &[("Content-Type", "application/octet-stream")], content, login);
        assert!(put.starts_with("HTTP/1.1 201") || put.starts_with("HTTP/1.0 201"), "{put}");
    }

    /// Pushes a manifest under a tag.
    ///
    /// # Panics
    /// If the registry returns an error.
    pub fn push_manifest(
        &self,
        repository: &str,
        tag: &str,
        media_type: &str,
        manifest: &str,
        login: Option<&str>,
    ) {
        let path = format!("/v2/{repository}/manifests/{tag}");
        let put = self.send("PUT", &path, &[("Content-Type", media_type)], manifest.as_bytes(), login);
        assert!(put.contains(" 201 "), "{put}");
    }

    /// Reads a manifest or an index from a registry without logins.
    ///
    /// # Panics
    /// If it does not exist.
    pub fn manifest(&self, repository: &str, reference: &str) -> String {
        let accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";
        let body = self.get(&format!("/v2/{repository}/manifests/{reference}"), accept);
        String::from_utf8(body).expect("a manifest is text")
    }

    /// Reads a blob from a registry without logins.
    ///
    /// # Panics
    /// If it does not exist.
    pub fn blob(&self, repository: &str, digest: &str) -> Vec<u8> {
        self.get(&format!("/v2/{repository}/blobs/{digest}"), "*/*")
    }

    /// The digests of the layers and the config in a manifest.
    ///
    /// # Panics
    /// If it does not exist.
    pub fn blobs(&self, repository: &str, reference: &str) -> Vec<String> {
        let manifest = self.manifest(repository, reference);
        let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("a manifest is JSON");
        let layers = manifest["layers"].as_array().into_iter().flatten();
        let digests = layers.chain([&manifest["config"]]).filter_map(|entry| entry["digest"].as_str());
        digests.map(str::to_owned).collect()
    }

    fn get(&self, path: &str, accept: &str) -> Vec<u8> {
        let answer = self.exchange("GET", path, &[("Accept", accept)], b"", None);
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head") + 4;
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        answer[end..].to_vec()
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        login: Option<&str>,
    ) -> String {
        String::from_utf8_lossy(&self.exchange(method, path, headers, body, login)).into_owned()
    }

    fn exchange(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        login: Option<&str>,
    ) -> Vec<u8> {
        use std::io::{Read, Write};
        let mut stream = TcpStream::connect(&self.host).expect("a connection");
        let mut text = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.host,
            body.len()
        );
        for (name, value) in headers.iter().copied().chain(login.map(|login| ("Authorization", login))) {
            text += &format!("{name}: {value}\r\n");
        }
        text += "\r\n";
        stream.write_all(&[text.as_bytes(), body].concat()).expect("the request can be sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the answer can be read");
        answer
    }
}

fn header(answer: &str, name: &str) -> Option<String> {
    let head = answer.split("\r\n\r\n").next()?;
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.to_owned())
}

impl Drop for Registry {
    fn drop(&mut self) {
        // The process may have ended by itself; other failures cannot be handled here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
