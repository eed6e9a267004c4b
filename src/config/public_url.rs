//! The URL that people open.

use url::Url;

/// The origin of the pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    https: bool,
    port: u16,
}

impl PublicUrl {
    /// Parses an origin without a path: https, or http on loopback.
    pub fn parse(text: &str) -> Result<PublicUrl, String> {
        let url = Url::parse(text).map_err(|error| format!("it is not a URL ({error})"))?;
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            other => return Err(format!("its scheme must be https, not {other}")),
        };
        let loopback = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => return Err("it has no host".into()),
        };
        if !https && !loopback {
            return Err("plain http is allowed on loopback only; use an https proxy and set its URL".into());
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
            return Err("it must be an origin like https://pos.example, without path, query or user".into());
        }
        let origin = url.origin().ascii_serialization();
        Ok(PublicUrl { origin, https, port: url.port_or_known_default().unwrap_or_default() })
    }

    /// The origin as browsers send it, without a trailing slash.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether the scheme is https.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The name of a cookie: bound to this host on https, and to this port on loopback, where servers share the host.
    pub fn cookie_name(&self, name: &str) -> String {
        match self.https {
            true => format!("__Host-{name}"),
            false => format!("{name}-{}", self.port),
        }
    }
}
