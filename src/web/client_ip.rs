//! The client IP: the address of the connection, or the one that a trusted proxy reports in `X-Forwarded-For`.

use std::net::IpAddr;

use actix_web::HttpRequest;
use ipnet::IpNet;

/// The client IP of a request as text; `unknown` if the connection has no address.
pub fn address(request: &HttpRequest, trusted: &[IpNet]) -> String {
    of(request, trusted).map_or_else(|| "unknown".into(), |ip| ip.to_string())
}

/// The client IP of a request. `X-Forwarded-For` is read from right to left, and only while the address is a trusted
/// proxy. Without trusted proxies the header is ignored.
pub fn of(request: &HttpRequest, trusted: &[IpNet]) -> Option<IpAddr> {
    let connection = request.peer_addr()?.ip().to_canonical();
    let forwarded = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
    Some(client_ip(connection, &hops, trusted))
}

fn client_ip(connection: IpAddr, hops: &[&str], trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    let mut client_ip = connection;
    for hop in hops.iter().rev() {
        if !is_trusted(&client_ip) {
            break;
        }
        let Ok(ip) = hop.parse::<IpAddr>() else { break };
        client_ip = ip.to_canonical();
    }
    client_ip
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn only_trusted_proxies_can_report_the_client_ip() {
        let proxies: Vec<IpNet> = vec!["10.0.0.0/8".parse().expect("a network")];

        assert_eq!(client_ip(ip("203.0.113.9"), &["198.51.100.1"], &proxies), ip("203.0.113.9"));
        assert_eq!(client_ip(ip("10.0.0.1"), &["198.51.100.1"], &proxies), ip("198.51.100.1"));
        assert_eq!(client_ip(ip("10.0.0.1"), &["1.1.1.1", "198.51.100.1", "10.0.0.2"], &proxies), ip("198.51.100.1"));
        assert_eq!(client_ip(ip("10.0.0.1"), &["nonsense"], &proxies), ip("10.0.0.1"));
        assert_eq!(client_ip(ip("10.0.0.1"), &["198.51.100.1"], &[]), ip("10.0.0.1"));
    }
}
