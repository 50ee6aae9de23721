//! Which addresses may be connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address of the metadata service of Amazon's cloud in IPv6; its IPv4 one is link-local.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Which addresses a connection may go to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Addresses {
    /// Any: the host was set by an administrator who is trusted with it.
    #[default]
    Any,
    /// Public ones only.
    Public,
    /// Public ones, private ones and those of this machine; never link-local or multicast ones.
    Private,
    /// This one only.
    Only(IpAddr),
    /// Those of this machine only.
    Loopback,
}

/// What an address is, by the registries of special addresses of IANA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Public,
    Private,
    Loopback,
    /// Link-local, multicast, reserved, of no host.
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
        // A public address that is written as another kind of address has no honest use: it counts as private.
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

/// Teredo and other protocols' own, and documentation.
fn is_of_a_protocol([first, second, ..]: [u16; 8]) -> bool {
    (first == 0x2001 && (second < 0x200 || second == 0xdb8)) || first & 0xfff0 == 0x3ff0
}

/// The IPv4 address inside: mapped, compatible, NAT64, 6to4.
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
    fn only_public_addresses_are_public() {
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
    fn private_ones_are_never_link_local() {
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
    fn one_address_is_only_that_one() {
        assert!(Addresses::Only(ip("10.0.0.1")).allow(ip("10.0.0.1")));
        assert!(!Addresses::Only(ip("10.0.0.1")).allow(ip("10.0.0.2")));
        assert!(Addresses::Loopback.allow(ip("::1")) && !Addresses::Loopback.allow(ip("10.0.0.1")));
    }
}
