//! Reads the certificates and proxies that the settings name.

use super::settings::{Address, Proxy, Tls};
use crate::{Error, Secret};
use keyfill_http::Matcher;
use keyfill_http::{TlsSettings, pem_files};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The TLS settings, and the client certificate as PEM; empty without one.
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

/// Refuses the URL of a proxy that the HTTP library would ignore without an error.
fn check_proxy(text: &str) -> Result<(), Error> {
    let wrong = |why: &str| {
        Error::usage(format!("the proxy for Vault cannot be used: {why}"))
            .hint("write http://host:port in VAULT_PROXY_ADDR, HTTPS_PROXY or HTTP_PROXY")
    };
    let is_whole = text.contains("://");
    if is_whole && !text.to_ascii_lowercase().starts_with("http://") {
        return Err(wrong("it is not reached over http"));
    }
    let whole = if is_whole { text.to_owned() } else { format!("http://{text}") };
    // The URL is not shown: it may contain a password.
    let url = url::Url::parse(&whole).map_err(|_| wrong("its address is not a URL"))?;
    if url.host_str().is_none_or(str::is_empty) { Err(wrong("its address names no host")) } else { Ok(()) }
}

fn read_pem(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|e| Error::usage(format!("{} cannot be read: {e}", path.display())))
}

/// The proxies for an address; `None` if the settings have none for the address's scheme. A proxy of the other scheme
/// is not checked.
pub(super) fn proxies(proxy: &Proxy, address: &Address) -> Result<Option<Arc<Matcher>>, Error> {
    let url = match address {
        Address::Url(url) if url.scheme() == "https" => &proxy.https,
        Address::Url(_) => &proxy.http,
        Address::Unix(_) => &None,
    };
    let Some(url) = url else { return Ok(None) };
    check_proxy(url.expose())?;
    let text = |url: &Option<Secret>| url.as_ref().map_or_else(String::new, |u| u.expose().to_owned());
    let matcher = Matcher::builder()
        .http(text(&proxy.http))
        .https(text(&proxy.https))
        .no(proxy.no_proxy.clone().unwrap_or_default())
        .build();
    Ok(Some(Arc::new(matcher)))
}

#[cfg(test)]
mod tests {
    use super::proxies;
    use crate::vault::settings::{Address, Proxy};

    fn used(proxy: &str, address: &str) -> Result<bool, String> {
        let proxy = Proxy { https: Some(proxy.into()), ..Proxy::default() };
        let address = Address::parse(address).expect("an address");
        proxies(&proxy, &address).map(|found| found.is_some()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_invalid_proxy_is_refused_and_its_url_is_not_shown() {
        for good in ["http://u:hush@p:3128", "p:3128", "HTTP://p"] {
            assert_eq!(used(good, "https://v:8200"), Ok(true), "{good}");
        }
        for bad in ["socks5://u:hush@p", "https://hush", "not a url hush", "http://", "http://[hush"] {
            let why = used(bad, "https://v:8200").expect_err(bad);
            assert!(why.starts_with("the proxy for Vault cannot be used") && !why.contains("hush"), "{why}");
            assert_eq!(used(bad, "http://v:8200"), Ok(false), "the address is of the other scheme");
        }
    }
}
