//! Which IP addresses may be connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The IPv6 address of the AWS instance metadata service. It is a unique local address, so it is excluded by name; the
/// service's IPv4 address is link-local and excluded as such.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// The IP addresses that a connection may be made to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Addresses {
    /// Any address: for hosts that the administrator has set.
    #[default]
    Any,
    /// Public addresses only.
    Public,
    /// Public, private and loopback addresses; not link-local, multicast or reserved ones.
    Private,
    /// This address only.
    Only(IpAddr),
    /// Loopback addresses only.
    Loopback,
}

/// The class of an IP address, by IANA's registries of special-purpose addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Public,
    Private,
    Loopback,
    /// Link-local, multicast, reserved or unspecified: no address of an ordinary host.
    Special,
}

impl Addresses {
    /// Whether an address may be connected to.
    pub fn allow(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Public => class(address) == Class::Public,
            Self::Private => class(address) != Class::Special,
            Self::Only(only) => address == only,
            Self::Loopback => class(address) == Class::Loopback,
        }
    }
}

fn class(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

fn class_v4(address: Ipv4Addr) -> Class {
    let [a, b, c, _] = address.octets();
    let private = address.is_private() || (a == 100 && (64..128).contains(&b));
    let special = a == 0
        || address.is_link_local()
        || address.is_documentation()
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 224;
    if address.is_loopback() {
        Class::Loopback
    } else if special {
        Class::Special
    } else if private {
        Class::Private
    } else {
        Class::Public
    }
}

fn class_v6(address: Ipv6Addr) -> Class {
    if address == Ipv6Addr::LOCALHOST {
        return Class::Loopback;
    }
    if let Some(inner) = embedded(address) {
        // There is no good reason to write a public IPv4 address inside an IPv6 one. It counts as private, so that it
        // is refused where only public addresses are allowed.
        return match class_v4(inner) {
            Class::Public => Class::Private,
            other => other,
        };
    }
    let first = address.segments()[0];
    if address.is_unique_local() && address != METADATA_V6 {
        Class::Private
    } else if (0x2000..0x4000).contains(&first) && !is_of_a_protocol(address.segments()) {
        Class::Public
    } else {
        Class::Special
    }
}

/// Whether an address is reserved for a protocol such as Teredo, or for documentation.
fn is_of_a_protocol([first, second, ..]: [u16; 8]) -> bool {
    (first == 0x2001 && (second < 0x200 || second == 0xdb8)) || first & 0xfff0 == 0x3ff0
}

/// The IPv4 address inside an IPv6 address: IPv4-mapped, IPv4-compatible, IPv4-translated, NAT64 or 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let of = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match s {
        [0, 0, 0, 0, 0, 0xffff | 0, ..] => Some(of(s[6], s[7])),
        [0, 0, 0, 0, 0xffff, 0, ..] => Some(of(s[6], s[7])),
        [0x64, 0xff9b, ..] => Some(of(s[6], s[7])),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Addresses;
    use std::net::IpAddr;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn public_excludes_private_loopback_and_special_addresses() {
        for public in ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "172.32.0.1", "100.128.0.1"] {
            assert!(Addresses::Public.allow(ip(public)), "{public}");
        }
        for other in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.0.1",
            "100.64.0.1",
            "169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "192.0.2.1",
            "240.0.0.1",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "2001:0:a9fe:a9fe::1",
            "3fff::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::1",
        ] {
            assert!(!Addresses::Public.allow(ip(other)), "{other}");
        }
    }

    #[test]
    fn private_excludes_link_local_multicast_and_unspecified_addresses() {
        for private in ["10.1.2.3", "127.0.0.1", "::1", "fc00::1", "100.64.0.1", "::ffff:10.0.0.1", "8.8.8.8"]
        {
            assert!(Addresses::Private.allow(ip(private)), "{private}");
        }
        for never in
            ["169.254.169.254", "fe80::1", "fd00:ec2::254", "224.0.0.1", "::ffff:169.254.169.254", "0.0.0.0"]
        {
            assert!(!Addresses::Private.allow(ip(never)), "{never}");
        }
    }

    #[test]
    fn only_and_loopback_allow_no_other_addresses() {
        assert!(Addresses::Only(ip("10.0.0.1")).allow(ip("10.0.0.1")));
        assert!(!Addresses::Only(ip("10.0.0.1")).allow(ip("10.0.0.2")));
        assert!(Addresses::Loopback.allow(ip("::1")) && !Addresses::Loopback.allow(ip("10.0.0.1")));
    }
}
