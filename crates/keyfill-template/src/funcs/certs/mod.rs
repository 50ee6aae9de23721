//! Keys and certificates: `genPrivateKey`, `genCA` and the like.
//!
//! Keys in PEM arguments may be RSA, ECDSA on P-256, or Ed25519.

mod der;
mod issue;
mod keys;
mod primes;

use super::random::source;
use crate::function::{FuncError, Function, any, int, list, text};
use crate::run::Run;
use crate::value::{Kind, Object, Type, Value};
use issue::{Issuer, Request, issue};
use keyfill_go::base;
use keys::Key;
use std::borrow::Cow;
use std::net::IpAddr;

const S: Type = Type::String;
const I: Type = Type::Int;
const L: Type = Type::List;
const CERTIFICATE: Type = Type::Named("sprig.certificate", Kind::Struct);

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::fixed("genPrivateKey", &[S], private_key),
    Function::fixed("buildCustomCert", &[S, S], custom),
    Function::fixed("genCA", &[S, I], authority),
    Function::fixed("genCAWithKey", &[S, I, S], authority),
    Function::fixed("genSelfSignedCert", &[S, L, L, I], self_signed),
    Function::fixed("genSelfSignedCertWithKey", &[S, L, L, I, S], self_signed),
    Function::fixed("genSignedCert", &[S, L, L, I, CERTIFICATE], signed),
    Function::fixed("genSignedCertWithKey", &[S, L, L, I, CERTIFICATE, S], signed),
];

/// Bits of the RSA keys that are created for certificates.
const CERTIFICATE_BITS: u32 = 2048;
/// Bits of the RSA keys of `genPrivateKey`.
const KEY_BITS: u32 = 4096;

/// `sprig.certificate`: a certificate and its key, both as PEM.
struct Certificate {
    cert: Vec<u8>,
    key: Vec<u8>,
}

impl Object for Certificate {
    fn type_name(&self) -> Cow<'static, str> {
        CERTIFICATE.name_cow()
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(Value::str(self.cert.as_slice())),
            "Key" => Some(Value::str(self.key.as_slice())),
            _ => None,
        }
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("Cert", Value::str(self.cert.as_slice())), ("Key", Value::str(self.key.as_slice()))]
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.downcast_ref::<Self>().is_some_and(|o| (&o.cert, &o.key) == (&self.cert, &self.key))
    }
}

fn private_key(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    run.check()?;
    let cx = run.cx().clone();
    let rng = source(run)?;
    let pem = match text(args, 0) {
        b"" | b"rsa" => Key::rsa(rng, KEY_BITS, &cx)?.to_pem()?,
        b"dsa" => keys::dsa_pem(rng, &cx)?,
        b"ecdsa" => Key::ecdsa(rng).to_pem()?,
        b"ed25519" => Key::ed25519(rng).to_pem()?,
        other => [b"Unknown type ", other].concat(),
    };
    Ok(Value::str(pem))
}

/// Argument `index` as a key, or a new key if there is no such argument.
fn key(run: &mut Run, args: &[Value], index: usize) -> Result<Key, FuncError> {
    run.check()?;
    match args.get(index) {
        Some(_) => Key::from_pem(text(args, index)).map_err(|error| error.wrap("parsing private key")),
        None => {
            let cx = run.cx().clone();
            Key::rsa(source(run)?, CERTIFICATE_BITS, &cx)
        }
    }
}

fn certificate(cert: &[u8], key: &Key) -> Result<Value, FuncError> {
    Ok(Value::object(Certificate { cert: der::to_pem("CERTIFICATE", cert), key: key.to_pem()? }))
}

fn authority(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let key = key(run, args, 2)?;
    let request = Request {
        common_name: text(args, 0),
        addresses: Vec::new(),
        names: Vec::new(),
        days: int(args, 1),
        authority: true,
    };
    certificate(&issue(source(run)?, &request, &key, None)?, &key)
}

/// The content of a certificate for a server or client, from the arguments.
fn request(args: &[Value]) -> Result<Request<'_>, FuncError> {
    let shown =
        |value: &Value| super::cast::print(value).map(|text| String::from_utf8_lossy(&text).into_owned());
    let mut addresses = Vec::new();
    for value in list(args, 1).iter() {
        let Some(text) = value.as_str() else {
            return Err(format!("error parsing ip: {} is not a string", shown(value)?).into());
        };
        let address = text.to_str().and_then(|text| text.parse::<IpAddr>().ok());
        addresses.push(address.ok_or_else(|| format!("error parsing ip: {}", text.to_text()))?);
    }
    let mut names = Vec::new();
    for value in list(args, 2).iter() {
        let Some(text) = value.as_str() else {
            let shown = shown(value)?;
            return Err(format!("error processing alternate dns name: {shown} is not a string").into());
        };
        names.push(text.as_bytes().to_vec());
    }
    Ok(Request { common_name: text(args, 0), addresses, names, days: int(args, 3), authority: false })
}

fn self_signed(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let request = request(args)?;
    let key = key(run, args, 4)?;
    certificate(&issue(source(run)?, &request, &key, None)?, &key)
}

fn signed(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let request = request(args)?;
    let authority = any(args, 4).as_object::<Certificate>();
    let authority = authority.ok_or("unable to decode certificate")?;
    let issuer = Issuer::read(&authority.cert, &authority.key)?;
    let key = key(run, args, 5)?;
    certificate(&issue(source(run)?, &request, &key, Some(&issuer))?, &key)
}

/// A certificate and a key from base64 of PEM. Both are parsed to check them, and returned unchanged.
fn custom(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let cert = base::decode64(text(args, 0)).map_err(|_| "unable to decode base64 certificate")?;
    let key = base::decode64(text(args, 1)).map_err(|_| "unable to decode base64 private key")?;
    let (_, der) = der::from_pem(&cert).ok_or("unable to decode certificate")?;
    use x509_cert::der::Decode;
    x509_cert::Certificate::from_der(&der)
        .map_err(|error| format!("error parsing certificate: decodedCert.Bytes: {error}"))?;
    Key::from_pem(&key).map_err(|error| error.wrap("error parsing private key"))?;
    Ok(Value::object(Certificate { cert, key }))
}
