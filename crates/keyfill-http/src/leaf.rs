//! Checks the chain of a server's certificate that is marked as a CA (`basicConstraints` with `CA:TRUE`).
//!
//! Go accepts such a certificate; webpki refuses it because of the mark. Everything else is checked here as Go does:
//! validity periods, key usages, and the number of intermediate certificates. The name is checked by the caller. A
//! chain with name constraints is not accepted here, so that webpki's refusal stands.

use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use std::time::Duration;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, NameConstraints};
use x509_cert::{Certificate, TbsCertificate};

/// The extended key usages of which a certificate needs one: `serverAuth` or `anyExtendedKeyUsage`.
const FOR_SERVERS: [ObjectIdentifier; 2] =
    [ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1"), ObjectIdentifier::new_unwrap("2.5.29.37.0")];

/// The extensions that may be critical: key usage, alternative names, basic constraints, extended key usage.
const KNOWN: [ObjectIdentifier; 4] = [
    ObjectIdentifier::new_unwrap("2.5.29.15"),
    ObjectIdentifier::new_unwrap("2.5.29.17"),
    ObjectIdentifier::new_unwrap("2.5.29.19"),
    ObjectIdentifier::new_unwrap("2.5.29.37"),
];

/// The most intermediate certificates between the server's certificate and a root.
const MOST_BETWEEN: usize = 4;

/// The most certificates beside its own that are used of those that a server sends.
const MOST_SENT: usize = 16;

/// Whether `leaf` is marked as a CA and a chain leads from it to one of the roots, directly or through certificates in
/// `sent`. The caller checks the name.
pub(super) fn is_signed(
    leaf: &CertificateDer<'_>,
    sent: &[CertificateDer<'_>],
    roots: &[CertificateDer<'static>],
    now: UnixTime,
    algorithms: &[&'static dyn SignatureVerificationAlgorithm],
) -> bool {
    let Ok(leaf) = Certificate::from_der(leaf) else { return false };
    let sent: Vec<Certificate> =
        sent.iter().take(MOST_SENT).filter_map(|der| Certificate::from_der(der).ok()).collect();
    let chains = Chains { sent: &sent, roots, now, algorithms };
    chains.is_usable(&leaf) && chains.leads_to(&leaf, 0)
}

/// The certificates that a chain may consist of, and what they are checked with.
struct Chains<'a> {
    sent: &'a [Certificate],
    roots: &'a [CertificateDer<'static>],
    now: UnixTime,
    algorithms: &'a [&'static dyn SignatureVerificationAlgorithm],
}

impl Chains<'_> {
    fn is_usable(&self, certificate: &Certificate) -> bool {
        let tbs = certificate.tbs_certificate();
        constraints(tbs).is_some_and(|constraints| constraints.ca)
            && is_valid(tbs, self.now)
            && is_for_servers(tbs)
            && is_understood(tbs)
    }

    /// Whether a chain leads from `certificate` to a root. `below` is the number of intermediate certificates that the
    /// chain has so far, `certificate` included unless it is the server's own.
    fn leads_to(&self, certificate: &Certificate, below: usize) -> bool {
        let signed_by = |signer: &Certificate| {
            let tbs = signer.tbs_certificate();
            let most = constraints(tbs).and_then(|constraints| constraints.path_len_constraint);
            tbs.subject() == certificate.tbs_certificate().issuer()
                && most.is_none_or(|most| below <= usize::from(most))
                && self.is_usable(signer)
                && may_sign(tbs)
                && has_signed(tbs, certificate, self.algorithms) == Some(true)
        };
        self.roots.iter().filter_map(|root| Certificate::from_der(root).ok()).any(|root| signed_by(&root))
            || below < MOST_BETWEEN
                && self.sent.iter().any(|other| signed_by(other) && self.leads_to(other, below + 1))
    }
}

