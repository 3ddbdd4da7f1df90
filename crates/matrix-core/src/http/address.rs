//! What kind of place a host is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::Host;

/// What a host's spelling says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HostKind {
    /// A literal on the public internet.
    Public,
    /// A literal, or a name, that can only be on this machine or network.
    Private,
    /// No server lives there, opt-in or not.
    Never,
    /// A name that only its addresses tell about, like `*.ts.net`.
    Name,
}

/// Kind of a URL's host.
pub(super) fn host_kind(host: &Host<&str>) -> HostKind {
    match host {
        Host::Ipv4(address) => v4_kind(*address),
        Host::Ipv6(address) => v6_kind(*address),
        Host::Domain(name) => name_kind(name),
    }
}

/// Kind of an address; never [`HostKind::Name`].
pub(super) fn ip_kind(address: IpAddr) -> HostKind {
    match address {
        IpAddr::V4(address) => v4_kind(address),
        IpAddr::V6(address) => v6_kind(address),
    }
}

/// Special-use names (RFC 6761, 6762, 8375, 9476; `.internal` by ICANN) and single labels.
pub(super) fn name_kind(name: &str) -> HostKind {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    if let Ok(address) = name.parse() {
        return ip_kind(address);
    }
    const PRIVATE: [&str; 6] = [
        "localhost",
        "local",
        "internal",
        "home.arpa",
        "lan",
        "localdomain",
    ];
    let private = !name.contains('.')
        || PRIVATE.iter().any(|suffix| {
            name.strip_suffix(suffix)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        });
    if name.is_empty() {
        HostKind::Never
    } else if private {
        HostKind::Private
    } else {
        HostKind::Name
    }
}

fn v4_kind(address: Ipv4Addr) -> HostKind {
    let [a, b, c, _] = address.octets();
    // Instance metadata of the large clouds: nothing but an attack asks for it from here.
    let metadata = address == Ipv4Addr::new(169, 254, 169, 254)
        || address == Ipv4Addr::new(100, 100, 100, 200);
    if a == 0 || a >= 240 || address.is_multicast() || metadata {
        HostKind::Never
    } else if address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        // RFC 6598, also Tailscale.
        || (a == 100 && (64..128).contains(&b))
        // Protocol assignments, documentation and benchmarking.
        || (a == 192 && b == 0 && (c == 0 || c == 2))
        || (a == 198 && (b == 18 || b == 19))
        || (a == 198 && b == 51 && c == 100)
        || (a == 203 && b == 0 && c == 113)
    {
        HostKind::Private
    } else {
        HostKind::Public
    }
}

fn v6_kind(address: Ipv6Addr) -> HostKind {
    if let Some(v4) = embedded_v4(address) {
        return v4_kind(v4);
    }
    let first = address.segments()[0];
    let metadata = address == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    if address.is_unspecified() || address.is_multicast() || metadata {
        HostKind::Never
    } else if address.is_loopback()
        || address.is_unique_local()
        || address.is_unicast_link_local()
        // Site-local, deprecated but still routed.
        || first & 0xffc0 == 0xfec0
        // Documentation (RFC 3849, RFC 9637) and discard-only (RFC 6666).
        || (first == 0x2001 && address.segments()[1] == 0xdb8)
        || first & 0xfff0 == 0x3ff0
        || (first == 0x100 && address.segments()[1..4] == [0, 0, 0])
        // Teredo reaches whatever the tunnel reaches.
        || (first == 0x2001 && address.segments()[1] == 0)
    {
        HostKind::Private
    } else if first & 0xe000 == 0x2000 {
        HostKind::Public
    } else {
        HostKind::Never
    }
}

/// IPv4-mapped and -compatible, NAT64 (RFC 6052) and 6to4 (RFC 3056): such an address
/// reaches the IPv4 host inside.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] => Some(v4(high, low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(v4(high, low)),
        [0x2002, high, low, ..] => Some(v4(high, low)),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => Some(v4(high, low)),
        _ => None,
    }
}
