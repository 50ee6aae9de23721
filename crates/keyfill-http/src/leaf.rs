//! A server's certificate that says of itself that it is an authority, signed by a root that was named.
//!
//! Go takes it; webpki refuses it for what it says. All else is checked here as Go checks it: times, names, what the
//! certificates may be used for. Only the named root itself may have signed it: where others stand between, webpki's
//! refusal stays.

use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use std::time::Duration;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, NameConstraints};
use x509_cert::{Certificate, TbsCertificate};

/// `serverAuth` and `anyExtendedKeyUsage`.
const FOR_SERVERS: [ObjectIdentifier; 2] =
    [ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1"), ObjectIdentifier::new_unwrap("2.5.29.37.0")];

/// Extensions that are understood where they are critical: what a key may be used for, names, being an authority.
const KNOWN: [ObjectIdentifier; 4] = [
    ObjectIdentifier::new_unwrap("2.5.29.15"),
    ObjectIdentifier::new_unwrap("2.5.29.17"),
    ObjectIdentifier::new_unwrap("2.5.29.19"),
    ObjectIdentifier::new_unwrap("2.5.29.37"),
];

/// Whether a certificate is an authority by its own words and one of the roots signed it. Its name is for the caller to
/// check.
pub(super) fn is_signed(
    leaf: &CertificateDer<'_>,
    roots: &[CertificateDer<'static>],
    now: UnixTime,
    algorithms: &[&'static dyn SignatureVerificationAlgorithm],
) -> bool {
    let Ok(leaf) = Certificate::from_der(leaf) else { return false };
    let usable = |certificate: &Certificate| {
        let tbs = certificate.tbs_certificate();
        is_authority(tbs) && is_valid(tbs, now) && is_for_servers(tbs) && is_understood(tbs)
    };
    usable(&leaf)
        && roots.iter().filter_map(|root| Certificate::from_der(root).ok()).any(|root| {
            let tbs = root.tbs_certificate();
            tbs.subject() == leaf.tbs_certificate().issuer()
                && usable(&root)
                && may_sign(tbs)
                && has_signed(tbs, &leaf, algorithms) == Some(true)
        })
}

fn is_authority(tbs: &TbsCertificate) -> bool {
    matches!(tbs.get_extension::<BasicConstraints>(), Ok(Some((_, constraints))) if constraints.ca)
}

fn is_valid(tbs: &TbsCertificate, now: UnixTime) -> bool {
    let (validity, now) = (tbs.validity(), Duration::from_secs(now.as_secs()));
    validity.not_before.to_unix_duration() <= now && now <= validity.not_after.to_unix_duration()
}

fn is_for_servers(tbs: &TbsCertificate) -> bool {
    match tbs.get_extension::<ExtendedKeyUsage>() {
        Ok(None) => true,
        Ok(Some((_, usages))) => usages.0.iter().any(|usage| FOR_SERVERS.contains(usage)),
        Err(_) => false,
    }
}

/// Constraints of names are webpki's to check.
fn is_understood(tbs: &TbsCertificate) -> bool {
    let mut critical = tbs.extensions().into_iter().flatten().filter(|extension| extension.critical);
    critical.all(|extension| KNOWN.contains(&extension.extn_id))
        && matches!(tbs.get_extension::<NameConstraints>(), Ok(None))
}

fn may_sign(tbs: &TbsCertificate) -> bool {
    match tbs.get_extension::<KeyUsage>() {
        Ok(None) => true,
        Ok(Some((_, usage))) => usage.key_cert_sign(),
        Err(_) => false,
    }
}

fn has_signed(
    root: &TbsCertificate,
    leaf: &Certificate,
    algorithms: &[&'static dyn SignatureVerificationAlgorithm],
) -> Option<bool> {
    if leaf.signature_algorithm() != leaf.tbs_certificate().signature() {
        return None;
    }
    let message = leaf.tbs_certificate().to_der().ok()?;
    let signature = leaf.signature().as_bytes()?;
    let signed_with = leaf.signature_algorithm().to_der().ok()?;
    let key = root.subject_public_key_info();
    let key_algorithm = key.algorithm.to_der().ok()?;
    let key = key.subject_public_key.as_bytes()?;
    // The identifiers are written there without the header of their sequence.
    let fits = |algorithm: &&dyn SignatureVerificationAlgorithm| {
        contents(&signed_with) == Some(algorithm.signature_alg_id().as_ref())
            && contents(&key_algorithm) == Some(algorithm.public_key_alg_id().as_ref())
    };
    let mut fitting = algorithms.iter().copied().filter(|algorithm| fits(algorithm));
    Some(fitting.any(|algorithm| algorithm.verify_signature(key, &message, signature).is_ok()))
}

/// What stands in a short sequence.
fn contents(der: &[u8]) -> Option<&[u8]> {
    let [0x30, length, rest @ ..] = der else { return None };
    (usize::from(*length) == rest.len() && *length < 0x80).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::is_signed;
    use keyfill_testkit::program;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, UnixTime};
    use std::path::Path;
    use std::process::Command;
    use std::time::Duration;

    /// Certificates made by openssl: an authority's, and one that it signed with these extensions.
    fn signed(folder: &Path, authority: &str, extensions: &str) -> Option<[CertificateDer<'static>; 2]> {
        let openssl = program("openssl")?;
        let run = |line: &str| {
            let made = Command::new(&openssl).args(line.split(' ')).current_dir(folder).output().unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        };
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        run(&format!("req -x509 {key} -days 2 -subj /CN=authority -keyout a.key -out a.pem {authority}"));
        run(&format!("req {key} -subj /CN=server -keyout s.key -out s.csr"));
        std::fs::write(folder.join("x"), extensions).unwrap();
        run("x509 -req -in s.csr -CA a.pem -CAkey a.key -days 1 -extfile x -out s.pem");
        Some(["a.pem", "s.pem"].map(|name| CertificateDer::from_pem_file(folder.join(name)).unwrap()))
    }

    #[test]
    fn a_certificate_that_calls_itself_an_authority_is_trusted_where_a_root_signed_it() {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms.all;
        let ca = "basicConstraints=CA:TRUE\nsubjectAltName=IP:127.0.0.1\n";
        let no_signing = "-addext keyUsage=critical,digitalSignature";
        let limited = "-addext nameConstraints=permitted;DNS:other.example";
        for (authority, extensions, want) in [
            ("-batch", ca.to_owned(), true),
            ("-batch", format!("{ca}extendedKeyUsage=serverAuth\n"), true),
            ("-batch", format!("{ca}extendedKeyUsage=clientAuth\n"), false),
            ("-batch", format!("{ca}1.2.3.4=critical,ASN1:NULL\n"), false),
            ("-batch", "basicConstraints=CA:FALSE\n".to_owned(), false),
            (no_signing, ca.to_owned(), false),
            (limited, ca.to_owned(), false),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let Some([root, leaf]) = signed(folder.path(), authority, &extensions) else { return };
            let is = |root: &CertificateDer<'static>, now| {
                is_signed(&leaf, std::slice::from_ref(root), now, algorithms)
            };
            assert_eq!(is(&root, UnixTime::now()), want, "{authority} {extensions}");
            let later = Duration::from_secs(UnixTime::now().as_secs() + 3 * 86_400);
            assert!(!is(&root, UnixTime::since_unix_epoch(later)), "it has expired");
            let elsewhere = tempfile::tempdir().unwrap();
            let Some([other, _]) = signed(elsewhere.path(), "-batch", ca) else { return };
            assert!(!is(&other, UnixTime::now()), "another authority of the same name has not signed it");
        }
    }
}