fn constraints(tbs: &TbsCertificate) -> Option<BasicConstraints> {
    tbs.get_extension::<BasicConstraints>().ok().flatten().map(|(_, constraints)| constraints)
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

/// Whether all critical extensions are known and there are no name constraints, which only webpki checks.
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
    // rustls has the identifiers of algorithms in DER without the header of their SEQUENCE.
    let fits = |algorithm: &&dyn SignatureVerificationAlgorithm| {
        contents(&signed_with) == Some(algorithm.signature_alg_id().as_ref())
            && contents(&key_algorithm) == Some(algorithm.public_key_alg_id().as_ref())
    };
    let mut fitting = algorithms.iter().copied().filter(|algorithm| fits(algorithm));
    Some(fitting.any(|algorithm| algorithm.verify_signature(key, &message, signature).is_ok()))
}

/// The contents of a DER SEQUENCE that is shorter than 128 bytes.
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

    /// Two certificates that openssl makes: a CA with the options `authority`, and one that the CA signed with these
    /// extensions. `None` without openssl.
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
    fn a_server_certificate_that_is_marked_as_a_ca_is_trusted_if_a_root_signed_it() {
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
                is_signed(&leaf, &[], std::slice::from_ref(root), now, algorithms)
            };
            assert_eq!(is(&root, UnixTime::now()), want, "{authority} {extensions}");
            let later = Duration::from_secs(UnixTime::now().as_secs() + 3 * 86_400);
            assert!(!is(&root, UnixTime::since_unix_epoch(later)), "it has expired");
            let elsewhere = tempfile::tempdir().unwrap();
            let Some([other, _]) = signed(elsewhere.path(), "-batch", ca) else { return };
            assert!(!is(&other, UnixTime::now()), "another authority of the same name has not signed it");
        }
    }

    #[test]
    fn a_chain_may_lead_through_intermediate_certificates_that_the_server_sends() {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms.all;
        let Some(openssl) = program("openssl") else { return };
        let folder = tempfile::tempdir().unwrap();
        let run = |line: &str| {
            let made =
                Command::new(&openssl).args(line.split(' ')).current_dir(folder.path()).output().unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        };
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        let sign = |name: &str, by: &str, extensions: &str| {
            std::fs::write(folder.path().join("x"), extensions).unwrap();
            run(&format!("req {key} -subj /CN={name} -keyout {name}.key -out {name}.csr"));
            run(&format!(
                "x509 -req -in {name}.csr -CA {by}.pem -CAkey {by}.key -days 1 -extfile x -out {name}.pem"
            ));
            CertificateDer::from_pem_file(folder.path().join(format!("{name}.pem"))).unwrap()
        };
        run(&format!("req -x509 {key} -days 2 -subj /CN=root -keyout root.key -out root.pem"));
        let root = CertificateDer::from_pem_file(folder.path().join("root.pem")).unwrap();
        let (ca, none_below) = ("basicConstraints=CA:TRUE\n", "basicConstraints=CA:TRUE,pathlen:0\n");
        let first = sign("first", "root", ca);
        let second = sign("second", "first", none_below);
        let leaf = sign("leaf", "second", ca);
        let third = sign("third", "second", ca);
        let below = sign("below", "third", ca);
        let plain = sign("plain", "root", "basicConstraints=CA:FALSE\n");
        let of_plain = sign("ofplain", "plain", ca);
        let is = |leaf: &CertificateDer<'static>, sent: &[CertificateDer<'static>]| {
            is_signed(leaf, sent, std::slice::from_ref(&root), UnixTime::now(), algorithms)
        };
        assert!(is(&leaf, &[second.clone(), first.clone()]), "in the order of the chain");
        assert!(is(&leaf, &[first.clone(), second.clone()]), "in another one");
        assert!(!is(&leaf, std::slice::from_ref(&second)), "one is missing");
        assert!(!is(&below, &[third, second, first]), "no other may stand below");
        assert!(!is(&of_plain, std::slice::from_ref(&plain)), "it was signed by one that is no authority");
    }
}
