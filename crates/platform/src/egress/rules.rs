//! Which addresses may be reached: a pure question about a URL or an IP address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::{Host, Url};

use super::{Refused, Settings};

/// What is not on the public internet, after the IANA registries of special-purpose addresses (RFC 6890 and what
/// followed it). Those that lead into other networks by what is embedded in them are read by [`embedded`] first.
const NOT_PUBLIC_V4: &[Ipv4Net] = &[
    v4([0, 0, 0, 0], 8),       // this network, unspecified
    v4([10, 0, 0, 0], 8),      // private
    v4([100, 64, 0, 0], 10),   // carrier-grade NAT
    v4([127, 0, 0, 0], 8),     // loopback
    v4([169, 254, 0, 0], 16),  // link-local, the metadata of clouds
    v4([172, 16, 0, 0], 12),   // private
    v4([192, 0, 0, 0], 24),    // protocol assignments
    v4([192, 0, 2, 0], 24),    // documentation
    v4([192, 88, 99, 0], 24),  // relays of 6to4, deprecated
    v4([192, 168, 0, 0], 16),  // private
    v4([198, 18, 0, 0], 15),   // benchmarks
    v4([198, 51, 100, 0], 24), // documentation
    v4([203, 0, 113, 0], 24),  // documentation
    v4([224, 0, 0, 0], 4),     // multicast
    v4([240, 0, 0, 0], 4),     // reserved, broadcast
];

/// What is unicast and global in IPv6 at all: loopback, link-local, unique local, multicast and the rest are outside.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0], 3);

/// What is not public inside [`GLOBAL_V6`].
const NOT_PUBLIC_V6: &[Ipv6Net] = &[
    v6([0x2001, 0], 23),     // protocol assignments, Teredo, benchmarks
    v6([0x2001, 0xdb8], 32), // documentation
    v6([0x2002, 0], 16),     // 6to4, deprecated
    v6([0x3fff, 0], 20),     // documentation
];

/// Addresses of IPv4 behind a translator (NAT64, RFC 6052).
const TRANSLATED: Ipv6Net = v6([0x64, 0xff9b], 96);

const fn v4([a, b, c, d]: [u8; 4], bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6([first, second]: [u16; 2], bits: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0), bits)
}

/// Is it an address of the public internet?
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.iter().any(|net| net.contains(&address)),
        IpAddr::V6(address) => {
            GLOBAL_V6.contains(&address) && !NOT_PUBLIC_V6.iter().any(|net| net.contains(&address))
        }
    }
}

/// The address that is meant: that of IPv4 where it stands inside one of IPv6, mapped or translated.
fn embedded(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if TRANSLATED.contains(&address) => {
            let [.., a, b, c, d] = address.octets();
            Ipv4Addr::new(a, b, c, d).into()
        }
        canonical => canonical,
    }
}

/// What may be reached.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    allow: Vec<IpNet>,
    http: bool,
}

impl Rules {
    pub(super) fn of(settings: &Settings) -> Self {
        Self { allow: settings.allow.clone(), http: settings.http }
    }

