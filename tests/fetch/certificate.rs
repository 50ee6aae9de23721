//! A self-signed certificate, and an https proxy before an http server.

use keyfill_testkit::program;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};

/// A self-signed certificate for an address, and its private key.
pub struct Certificate {
    /// The file with the certificate.
    pub certificate: PathBuf,
    key: PathBuf,
}

impl Certificate {
    /// Makes a certificate; `None` if openssl is not installed and not required.
    pub fn for_address(folder: &Path, address: &str) -> Option<Self> {
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
            .expect("the test's own server");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Some(Self { certificate, key })
    }

    /// Accepts https connections and forwards them to an http server. Returns `127.0.0.1:PORT`.
    pub fn before(&self, plain: &str) -> String {
        let chain = vec![CertificateDer::from_pem_file(&self.certificate).expect("the test's own server")];
        let key = PrivateKeyDer::from_pem_file(&self.key).expect("the test's own server");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the test's own server")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("the test's own server");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let (plain, (tell, told)) = (plain.to_owned(), std::sync::mpsc::channel());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("the test's own server");
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("the test's own server");
                tell.send(listener.local_addr().expect("the test's own server").to_string())
                    .expect("the test's own server");
                while let Ok((client, _)) = listener.accept().await {
                    let (acceptor, plain) = (acceptor.clone(), plain.clone());
                    tokio::spawn(async move {
                        // A client that does not trust the certificate closes the connection.
                        let Ok(mut client) = acceptor.accept(client).await else { return };
                        let mut server = TcpStream::connect(plain).await.expect("the test's own server");
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                    });
                }
            });
        });
        told.recv().expect("the test's own server")
    }
}
