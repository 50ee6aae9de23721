//! Which addresses an author's own Vault may have.
//!
//! An author who chooses the address makes the sidecar connect to it. What only the sidecar reaches (its
//! sockets, its host, the cluster's services, the cloud's metadata) is not theirs to ask. Names are judged
//! here by how they are written; what a name resolves to is judged again when the connection is made.

use crate::fill::policy::is_match;
use std::net::{IpAddr, Ipv4Addr};
use url::{Host, Url};

/// Endings of names that lead into a cluster, a host or a private network.
const PRIVATE_ENDINGS: [&str; 6] = ["localhost", "local", "internal", "svc", "cluster.local", "home.arpa"];

/// Whether an address is http or https.
pub fn is_http(address: &str) -> bool {
    Url::parse(address.trim()).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// Whether an address is http or https, and as written leads into the public network.
pub fn is_public(address: &str) -> bool {
    let Ok(url) = Url::parse(address.trim()) else { return false };
    if !is_http(address) {
        return false;
    }
    match url.host() {
        None => false,
        Some(Host::Domain(name)) => is_public_name(name.trim_end_matches('.')),
        Some(Host::Ipv4(ip)) => is_public_v4(ip),
        Some(Host::Ipv6(ip)) => match ip.to_canonical() {
            IpAddr::V4(ip) => is_public_v4(ip),
            // Global unicast is 2000::/3; 6to4 and Teredo inside it carry IPv4 addresses.
            IpAddr::V6(ip) => {
                let [first, second, ..] = ip.segments();
                first & 0xe000 == 0x2000 && first != 0x2002 && !(first == 0x2001 && second < 0x200)
            }
        },
    }
}

fn is_public_name(name: &str) -> bool {
    let ends_with =
        |ending: &str| name.strip_suffix(ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    name.contains('.') && !PRIVATE_ENDINGS.into_iter().any(ends_with)
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let special = a == 0 || a >= 224 || a == 192 && b == 0 && c == 0 || a == 198 && (b == 18 || b == 19);
    !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_documentation() || shared || special)
}

/// Whether one of the administrator's entries names an address: `*` stands for any text without a slash, as
/// in `http://vault.*.svc:8200`. A unix socket must be spelled out from `unix://` on.
pub fn is_listed<'a>(address: &str, mut entries: impl Iterator<Item = &'a str>) -> bool {
    let address = address.trim().trim_end_matches('/');
    let of_socket = address.starts_with("unix:");
    entries.any(|entry| {
        let entry = entry.trim_end_matches('/');
        (!of_socket || entry.starts_with("unix:")) && is_match(entry, address)
    })
}

#[cfg(test)]
mod tests {
    use super::{is_listed, is_public};

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
    fn an_administrator_lists_further_addresses() {
        let listed = |address: &str, entries: &str| is_listed(address, entries.split(','));
        assert!(listed("http://vault.team.svc:8200/", "http://vault.*.svc:8200"));
        assert!(!listed("http://vault.team.svc:8200/x", "http://vault.*.svc:8200"));
        assert!(listed("http://127.0.0.1:8200", "x,*"));
        assert!(!listed("unix:///run/s", "*") && listed("unix:///run/s", "unix:///run/s"));
    }
}
