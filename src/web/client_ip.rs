//! Who is calling: the address of the peer, or what a trusted proxy says about the one behind it.

use std::net::IpAddr;

use actix_web::HttpRequest;
use ipnet::IpNet;

/// The caller's address. `X-Forwarded-For` is read from the right and only past proxies named in the settings; from
/// anybody else it changes nothing.
pub fn address(request: &HttpRequest, trusted: &[IpNet]) -> String {
    let Some(client_ip) = request.peer_addr().map(|client_ip| client_ip.ip().to_canonical()) else {
        return "unknown".into();
    };
    let forwarded = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
    caller(client_ip, &hops, trusted).to_string()
}

fn caller(client_ip: IpAddr, hops: &[&str], trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    let mut caller = client_ip;
    for hop in hops.iter().rev() {
        if !is_trusted(&caller) {
            break;
        }
        let Ok(ip) = hop.parse::<IpAddr>() else { break };
        caller = ip.to_canonical();
    }
    caller
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_about_the_caller() {
        let proxies: Vec<IpNet> = vec!["10.0.0.0/8".parse().expect("a network")];

        assert_eq!(caller(ip("203.0.113.9"), &["198.51.100.1"], &proxies), ip("203.0.113.9"));
        assert_eq!(caller(ip("10.0.0.1"), &["198.51.100.1"], &proxies), ip("198.51.100.1"));
        assert_eq!(caller(ip("10.0.0.1"), &["1.1.1.1", "198.51.100.1", "10.0.0.2"], &proxies), ip("198.51.100.1"));
        assert_eq!(caller(ip("10.0.0.1"), &["nonsense"], &proxies), ip("10.0.0.1"));
        assert_eq!(caller(ip("10.0.0.1"), &["198.51.100.1"], &[]), ip("10.0.0.1"));
    }
}
