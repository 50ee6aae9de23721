//! Over https: certificates, and logins that are only ever sent so.

use crate::place::{LOGIN, PASSWORD, Place};
use keyfill_testkit::{GitServer, program};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};

/// A certificate for an address, signed by itself, and its key.
struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
}

impl Certificate {
    /// Makes one; `None` where openssl is not there and not required.
    fn for_address(folder: &Path, address: &str) -> Option<Self> {
        let openssl = program("openssl")?;
        let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        let made = Command::new(openssl)
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-days", "2", "-subj", "/CN=test", "-addext", &format!("subjectAltName={address}")])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Some(Self { certificate, key })
    }

    /// Takes https connections for a plain server; `127.0.0.1:PORT`.
    fn before(&self, plain: &str) -> String {
        let chain = vec![CertificateDer::from_pem_file(&self.certificate).unwrap()];
        let key = PrivateKeyDer::from_pem_file(&self.key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let (plain, (tell, told)) = (plain.to_owned(), std::sync::mpsc::channel());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap().to_string()).unwrap();
                while let Ok((client, _)) = listener.accept().await {
                    let (acceptor, plain) = (acceptor.clone(), plain.clone());
                    tokio::spawn(async move {
                        // A client that does not like the certificate leaves.
                        let Ok(mut client) = acceptor.accept(client).await else { return };
                        let mut server = TcpStream::connect(plain).await.unwrap();
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                    });
                }
            });
        });
        told.recv().unwrap()
    }
}

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: remote}\n";

fn shop() -> Option<GitServer> {
    let server = GitServer::start(Some(LOGIN))?;
    server.commit("shop", &[("base/kustomization.yaml", "resources: [cm.yaml]\n"), ("base/cm.yaml", MAP)]);
    Some(server)
}

fn place(address: &str) -> Place {
    Place::new(&[&format!("https://{address}")])
        .file("app/kustomization.yaml", format!("resources:\n- https://{address}/shop.git//base?ref=main\n"))
}

#[test]
fn a_repository_behind_tls_and_a_login_is_fetched_with_netrc() {
    let folder = tempfile::tempdir().unwrap();
    let Some(certificate) = Certificate::for_address(folder.path(), "IP:127.0.0.1") else { return };
    let Some(server) = shop() else { return };
    let address = certificate.before(server.server().host());
    let place = place(&address).env("SSL_CERT_FILE", &certificate.certificate.display().to_string());
    let told = place.keyfill("render app").refused(5);
    assert!(told.contains("answered 401") && told.contains("app/kustomization.yaml:2"), "{told}");
    let netrc = format!("machine 127.0.0.1 login user password {PASSWORD}\n");
    std::fs::write(place.home().join(".netrc"), netrc).unwrap();
    assert!(place.keyfill("render app").text().contains("name: remote"));
    place.keyfill("lock app").text();
    assert!(!place.read("keyfill.lock").contains(PASSWORD));
}

#[test]
fn a_certificate_that_does_not_fit_is_refused_before_a_login_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    for (name, is_trusted) in [("IP:127.0.0.1", false), ("DNS:other.example", true)] {
        let Some(certificate) = Certificate::for_address(folder.path(), name) else { return };
        let Some(server) = shop() else { return };
        let address = certificate.before(server.server().host());
        let mut place = place(&address);
        if is_trusted {
            place = place.env("SSL_CERT_FILE", &certificate.certificate.display().to_string());
        }
        let netrc = format!("machine 127.0.0.1 login user password {PASSWORD}\n");
        std::fs::write(place.home().join(".netrc"), netrc).unwrap();
        let told = place.keyfill("render app --deadline 4s").refused(5);
        assert!(told.contains("certificate") && told.contains("app/kustomization.yaml:2"), "{told}");
        assert!(!told.contains(PASSWORD) && server.server().seen().is_empty(), "{told}");
    }
}
