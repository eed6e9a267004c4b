//! The network of a caller, by which limits are counted: an IPv4 address, or the /64 of an IPv6 address, because one
//! subscriber has all addresses of a /64.

use std::net::{IpAddr, Ipv6Addr};

/// An address as it is stored; empty if it is not known.
pub fn stored(address: Option<IpAddr>) -> String {
    address.map(|ip| ip.to_string()).unwrap_or_default()
}

/// The network of a client IP; a text that is no address stays as it is.
pub fn of(client_ip: &str) -> String {
    match client_ip.parse() {
        Ok(IpAddr::V6(ip)) if ip.to_ipv4_mapped().is_none() => {
            let prefix = Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64));
            format!("{prefix}/64")
        }
        Ok(ip) => ip.to_canonical().to_string(),
        Err(_) => client_ip.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn an_ipv6_caller_is_counted_by_its_64_and_an_ipv4_caller_by_its_address() {
        assert_eq!(of("2001:db8:1:2:a:b:c:d"), "2001:db8:1:2::/64");
        assert_eq!(of("2001:db8:1:2::1"), "2001:db8:1:2::/64");
        assert_eq!(of("203.0.113.9"), "203.0.113.9");
        assert_eq!(of("::ffff:203.0.113.9"), "203.0.113.9");
        assert_eq!(of("unknown"), "unknown");
    }
}
