//! TLS settings: root certificates, client certificate, server name. The system's roots are read for the first https
//! connection that needs them.

use super::verify::Verifier;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// TLS settings that are not usable, which is noticed at the first connection. It has the message.
#[derive(Clone, Debug)]
pub(super) struct Unusable(String);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unusable {}

/// The client certificate with its chain, and its private key.
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// TLS settings of connections. They hold the contents of files, not paths: a file that does not exist must be an error
/// even if no https connection is made.
#[derive(Default)]
pub struct TlsSettings {
    /// The only trusted root certificates; if empty, the system's are.
    roots: Vec<CertificateDer<'static>>,
    identity: Option<Identity>,
    skip_verify: bool,
    server_name: Option<String>,
    protocols: Vec<Vec<u8>>,
    config: OnceLock<Result<Arc<ClientConfig>, Unusable>>,
}

impl TlsSettings {
    /// Adds the root certificates of a PEM text, and returns how many there are.
    pub fn add_roots(&mut self, pem: &[u8]) -> Result<usize, String> {
        let before = self.roots.len();
        for root in CertificateDer::pem_slice_iter(pem) {
            self.roots.push(root.map_err(|_| "it is not valid PEM".to_owned())?);
        }
        Ok(self.roots.len() - before)
    }

    /// Sets the client certificate with its chain and its private key, each a PEM text.
    pub fn set_identity(&mut self, chain: &[u8], key: &[u8]) -> Result<(), String> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|_| "the certificate is not valid PEM".to_owned())?;
        if chain.is_empty() {
            return Err("there is no certificate in it".to_owned());
        }
        // The parser's error is left out, since it could quote the key.
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| "there is no private key in PEM in it".to_owned())?;
        self.identity = Some(Identity { chain, key });
        Ok(())
    }

    /// Sets whether any certificate of the server is accepted.
    pub fn skip_verify(&mut self, skip: bool) {
        self.skip_verify = skip;
    }

    /// Sets the name that the server's certificate must be for, in place of the host of the URL.
    pub fn server_name(&mut self, name: Option<String>) {
        self.server_name = name;
    }

    /// Sets the protocols that are offered to the server (ALPN), for example `h2`.
    pub fn protocols(&mut self, names: &[&str]) {
        self.protocols = names.iter().map(|name| name.as_bytes().to_vec()).collect();
    }

    /// Whether a client certificate is set.
    pub fn has_identity(&self) -> bool {
        self.identity.is_some()
    }

    /// Performs the TLS handshake with `host` over `stream`. An error contains only the reason of the failure.
    pub async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        host: &str,
        stream: S,
    ) -> Result<TlsStream<S>, Box<dyn std::error::Error + Send + Sync>> {
        let config = self.config.get_or_init(|| self.build()).clone()?;
        let name = self.server_name.as_deref().unwrap_or(host).trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(name.clone())
            .map_err(|_| Unusable(format!("{name} is not a name that a certificate could be for")))?;
        Ok(TlsConnector::from(config).connect(name, stream).await?)
    }

    fn build(&self) -> Result<Arc<ClientConfig>, Unusable> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|_| Unusable("no version of TLS is usable".to_owned()))?;
        let builder = if self.skip_verify {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        } else {
            let (store, named) = self.root_store()?;
            let store = Arc::new(store);
            let algorithms = provider.signature_verification_algorithms.all;
            let signed = WebPkiServerVerifier::builder_with_provider(store, provider)
                .build()
                .map_err(|_| Unusable("the root certificates are not usable".to_owned()))?;
            let verifier = Verifier { named, signed, algorithms };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        };
        let mut config = match &self.identity {
            Some(identity) => builder
                .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
                .map_err(|_| Unusable("the client certificate and its key do not fit together".to_owned()))?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols.clone_from(&self.protocols);
        Ok(Arc::new(config))
    }

    /// The root certificates: parsed for webpki, and in DER.
    fn root_store(&self) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), Unusable> {
        let mut store = RootCertStore::empty();
        if self.roots.is_empty() {
            // A certificate of the system that cannot be parsed is skipped: the others must stay usable.
            let certificates = rustls_native_certs::load_native_certs().certs;
            store.add_parsable_certificates(certificates.iter().cloned());
            if store.is_empty() {
                return Err(Unusable("the system has no root certificates, and none are set".to_owned()));
            }
            return Ok((store, certificates));
        }
        for root in &self.roots {
            store.add(root.clone()).map_err(|_| Unusable("a root certificate cannot be read".to_owned()))?;
        }
        Ok((store, self.roots.clone()))
    }
}

/// The contents of all files in a folder, sorted by file name.
pub fn pem_files(folder: &Path) -> std::io::Result<Vec<Vec<u8>>> {
    let mut paths: Vec<_> =
        std::fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    paths.sort();
    paths.into_iter().filter(|path| path.is_file()).map(std::fs::read).collect()
}

/// Accepts any certificate. The signatures of the handshake are still checked.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
