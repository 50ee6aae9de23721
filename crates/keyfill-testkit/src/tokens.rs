//! A token server for a registry, which trusts the tokens that it signs.

use crate::programs::program;
use crate::server::{Response, Server};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A running token server. It runs until the test's process ends.
pub(crate) struct TokenServer {
    signer: Arc<Signer>,
    server: Server,
}

impl TokenServer {
    /// Starts a server with a new key, which is written to `folder`; `None` if openssl is not installed and not
    /// required.
    pub(crate) fn start(folder: &Path, users: &'static [(&'static str, &'static str)]) -> Option<Self> {
        let signer = Arc::new(Signer::new(folder)?);
        let shared = Arc::clone(&signer);
        let server = Server::start(move |seen, _| {
            let login = seen.headers.get("authorization").map(String::as_str);
            let Some((_, prefix)) = users.iter().find(|(user, _)| Some(*user) == login) else {
                return Response::status(401).header("WWW-Authenticate", "Basic realm=\"test\"");
            };
            let scope = query(&seen.path, "scope").unwrap_or_default();
            let access = match scope.split(':').collect::<Vec<_>>()[..] {
                ["repository", name, actions] if name.starts_with(prefix) => {
                    let actions: Vec<&str> = actions.split(',').filter(|action| *action == "pull").collect();
                    shared.token(name, &actions)
                }
                _ => shared.token("", &[]),
            };
            Response::ok(json!({ "token": access }).to_string()).header("Content-Type", "application/json")
        });
        Some(Self { signer, server })
    }

    /// The HTTP server.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// The certificate that the registry has to trust.
    pub(crate) fn certificate(&self) -> &Path {
        &self.signer.certificate
    }

    /// A token for a repository and some actions.
    pub(crate) fn token(&self, repository: &str, actions: &[&str]) -> String {
        self.signer.token(repository, actions)
    }
}

/// A private key and its certificate.
struct Signer {
    openssl: PathBuf,
    key: PathBuf,
    certificate: PathBuf,
}

impl Signer {
    fn new(folder: &Path) -> Option<Self> {
        let openssl = program("openssl")?;
        let (key, certificate) = (folder.join("token-key.pem"), folder.join("token-cert.pem"));
        let made = Command::new(&openssl)
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .expect("openssl runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Some(Self { openssl, key, certificate })
    }

    /// A JSON web token that allows some actions on a repository.
    fn token(&self, repository: &str, actions: &[&str]) -> String {
        let text = std::fs::read_to_string(&self.certificate).expect("the certificate is there");
        let chain: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
        let header = json!({ "typ": "JWT", "alg": "RS256", "x5c": [chain] });
        let access = json!([{ "type": "repository", "name": repository, "actions": actions }]);
        let claims = json!({
            "iss": "test", "sub": "user", "aud": "test", "jti": "one",
            "iat": now, "nbf": now - 10, "exp": now + 300, "access": access,
        });
        let signed = format!(
            "{}.{}",
            base64url(header.to_string().as_bytes()),
            base64url(claims.to_string().as_bytes())
        );
        format!("{signed}.{}", base64url(&self.sign(signed.as_bytes())))
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let mut child = Command::new(&self.openssl)
            .args(["dgst", "-sha256", "-sign"])
            .arg(&self.key)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("openssl runs");
        child.stdin.take().expect("a pipe").write_all(bytes).expect("openssl reads");
        let output = child.wait_with_output().expect("openssl ends");
        assert!(output.status.success(), "openssl signs");
        output.stdout
    }
}

/// A parameter of a path's query, decoded.
fn query(path: &str, name: &str) -> Option<String> {
    let fields = path.split_once('?')?.1.split('&');
    let value = fields.filter_map(|field| field.split_once('=')).find(|(key, _)| *key == name)?.1;
    Some(value.replace("%3A", ":").replace("%2F", "/").replace("%2C", ","))
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word =
            group.iter().fold(0_u32, |word, byte| (word << 8) | u32::from(*byte)) << (8 * (3 - group.len()));
        for digit in 0..=group.len() {
            text.push(char::from(DIGITS[(word >> (18 - 6 * digit)) as usize & 63]));
        }
    }
    text
}
