//! Which addresses are anybody's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// IPv4 networks that are not public, from IANA's registry of special-purpose addresses.
const NOT_PUBLIC_V4: [Ipv4Net; 15] = [
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    // Carrier-grade NAT.
    v4([100, 64, 0, 0], 10),
    // In Lambda, loopback hosts the runtime API.
    v4([127, 0, 0, 0], 8),
    // Link-local, with the metadata services.
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    // 6to4 relays.
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    // Multicast.
    v4([224, 0, 0, 0], 4),
    // Reserved, and broadcast.
    v4([240, 0, 0, 0], 4),
];

/// All of IPv6 that is given to anybody. Mapped IPv4, NAT64, unique local and link-local addresses lie outside.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
/// Networks of [`GLOBAL_V6`] that are not public.
const NOT_PUBLIC_V6: [Ipv6Net; 4] = [
    // Protocol assignments, Teredo among them: it holds an IPv4 address.
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    // Documentation.
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    // 6to4: it holds an IPv4 address.
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    // Documentation.
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
];

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => {
            GLOBAL_V6.contains(&address) && !NOT_PUBLIC_V6.iter().any(|network| network.contains(&address))
        }
    }
}