    /// May a connection go there?
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        let meant = embedded(address);
        is_public(meant) || self.allow.iter().any(|net| net.contains(&meant) || net.contains(&address))
    }

    /// What can be said of a URL before names are looked up: its scheme, and its address where it is written out.
    pub(super) fn check(&self, url: &Url) -> Result<(), Refused> {
        match url.scheme() {
            "https" => {}
            "http" if self.http => {}
            "http" => return Err(Refused::PlainHttp),
            _ => return Err(Refused::Scheme),
        }
        // The parser has read every way to write an address by now: 0x7f.1, 2130706433, [::ffff:127.0.0.1].
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::from(address),
            Some(Host::Ipv6(address)) => IpAddr::from(address),
            Some(Host::Domain(_)) => return Ok(()),
            None => return Err(Refused::Scheme),
        };
        if self.allows(address) { Ok(()) } else { Err(Refused::Address(address.to_string())) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules(allow: &[&str]) -> Rules {
        Rules { allow: allow.iter().map(|net| net.parse().unwrap()).collect(), http: false }
    }

    fn allows(address: &str) -> bool {
        rules(&[]).allows(address.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_allowed() {
        for address in [
            "1.1.1.1",
            "93.184.216.34",
            "172.15.255.255",
            "172.32.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "192.167.255.255",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
        ] {
            assert!(allows(address), "{address}");
        }
    }

    #[test]
    fn the_ends_of_every_range_that_is_not_public_are_refused() {
        for net in NOT_PUBLIC_V4 {
            for address in [net.network(), net.broadcast()] {
                assert!(!allows(&address.to_string()), "{address}");
                assert!(!allows(&format!("::ffff:{address}")), "mapped {address}");
                assert!(!allows(&format!("64:ff9b::{address}")), "translated {address}");
            }
        }
        for net in NOT_PUBLIC_V6 {
            for address in [net.network(), net.broadcast()] {
                assert!(!allows(&address.to_string()), "{address}");
            }
        }
    }

    #[test]
    fn each_kind_of_address_that_is_not_public_is_refused() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b:1::10.0.0.1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!allows(address), "{address}");
        }
    }

    #[test]
    fn allowed_networks_are_allowed_however_they_are_written() {
        let rules = rules(&["10.1.0.0/16", "fd00::/8"]);

        for (address, allowed) in [
            ("10.1.255.1", true),
            ("::ffff:10.1.0.1", true),
            ("64:ff9b::10.1.0.1", true),
            ("fd00::1", true),
            ("10.2.0.1", false),
            ("fc00::1", false),
        ] {
            assert_eq!(rules.allows(address.parse().unwrap()), allowed, "{address}");
        }
    }

    #[test]
    fn an_address_in_a_url_is_seen_however_it_is_written() {
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f000001",
            "0x7f.1",
            "017700000001",
            "2130706433",
            "１２７.０.０.１",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
        ] {
            let url = Url::parse(&format!("https://{host}/hook")).unwrap();
            assert!(matches!(rules(&[]).check(&url), Err(Refused::Address(_))), "{host}");
        }
    }

    #[test]
    fn only_https_is_spoken_unless_http_is_set() {
        let check = |http, url: &str| Rules { allow: Vec::new(), http }.check(&Url::parse(url).unwrap());

        assert_eq!(check(false, "http://example.com"), Err(Refused::PlainHttp));
        assert_eq!(check(true, "http://example.com"), Ok(()));
        assert_eq!(check(false, "https://example.com"), Ok(()));
        for url in ["ftp://example.com", "file:///etc/passwd", "data:,x", "gopher://example.com"] {
            assert_eq!(check(true, url), Err(Refused::Scheme), "{url}");
        }
    }

    proptest! {
        #[test]
        fn an_address_of_ipv4_is_judged_alike_wherever_it_stands(bits: u32) {
            let (rules, address) = (rules(&[]), Ipv4Addr::from_bits(bits));
            let plain = rules.allows(address.into());
            prop_assert_eq!(rules.allows(address.to_ipv6_mapped().into()), plain);
            prop_assert_eq!(allows(&format!("64:ff9b::{address}")), plain);
            // The standard library knows some of the ranges, too.
            if address.is_private() || address.is_loopback() || address.is_link_local() || address.is_multicast()
                || address.is_broadcast() || address.is_documentation() || address.is_unspecified()
            {
                prop_assert!(!plain);
            }
        }

        #[test]
        fn no_address_of_ipv6_that_is_local_or_for_many_is_allowed(bits: u128) {
            let address = Ipv6Addr::from_bits(bits);
            if address.is_unique_local() || address.is_unicast_link_local() || address.is_multicast() {
                prop_assert!(!rules(&[]).allows(address.into()));
            }
        }
    }
}
