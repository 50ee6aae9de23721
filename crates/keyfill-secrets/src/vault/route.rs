//! What connections are made with: the certificates and proxies that the settings name.

use super::settings::{Proxy, Tls};
use crate::{Error, Secret};
use keyfill_http::Matcher;
use keyfill_http::{TlsSettings, pem_files};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The certificates that the settings name, and the text of the client's certificate.
pub(super) fn tls(tls: &Tls) -> Result<(TlsSettings, Vec<u8>), Error> {
    let mut loaded = TlsSettings::default();
    let mut add = |pem: &[u8], name: &str| match loaded.add_roots(pem) {
        Ok(0) => Err(Error::usage(format!("{name} holds no certificate in PEM"))),
        Ok(_) => Ok(()),
        Err(why) => Err(Error::usage(format!("{name} is not usable: {why}"))),
    };
    if let Some(pem) = &tls.ca_bytes {
        add(pem.as_bytes(), "VAULT_CACERT_BYTES")?;
    } else if let Some(path) = &tls.ca_file {
        add(&read_pem(path)?, &path.display().to_string())?;
    } else if let Some(file) = tls.ca_dir.as_ref().filter(|path| path.is_file()) {
        add(&read_pem(file)?, &file.display().to_string())?;
    } else if let Some(folder) = &tls.ca_dir {
        let files = pem_files(folder).map_err(|e| {
            Error::usage(format!("the certificates in {} cannot be read: {e}", folder.display()))
        })?;
        add(&files.join(&b'\n'), &folder.display().to_string())?;
    }
    let mut certificate = Vec::new();
    match (&tls.client_cert, &tls.client_key) {
        (Some(cert), Some(key)) => {
            certificate = read_pem(cert)?;
            let key_pem = Zeroizing::new(read_pem(key)?);
            loaded.set_identity(&certificate, &key_pem).map_err(|why| {
                Error::usage(format!(
                    "the client certificate {} with the key {}: {why}",
                    cert.display(),
                    key.display()
                ))
            })?;
        }
        (None, None) => {}
        _ => {
            return Err(Error::usage(
                "a client certificate needs both VAULT_CLIENT_CERT and VAULT_CLIENT_KEY",
            ));
        }
    }
    loaded.skip_verify(tls.skip_verify);
    loaded.server_name(tls.server_name.clone());
    Ok((loaded, certificate))
}

fn read_pem(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|e| Error::usage(format!("{} cannot be read: {e}", path.display())))
}

/// The proxies of the settings; `None` when there are none.
pub(super) fn proxies(proxy: &Proxy) -> Result<Option<Arc<Matcher>>, Error> {
    if proxy.http.is_none() && proxy.https.is_none() {
        return Ok(None);
    }
    for url in [&proxy.http, &proxy.https].into_iter().flatten() {
        let text = url.expose();
        if text.contains("://") && !text.starts_with("http://") {
            return Err(Error::usage("a proxy is only used over http")
                .hint("write http://host:port in HTTPS_PROXY, HTTP_PROXY or VAULT_PROXY_ADDR"));
        }
    }
    let text = |url: &Option<Secret>| url.as_ref().map_or_else(String::new, |u| u.expose().to_owned());
    let matcher = Matcher::builder()
        .http(text(&proxy.http))
        .https(text(&proxy.https))
        .no(proxy.no_proxy.clone().unwrap_or_default())
        .build();
    Ok(Some(Arc::new(matcher)))
}
