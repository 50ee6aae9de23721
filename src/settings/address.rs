//! Which addresses an author's own Vault may have.
//!
//! An author who chooses the address makes the sidecar connect to it. Addresses that only the sidecar reaches are
//! refused: its sockets, its host, the cluster's services, the cloud's metadata. Host names are checked here by
//! their spelling; the IP addresses to which they resolve are checked when the connection is made.

use super::authority::Effective;
use crate::fill::policy::is_match;
use crate::values;
use keyfill_secrets::Addresses;
use url::{Host, Url};

/// Endings of host names that belong to a cluster, a host or a private network.
const PRIVATE_ENDINGS: [&str; 6] = ["localhost", "local", "internal", "svc", "cluster.local", "home.arpa"];

/// Whether an address is an http or https URL.
fn is_http(address: &str) -> bool {
    Url::parse(address.trim()).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// The IP addresses to which the author's Vault may resolve, by the administrator's list and the spelling of the
/// URL. `None` if the author chose no address, or if the address is refused.
pub fn of_authors(effective: &Effective, compat_avp: bool) -> Option<Addresses> {
    let address = effective.get("VAULT_ADDR").filter(|_| effective.address_is_authors())?;
    if compat_avp && is_http(address) {
        return Some(Addresses::Any);
    }
    let entries = effective.get("KEYFILL_APP_ADDRESSES").unwrap_or_default();
    listed(address, values::list(entries)).or_else(|| is_public(address).then_some(Addresses::Public))
}

/// Whether an address is an http or https URL whose host, by its spelling, is in the public network.
fn is_public(address: &str) -> bool {
    let Ok(url) = Url::parse(address.trim()) else { return false };
    if !is_http(address) {
        return false;
    }
    match url.host() {
        None => false,
        Some(Host::Domain(name)) => is_public_name(name.trim_end_matches('.')),
        Some(Host::Ipv4(ip)) => Addresses::Public.allow(ip.into()),
        Some(Host::Ipv6(ip)) => Addresses::Public.allow(ip.into()),
    }
}

fn is_public_name(name: &str) -> bool {
    let ends_with =
        |ending: &str| name.strip_suffix(ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    name.contains('.') && !PRIVATE_ENDINGS.into_iter().any(ends_with)
}

/// The IP addresses that the administrator's entries allow for an author's address; `None` if no entry matches. In
/// an entry `*` stands for any text without a slash, as in `http://vault.*.svc:8200`. An address that an entry
/// spells out may resolve to any IP address. One that only matches a `*` may be any name, so it must not resolve to
/// services of the host or the cloud. For a unix socket an entry must begin with `unix:`.
fn listed<'a>(address: &str, entries: impl Iterator<Item = &'a str>) -> Option<Addresses> {
    let address = address.trim().trim_end_matches('/');
    let of_socket = address.starts_with("unix:");
    let opened = |entry: &str| {
        let entry = entry.trim_end_matches('/');
        let fits = (!of_socket || entry.starts_with("unix:")) && is_match(entry, address);
        let spelled_out = entry == address || of_socket;
        fits.then_some(if spelled_out { Addresses::Any } else { Addresses::Private })
    };
    entries.filter_map(opened).max_by_key(|opened| *opened == Addresses::Any)
}

#[cfg(test)]
mod tests {
    use super::{Addresses, is_public, listed};

    #[test]
    fn addresses_of_the_host_the_cluster_and_private_networks_are_not_public() {
        for address in [
            "unix:///run/vault.sock",
            "http://127.0.0.1:8200",
            "http://127.1",
            "http://0x7f000001/",
            "http://[::1]:8200",
            "http://[::ffff:169.254.169.254]/",
            "http://[fd00:ec2::254]/",
            "http://[2002:7f00:1::]/",
            "http://[::ffff:8.8.8.8]/",
            "http://[2001:0:a9fe:a9fe::1]/",
            "http://2130706433/",
            "http://0177.0.0.1/",
            "http://127.0.0.1.:8200",
            "http://me@127.0.0.1",
            "http://169.254.169.254",
            "https://10.0.0.1",
            "https://100.64.1.1",
            "https://0.0.0.0",
            "http://localhost:8200",
            "http://vault:8200",
            "http://vault.vault.svc:8200",
            "http://vault.vault.svc.cluster.local.",
            "http://metadata.google.internal",
            "file:///etc/passwd",
            "ftp://example.com",
            "vault.example.com",
            "",
        ] {
            assert!(!is_public(address), "{address}");
        }
        for address in
            ["https://vault.example.com", "http://8.8.8.8:8200", "https://[2606:4700::1]/", " https://a.b "]
        {
            assert!(is_public(address), "{address}");
        }
    }

    #[test]
    fn entries_of_the_administrator_allow_further_addresses() {
        let listed = |address: &str, entries: &str| listed(address, entries.split(','));
        let by_glob = Some(Addresses::Private);
        assert_eq!(listed("http://vault.team.svc:8200/", "http://vault.*.svc:8200"), by_glob);
        assert_eq!(listed("http://vault.team.svc:8200/x", "http://vault.*.svc:8200"), None);
        assert_eq!(listed("http://127.0.0.1:8200", "x,*"), by_glob);
        let both = listed("http://10.0.0.1:8200", "http://*:8200,http://10.0.0.1:8200/");
        assert_eq!(both, Some(Addresses::Any));
        assert_eq!(listed("unix:///run/s", "*"), None);
        assert_eq!(listed("unix:///run/s", "unix:///run/s"), Some(Addresses::Any));
    }
}
