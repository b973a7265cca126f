//! Which addresses are the internet's, and which are this machine's, its network's or nobody's. Addresses that wrap
//! another one are judged by what they wrap.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// What no sandbox reaches unless the server's owner says so.
const INTERNAL: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/3",
    "::/96",
    "100::/64",
    "2001::/32",
    "fc00::/7",
    "fe80::/9",
    "ff00::/8",
];

/// The address that packets would go to in the end: what a mapped, translated or 6to4 address wraps.
pub(crate) fn unwrapped(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let wrapped = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0, 0, 0, 0, 0xffff, 0] => wrapped(g, h),
        [0x64, 0xff9b, ..] => wrapped(g, h),
        [0x2002, high, low, ..] => wrapped(high, low),
        // Written the old way, `::127.0.0.1`; `::` and `::1` are themselves.
        [0, 0, 0, 0, 0, 0] if v6 != Ipv6Addr::LOCALHOST && v6 != Ipv6Addr::UNSPECIFIED => wrapped(g, h),
        _ => ip,
    }
}

/// Whether an address is none of the internet's. Takes one that is [`unwrapped`].
pub(crate) fn is_internal(ip: IpAddr) -> bool {
    internal().any(|net| net.contains(&ip))
}

/// Whether a range has nothing but internal addresses.
pub(crate) fn is_all_internal(net: &IpNet) -> bool {
    internal().any(|internal| internal.contains(net))
}

fn internal() -> impl Iterator<Item = IpNet> {
    INTERNAL.iter().filter_map(|net| net.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_is_one() {
        assert_eq!(internal().count(), INTERNAL.len());
    }

    #[test]
    fn internal_addresses_are_known_in_every_dress() {
        for text in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:0:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2001::1",
            "fe80::1",
            "fec0::1",
            "fd00:ec2::254",
            "ff02::1",
        ] {
            assert!(is_internal(unwrapped(text.parse().unwrap())), "{text}");
        }
        for text in ["1.1.1.1", "172.32.0.1", "203.0.113.80", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"] {
            assert!(!is_internal(unwrapped(text.parse().unwrap())), "{text}");
        }
    }
}
