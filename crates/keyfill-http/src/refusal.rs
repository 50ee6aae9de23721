//! Messages for failures of TLS and of proxies, in place of the TLS library's own texts.

use super::connect::next_cause;
use super::tls::Unusable;
use super::tunnel::ProxyFailure;
use super::verify::Refused;
use super::{Failure, FailureKind};
use rustls::{AlertDescription, CertificateError, OtherError};
use std::error::Error as StdError;

/// The failure, if one of the error's causes is an error of TLS or of a proxy.
pub(super) fn of(error: &(dyn StdError + 'static)) -> Option<Failure> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let found = if let Some(error) = error.downcast_ref::<rustls::Error>() {
            Some(of_tls(error))
        } else if let Some(error) = error.downcast_ref::<Unusable>() {
            Some((FailureKind::Tls, error.to_string()))
        } else {
            error.downcast_ref::<ProxyFailure>().map(|failure| (failure.kind, failure.to_string()))
        };
        if let Some((kind, reason)) = found {
            return Some(Failure { kind, reason });
        }
        cause = next_cause(error);
    }
    None
}

fn of_tls(error: &rustls::Error) -> (FailureKind, String) {
    if let rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) = error
        && let Some(refused) = inner.downcast_ref::<Refused>()
    {
        return (refused.kind, refused.to_string());
    }
    let (kind, text) = match error {
        rustls::Error::InvalidMessage(_) => (FailureKind::NoTls, "the server does not speak TLS"),
        rustls::Error::AlertReceived(alert) => of_alert(*alert),
        rustls::Error::PeerIncompatible(_) => {
            (FailureKind::Tls, "the server shares no version or cipher of TLS with keyfill")
        }
        rustls::Error::NoCertificatesPresented => (FailureKind::Tls, "the server shows no certificate"),
        rustls::Error::InvalidCertificate(_) => (FailureKind::Tls, "the server's certificate is not usable"),
        _ => (FailureKind::Tls, "the TLS handshake failed"),
    };
    (kind, text.to_owned())
}

fn of_alert(alert: AlertDescription) -> (FailureKind, &'static str) {
    match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            (FailureKind::ClientCertificate, "the server wants a client certificate")
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => {
            (FailureKind::ClientCertificate, "the server refuses the client certificate")
        }
        AlertDescription::HandshakeFailure | AlertDescription::ProtocolVersion => {
            (FailureKind::Tls, "the server shares no version or cipher of TLS with keyfill")
        }
        AlertDescription::UnrecognisedName => (FailureKind::WrongName, "the server does not know the name"),
        _ => (FailureKind::Tls, "the server ended the TLS handshake"),
    }
}
