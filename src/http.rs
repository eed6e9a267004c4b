//! The HTTP client for calls to other servers. It limits time and size, follows no redirects (they could leak a secret), and calls
//! only public addresses over https unless the installation allows others. Its errors never contain the URL: it may be secret.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use oauth2::http;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

const TIMEOUT: Duration = Duration::from_secs(10);
// Many servers close a connection after five idle seconds. A request that meets this is lost, and a code is redeemed once.
const LONGEST_IDLE: Duration = Duration::from_secs(3);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
// A streamed response may take long in total, but must not stall.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
const LONGEST_BODY: usize = 1024 * 1024;
// X-Series rejects requests without a user agent.
const USER_AGENT: &str = concat!("client-api-access/", env!("CARGO_PKG_VERSION"));

/// Which servers may be called.
#[derive(Clone, Debug, Default)]
pub struct Outbound {
    /// Whether private and loopback addresses are allowed, and plain http on loopback.
    pub private: bool,
    /// Certificate authorities to trust in addition to the system's, as PEM.
    pub authorities: Vec<u8>,
}

/// The HTTP client; clones share its connections.
#[derive(Clone, Debug)]
pub struct HttpClient {
    whole: reqwest::Client,
    streaming: reqwest::Client,
    private: bool,
}

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestFailure {
    /// Calls to this address are not allowed.
    Forbidden,
    /// The host does not exist or is unreachable.
    Unreachable,
    /// The server's certificate is not valid for its name.
    Untrusted,
    /// No complete response within the time limit.
    TimedOut,
    /// The server closed the connection early.
    HungUp,
    /// The response was longer than one megabyte.
    TooLong,
}

impl RequestFailure {
    /// Whether the server may have processed the request nevertheless.
    pub fn may_have_arrived(self) -> bool {
        matches!(self, RequestFailure::TimedOut | RequestFailure::HungUp | RequestFailure::TooLong)
    }

    fn of(error: &reqwest::Error) -> RequestFailure {
        if root_cause::<rustls::Error>(error) {
            return RequestFailure::Untrusted;
        }
        match error {
            error if root_cause::<PrivateAddress>(error) => RequestFailure::Forbidden,
            error if error.is_connect() || error.is_builder() => RequestFailure::Unreachable,
            error if error.is_timeout() => RequestFailure::TimedOut,
            _ => RequestFailure::HungUp,
        }
    }
}

/// Whether the cause chain of an error contains an error of type `E`. A TLS error is wrapped in an `io::Error`, whose
/// inner error `source()` skips.
pub(crate) fn root_cause<E: std::error::Error + 'static>(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if error.is::<E>() {
            return true;
        }
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}

impl std::fmt::Display for RequestFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            RequestFailure::Forbidden => "the address is in a private network or not https",
            RequestFailure::Unreachable => "the server is unreachable",
            RequestFailure::Untrusted => "the server's certificate is not trusted",
            RequestFailure::TimedOut => "the server did not answer in time",
            RequestFailure::HungUp => "the server closed the connection before it answered",
            RequestFailure::TooLong => "the server's response was longer than one megabyte",
        })
    }
}

impl std::error::Error for RequestFailure {}

impl HttpClient {
    /// A new client. Errors: a certificate authority cannot be read.
    pub fn new(outbound: &Outbound) -> Result<HttpClient, String> {
        // The second call in a process returns an error, which is harmless.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let own = reqwest::Certificate::from_pem_bundle(&outbound.authorities).map_err(|error| error.to_string())?;
        let builder = || {
            let builder = reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .user_agent(USER_AGENT)
                .connect_timeout(CONNECT_TIMEOUT)
                .pool_idle_timeout(LONGEST_IDLE)
                .tls_certs_merge(own.clone());
            if outbound.private { builder } else { builder.dns_resolver(Arc::new(PublicOnly)) }
        };
        let whole = builder().timeout(TIMEOUT).build().map_err(|error| error.to_string())?;
        let streaming = builder().read_timeout(READ_TIMEOUT).build().map_err(|error| error.to_string())?;
        Ok(HttpClient { whole, streaming, private: outbound.private })
    }

    /// Whether private and loopback addresses may be called.
    pub fn allows_private(&self) -> bool {
        self.private
    }

