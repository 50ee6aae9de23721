//! Which certificate of a server is trusted, and why one is refused.
//!
//! The rules are those of Go, which go beyond webpki's in two cases. A certificate that is itself among the roots is
//! trusted, no matter who signed it and whether it is a CA; its name and its validity period are still checked. A
//! certificate that is marked as a CA is trusted if a chain leads from it to a root (see `leaf`).

use crate::{FailureKind, leaf};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, SignatureVerificationAlgorithm, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, SignatureScheme};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::{Certificate, TbsCertificate};

/// Why a server's certificate was refused, with a text for the user.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    /// The kind of the failure, which decides the hint that the user gets.
    pub(crate) kind: FailureKind,
    text: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refused {}

/// Trusts certificates that the roots signed, and the roots themselves.
#[derive(Debug)]
pub(super) struct Verifier {
    /// The roots: those of the settings, or the system's if the settings have none.
    pub(super) named: Vec<CertificateDer<'static>>,
    pub(super) signed: Arc<WebPkiServerVerifier>,
    /// The signature algorithms that are supported.
    pub(super) algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
}

impl Verifier {
    /// Checks a certificate that is itself among the roots: its validity period and its names.
    fn is_trusted_itself(
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let bad = || rustls::Error::InvalidCertificate(CertificateError::BadEncoding);
        let validity = *Certificate::from_der(certificate).map_err(|_| bad())?.tbs_certificate().validity();
        let now = Duration::from_secs(now.as_secs());
        if now < validity.not_before.to_unix_duration() {
            return Err(CertificateError::NotValidYet.into());
        }
        if now > validity.not_after.to_unix_duration() {
            return Err(CertificateError::Expired.into());
        }
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let result = if self.named.iter().any(|root| root.as_ref() == certificate.as_ref()) {
            Self::is_trusted_itself(certificate, name, now).map(|()| ServerCertVerified::assertion())
        } else {
            self.signed.verify_server_cert(certificate, chain, name, ocsp, now).or_else(|error| {
                if leaf::is_signed(certificate, chain, &self.named, now, self.algorithms) {
                    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                    return Ok(ServerCertVerified::assertion());
                }
                Err(error)
            })
        };
        result.map_err(|error| match error {
            rustls::Error::InvalidCertificate(why) => refusal(certificate, name, &why),
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signed.supported_verify_schemes()
    }
}

/// The error for a refused certificate, with the names and the dates that the certificate contains.
fn refusal(der: &CertificateDer<'_>, name: &ServerName<'_>, why: &CertificateError) -> rustls::Error {
    let read = Certificate::from_der(der).ok();
    let tbs = read.as_ref().map(Certificate::tbs_certificate);
    let subject = tbs.map_or_else(|| "(unreadable)".to_owned(), |tbs| shown(&tbs.subject().to_string()));
    let (kind, text) = match why {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let names = read.as_ref().map(names_of).unwrap_or_default();
            let kind = if names.is_empty() { FailureKind::NoName } else { FailureKind::WrongName };
            let names = if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") };
            (kind, format!("the certificate is for {names}, not for {}", name.to_str()))
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            let end = tbs.map(|tbs| tbs.validity().not_after.to_string()).unwrap_or_default();
            (FailureKind::Expired, format!("the certificate of {subject} has expired on {end}"))
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            let start = tbs.map(|tbs| tbs.validity().not_before.to_string()).unwrap_or_default();
            (FailureKind::Expired, format!("the certificate of {subject} is not valid before {start}"))
        }
        CertificateError::UnknownIssuer => untrusted(tbs, &subject),
        CertificateError::BadEncoding => (FailureKind::Tls, "the certificate cannot be read".to_owned()),
        CertificateError::Revoked => (FailureKind::Tls, format!("the certificate of {subject} is revoked")),
        CertificateError::BadSignature => {
            (FailureKind::UnknownIssuer, format!("the signature of the certificate of {subject} is wrong"))
        }
        // webpki refuses a self-signed certificate for its mark as a CA. The message says instead that its signer is
        // not trusted, since the certificate would be trusted if it were among the roots.
        _ if tbs.is_some_and(|tbs| tbs.issuer() == tbs.subject()) => untrusted(tbs, &subject),
        _ if read.as_ref().is_some_and(|certificate| names_of(certificate).is_empty()) => (
            FailureKind::NoName,
            format!(
                "the certificate of {subject} names no host: it has no subjectAltName, and its CN does not count"
            ),
        ),
        _ => (FailureKind::Tls, format!("the certificate of {subject} is not one that a server may use")),
    };
    CertificateError::Other(OtherError(Arc::new(Refused { kind, text }))).into()
}

/// The failure of a certificate whose signer is not trusted.
fn untrusted(tbs: Option<&TbsCertificate>, subject: &str) -> (FailureKind, String) {
    let issuer = tbs.map(|tbs| shown(&tbs.issuer().to_string())).unwrap_or_default();
    let by = if issuer == subject { "itself".to_owned() } else { issuer };
    let text = format!("the certificate of {subject} is signed by {by}, which is not trusted");
    (FailureKind::UnknownIssuer, text)
}

/// The DNS names and IP addresses that a certificate is for, at most `MOST_NAMES`.
fn names_of(certificate: &Certificate) -> Vec<String> {
    let Ok(Some((_, names))) = certificate.tbs_certificate().get_extension::<SubjectAltName>() else {
        return Vec::new();
    };
    let text = |name: &GeneralName| match name {
        GeneralName::DnsName(name) => Some(shown(name.as_str())),
        GeneralName::IpAddress(bytes) => match bytes.as_bytes() {
            [a, b, c, d] => Some(std::net::Ipv4Addr::new(*a, *b, *c, *d).to_string()),
            bytes => <[u8; 16]>::try_from(bytes).ok().map(|b| std::net::Ipv6Addr::from(b).to_string()),
        },
        _ => None,
    };
    names.0.iter().filter_map(text).take(MOST_NAMES).collect()
}

/// The most names of a certificate that an error lists.
const MOST_NAMES: usize = 5;

/// A text from the server's certificate, shortened and without control characters.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}
