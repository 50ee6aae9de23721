//! Creates certificates with the fields that sprig sets.

use super::der::{bit_string, from_pem, identifier, integer, sequence, tagged};
use super::keys::Key;
use crate::function::FuncError;
use keyfill_go::time::{Duration, Time, Zone};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;
use sha1::{Digest, Sha1};
use std::net::IpAddr;
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::SubjectKeyIdentifier;

const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 14];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 35];
const EXT_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];

/// The content that a certificate should have.
pub(super) struct Request<'a> {
    pub(super) common_name: &'a [u8],
    pub(super) addresses: Vec<IpAddr>,
    pub(super) names: Vec<Vec<u8>>,
    pub(super) days: i64,
    pub(super) authority: bool,
}

/// The authority that signs certificates.
pub(super) struct Issuer {
    /// The subject of the issuer's certificate, as DER.
    name: Vec<u8>,
    key_id: Vec<u8>,
    key: Key,
}

impl Issuer {
    /// Parses the issuer's certificate and key, both PEM. The key must belong to the certificate.
    pub(super) fn read(certificate: &[u8], key: &[u8]) -> Result<Self, FuncError> {
        let (_, der) = from_pem(certificate).ok_or("unable to decode certificate")?;
        let certificate = Certificate::from_der(&der)
            .map_err(|error| format!("error parsing certificate: decodedCert.Bytes: {error}"))?;
        let key = Key::from_pem(key).map_err(|error| error.wrap("error parsing private key"))?;
        let failed = |error: x509_cert::der::Error| format!("error parsing certificate: {error}");
        let tbs = certificate.tbs_certificate();
        let public = tbs.subject_public_key_info().to_der().map_err(failed)?;
        if public != key.public()?.info {
            return Err(
                "error creating certificate: x509: provided PrivateKey doesn't match parent's PublicKey"
                    .into(),
            );
        }
        let key_id = tbs.get_extension::<SubjectKeyIdentifier>().ok().flatten();
        let key_id = key_id.map(|(_, id)| id.0.as_bytes().to_vec()).unwrap_or_default();
        Ok(Self { name: tbs.subject().to_der().map_err(failed)?, key_id, key })
    }
}

/// A certificate for a key, as DER. Without an issuer it is signed with that key.
pub(super) fn issue(
    rng: &mut ChaCha20Rng,
    request: &Request<'_>,
    key: &Key,
    issuer: Option<&Issuer>,
) -> Result<Vec<u8>, FuncError> {
    let mut serial = [0; 16];
    rng.fill_bytes(&mut serial);
    let subject = subject(request.common_name)?;
    let signer = issuer.map_or(key, |issuer| &issuer.key);
    let public = key.public()?;
    let begin = Time::now(Zone::Utc);
    let length = request.days.wrapping_mul(24 * 3600 * 1_000_000_000);
    let end = begin.add(Duration(length));
    let algorithm = signer.algorithm();
    let body = sequence(&[
        &tagged(0xa0, &integer(&[2])),
        &integer(&serial),
        &algorithm,
        issuer.map_or(&subject, |issuer| &issuer.name),
        &sequence(&[&time(&begin)?, &time(&end)?]),
        &subject,
        &public.info,
        &tagged(0xa3, &extensions(request, &public.bits, &subject, issuer)?),
    ]);
    let signature = signer.sign(&body)?;
    Ok(sequence(&[&body, &algorithm, &bit_string(&signature)]))
}

fn subject(common_name: &[u8]) -> Result<Vec<u8>, FuncError> {
    if common_name.is_empty() {
        return Ok(sequence(&[]));
    }
    let printable = |b: &u8| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(b);
    let tag = if common_name.iter().all(printable) { 0x13 } else { 0x0c };
    if std::str::from_utf8(common_name).is_err() {
        return Err("error creating certificate: asn1: string not valid UTF-8".into());
    }
    let attribute = sequence(&[&identifier(COMMON_NAME), &tagged(tag, common_name)]);
    Ok(sequence(&[&tagged(0x31, &attribute)]))
}

/// A time in DER: with two digits of the year from 1950 to 2049, with four otherwise.
fn time(time: &Time) -> Result<Vec<u8>, FuncError> {
    let (year, ..) = time.date();
    match year {
        1950..2050 => Ok(tagged(0x17, &time.format(b"060102150405Z"))),
        0..10_000 => Ok(tagged(0x18, &time.format(b"20060102150405Z"))),
        _ => Err("error creating certificate: asn1: cannot represent time as GeneralizedTime".into()),
    }
}

fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
    sequence(&[&identifier(id), critical, &tagged(0x04, value)])
}

/// The extensions in Go's order.
fn extensions(
    request: &Request<'_>,
    public: &[u8],
    subject: &[u8],
    issuer: Option<&Issuer>,
) -> Result<Vec<u8>, FuncError> {
    // Digital signature and key encipherment; for an authority also certificate signing.
    let usage: &[u8] = if request.authority { &[2, 0b1010_0100] } else { &[5, 0b1010_0000] };
    let mut all = vec![
        extension(KEY_USAGE, true, &tagged(0x03, usage)),
        extension(EXT_KEY_USAGE, false, &sequence(&[&identifier(SERVER_AUTH), &identifier(CLIENT_AUTH)])),
        extension(
            BASIC_CONSTRAINTS,
            true,
            &sequence(&[if request.authority { &[1, 1, 0xff] } else { &[] as &[u8] }]),
        ),
    ];
    if request.authority {
        all.push(extension(SUBJECT_KEY_ID, false, &tagged(0x04, &Sha1::digest(public))));
    }
    if let Some(issuer) = issuer.filter(|issuer| issuer.name != subject && !issuer.key_id.is_empty()) {
        all.push(extension(AUTHORITY_KEY_ID, false, &sequence(&[&tagged(0x80, &issuer.key_id)])));
    }
    let mut names = Vec::new();
    for name in &request.names {
        if !name.is_ascii() {
            let shown = keyfill_go::quote::quote(name);
            return Err(format!(
                "error creating certificate: x509: {shown} cannot be encoded as an IA5String"
            )
            .into());
        }
        names.extend(tagged(0x82, name));
    }
    for address in &request.addresses {
        names.extend(match address.to_canonical() {
            IpAddr::V4(v4) => tagged(0x87, &v4.octets()),
            IpAddr::V6(v6) => tagged(0x87, &v6.octets()),
        });
    }
    if !names.is_empty() {
        all.push(extension(SUBJECT_ALT_NAME, request.common_name.is_empty(), &tagged(0x30, &names)));
    }
    Ok(tagged(0x30, &all.concat()))
}