    /// Sends a request and reads the whole response.
    pub async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, RequestFailure> {
        let request = reqwest::Request::try_from(request).map_err(|_| RequestFailure::Forbidden)?;
        if !may_be_called(request.url(), self.private) {
            return Err(RequestFailure::Forbidden);
        }
        let mut answer = self.whole.execute(request).await.map_err(|error| RequestFailure::of(&error))?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| RequestFailure::of(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST_BODY {
                return Err(RequestFailure::TooLong);
            }
        }
        let mut response = http::Response::new(body);
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }

    /// Sends a request and returns the response as a stream without a size limit.
    pub async fn stream(&self, request: http::Request<Vec<u8>>) -> Result<reqwest::Response, RequestFailure> {
        let request = reqwest::Request::try_from(request).map_err(|_| RequestFailure::Forbidden)?;
        if !may_be_called(request.url(), self.private) {
            return Err(RequestFailure::Forbidden);
        }
        self.streaming.execute(request).await.map_err(|error| RequestFailure::of(&error))
    }

    /// Sends a GET request with a Bearer token.
    pub async fn get_with_token(&self, url: &str, token: &str) -> Result<http::Response<Vec<u8>>, RequestFailure> {
        let request = http::Request::get(url)
            .header("authorization", format!("Bearer {token}"))
            .header("accept", "application/json")
            .body(Vec::new());
        self.send(request.map_err(|_| RequestFailure::Forbidden)?).await
    }
}

/// Whether a URL may be called: https, and if private addresses are allowed also http on loopback. For a host name, the
/// DNS resolver checks the addresses too.
pub fn may_be_called(url: &Url, private: bool) -> bool {
    let (loopback, public) = match url.host() {
        Some(Host::Domain(name)) => (name == "localhost", true),
        Some(Host::Ipv4(ip)) => (ip.is_loopback(), is_public(ip.into())),
        Some(Host::Ipv6(ip)) => (ip.is_loopback(), is_public(ip.into())),
        None => return false,
    };
    match url.scheme() {
        "https" => private || public,
        "http" => private && loopback,
        _ => false,
    }
}

struct PublicOnly;

#[derive(Debug)]
struct PrivateAddress;

impl std::fmt::Display for PrivateAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the host name resolves to a private address")
    }
}

impl std::error::Error for PrivateAddress {}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().to_string();
            let found = tokio::task::spawn_blocking(move || (host.as_str(), 0).to_socket_addrs().map(Vec::from_iter));
            let found: Vec<SocketAddr> = found.await??;
            // Reject the name if any address is private: the next connection might use that one.
            match found.iter().all(|address| is_public(address.ip())) {
                true => Ok(Box::new(found.into_iter()) as Addrs),
                false => Err(PrivateAddress.into()),
            }
        })
    }
}

/// Whether an address belongs to the public internet.
pub(crate) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_documentation()
                || ip.is_multicast()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (b == 18 || b == 19)))
        }
        IpAddr::V6(ip) => {
            let parts = ip.segments();
            let inside = |high: u16, low: u16| {
                let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
                is_public(Ipv4Addr::new(a, b, c, d).into())
            };
            match parts {
                // IPv4 inside IPv6: mapped, translated (NAT64), 6to4.
                [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inside(high, low),
                [0x2002, high, low, ..] => inside(high, low),
                [0x2001, 0xdb8, ..] => false,
                // Global unicast is 2000::/3; everything else is loopback, local, multicast or unassigned.
                [first, ..] => first & 0xe000 == 0x2000,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o7_only_public_addresses_are_public() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "::7f00:1",
        ] {
            assert!(!is_public(private.parse().expect("an address")), "{private}");
        }
        for public in ["8.8.8.8", "93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            assert!(is_public(public.parse().expect("an address")), "{public}");
        }
    }

    #[test]
    fn o8_plain_http_is_allowed_on_loopback_only_and_only_if_configured() {
        let may = |url: &str, private| may_be_called(&Url::parse(url).expect("a URL"), private);
        assert!(may("https://cloud.lightspeedapp.com/x", false));
        assert!(!may("http://cloud.lightspeedapp.com/x", false));
        assert!(!may("http://cloud.lightspeedapp.com/x", true));
        assert!(!may("http://127.0.0.1:8080/", false));
        assert!(!may("https://127.0.0.1/", false));
        assert!(!may("https://[::ffff:10.0.0.1]/", false));
        assert!(may("http://127.0.0.1:8080/", true));
        assert!(may("https://10.0.0.1/", true));
        assert!(!may("ftp://127.0.0.1/", true));
    }
}
