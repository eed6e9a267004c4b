//! The provider of a connection: its URLs and the protocol variant it uses.

use url::Url;

use crate::connections::api_type::{ApiType, Hosts};
use crate::connections::oauth_client::OAuthClient;
use crate::error::{Error, Result};

/// A provider's URLs and settings for one set of app credentials.
#[derive(Clone, Debug)]
pub struct Provider {
    /// The authorization endpoint.
    pub authorize_url: Url,
    /// The token endpoint.
    pub token_url: Url,
    /// The revocation endpoint and its request format.
    pub revoke: Option<(Url, RevokeStyle)>,
    /// The base URL of the API.
    pub api_url: Url,
    /// The path of a read-only call below `api_url` that returns the account; may be empty.
    pub test_path: String,
    /// The member of its answer that names the account; empty for the known ones.
    pub account_member: String,
    /// Its issuer identifier (RFC 9207).
    pub issuer: Option<Issuer>,
    /// Whether PKCE is used (RFC 7636).
    pub uses_pkce: bool,
    /// Whether the client secret is sent in the Authorization header instead of the body.
    pub secret_in_header: bool,
}

/// The format of a revocation request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokeStyle {
    /// RFC 7009: `token`.
    Standard,
    /// R-Series: `refresh_token`.
    RSeries,
}

/// An issuer identifier (RFC 9207).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The identifier.
    pub name: String,
    /// Whether every authorization response must have it.
    pub is_required: bool,
}

impl Provider {
    /// The provider of app credentials; X-Series has one server for each `domain_prefix`.
    /// Errors: an invalid URL or domain prefix.
    pub fn of(client: &OAuthClient, domain_prefix: &str, hosts: &Hosts) -> Result<Provider> {
        match client.api_type {
            ApiType::RSeries => Self::r_series(hosts),
            ApiType::XSeries => Self::x_series(hosts, domain_prefix),
            ApiType::KSeriesV1 | ApiType::KSeriesV1Trial => {
                let is_trial = client.api_type == ApiType::KSeriesV1Trial;
                Self::k_series_v1(if is_trial { &hosts.k_series_trial } else { &hosts.k_series })
            }
            ApiType::KSeriesV2 => Self::k_series_v2(&hosts.k_series_realm, &hosts.k_series),
            ApiType::KSeriesV2Trial => Self::k_series_v2(&hosts.k_series_realm_trial, &hosts.k_series_trial),
            ApiType::Other => Self::other(client),
        }
    }

    fn r_series(hosts: &Hosts) -> Result<Provider> {
        let at = |end: &str| format!("{}/auth/oauth/{end}", hosts.r_series);
        let urls = (at("authorize"), at("token"));
        let provider = Self::lightspeed(urls, &hosts.r_series_api, "/API/V3/Account.json")?;
        let revoke = Some((parse_url(&at("revoke"))?, RevokeStyle::RSeries));
        Ok(Provider { uses_pkce: true, revoke, ..provider })
    }

    fn x_series(hosts: &Hosts, domain_prefix: &str) -> Result<Provider> {
        let origin = retailer_origin(&hosts.x_series_retailer, domain_prefix)?;
        let urls = (format!("{}/connect", hosts.x_series), format!("{origin}/api/1.0/token"));
        Self::lightspeed(urls, &origin, "/api/2.0/retailer")
    }

    fn k_series_v1(host: &str) -> Result<Provider> {
        let urls = (format!("{host}/oauth/authorize"), format!("{host}/oauth/token"));
        let provider = Self::lightspeed(urls, host, "/f/data/businesses")?;
        Ok(Provider { secret_in_header: true, ..provider })
    }

    fn k_series_v2(realm: &str, host: &str) -> Result<Provider> {
        let at = |end: &str| format!("{realm}/protocol/openid-connect/{end}");
        let provider = Self::lightspeed((at("auth"), at("token")), host, "/f/data/businesses")?;
        Ok(Provider {
            secret_in_header: true,
            uses_pkce: true,
            revoke: Some((parse_url(&at("revoke"))?, RevokeStyle::Standard)),
            issuer: Some(Issuer { name: realm.into(), is_required: false }),
            ..provider
        })
    }

    fn lightspeed((authorize, token): (String, String), api: &str, test_path: &str) -> Result<Provider> {
        Ok(Provider {
            authorize_url: parse_url(&authorize)?,
            token_url: parse_url(&token)?,
            revoke: None,
            api_url: parse_url(api)?,
            test_path: test_path.into(),
            account_member: String::new(),
            issuer: None,
            uses_pkce: false,
            secret_in_header: false,
        })
    }

    fn other(client: &OAuthClient) -> Result<Provider> {
        let revoke = match client.revoke_url.as_str() {
            "" => None,
            url => Some((parse_url(url)?, RevokeStyle::Standard)),
        };
        Ok(Provider {
            authorize_url: parse_url(&client.authorize_url)?,
            token_url: parse_url(&client.token_url)?,
            revoke,
            api_url: parse_url(&client.api_url)?,
            test_path: client.test_path.clone(),
            account_member: client.account_member.clone(),
            issuer: (!client.issuer.is_empty()).then(|| Issuer { name: client.issuer.clone(), is_required: true }),
            uses_pkce: client.uses_pkce,
            secret_in_header: client.secret_in_header,
        })
    }

    /// The host and port of the token endpoint: one circuit breaker each.
    pub fn host(&self) -> String {
        let port = self.token_url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}", self.token_url.host_str().unwrap_or_default())
    }

    /// The URL of an API call. Errors: a path outside of the API, or an ambiguous one.
    pub fn api_call(&self, path: &str, query: &str) -> Result<Url> {
        let outside = || Error::Invalid("The path of the call is outside of the API.".into());
        let decoded = percent_encoding::percent_decode_str(path).decode_utf8().map_err(|_| outside())?;
        let climbs = |part: &str| part == "." || part == "..";
        if decoded.contains(['\\', '\0']) || decoded.chars().any(char::is_control) || decoded.split('/').any(climbs) {
            return Err(outside());
        }
        let mut url = self.api_url.clone();
        let base = url.path().trim_end_matches('/').to_string();
        url.set_path(&format!("{base}/{}", path.trim_start_matches('/')));
        url.set_query((!query.is_empty()).then_some(query));
        match url.path().starts_with(&base) && url.origin() == self.api_url.origin() {
            true => Ok(url),
            false => Err(outside()),
        }
    }

    /// The URL of the test call.
    pub fn test_call(&self) -> Option<Url> {
        if self.test_path.is_empty() {
            return None;
        }
        let (path, query) = self.test_path.split_once('?').unwrap_or((&self.test_path, ""));
        self.api_call(path, query).ok()
    }
}

fn parse_url(text: &str) -> Result<Url> {
    Url::parse(text).map_err(|_| Error::internal("a URL of a provider is invalid"))
}

/// Parses an X-Series domain prefix, the part before `.retail.lightspeed.app`; a whole URL is accepted too.
/// Errors: not a single host name label. The prefix decides which host receives the client secret.
pub fn parse_domain_prefix(text: &str) -> Result<String> {
    let text = text.trim().to_ascii_lowercase();
    let text = text.strip_prefix("https://").unwrap_or(&text);
    let prefix = text.trim_end_matches('/').strip_suffix(".retail.lightspeed.app").unwrap_or(text);
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if prefix.is_empty() || prefix.len() > 63 || !prefix.bytes().all(fits) || prefix.starts_with('-') {
        return Err(Error::Invalid(
            "The domain prefix is the part of your X-Series address before .retail.lightspeed.app: letters, digits and \
             hyphens only."
                .into(),
        ));
    }
    Ok(prefix.to_string())
}

// The origin of a retailer's server. The result must still have the fixed part around the prefix.
fn retailer_origin(pattern: &str, domain_prefix: &str) -> Result<String> {
    let prefix = parse_domain_prefix(domain_prefix)?;
    let own = pattern.replace("{}", &prefix);
    let url = parse_url(&own)?;
    match url.origin().ascii_serialization() == own {
        true => Ok(own),
        false => Err(Error::Invalid("The domain prefix is not valid.".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(api_type: ApiType) -> OAuthClient {
        OAuthClient { api_type, ..OAuthClient::for_tests() }
    }

    #[test]
    fn o7_a_domain_prefix_is_one_label_of_a_host_name() {
        let long = "a".repeat(300);
        for bad in
            ["", "evil.test/", "a@b", "a#", "a.b", "..", "a/b", "a\\b", "a:b", "a b", "ä", "-a", "a%2eb", "a\0", &long]
        {
            assert!(parse_domain_prefix(bad).is_err(), "{bad:?}");
            assert!(Provider::of(&client(ApiType::XSeries), bad, &Hosts::default()).is_err(), "{bad:?}");
        }
        for good in ["harbour-pine", " Harbour-Pine ", "https://harbour-pine.retail.lightspeed.app/"] {
            assert_eq!(parse_domain_prefix(good).expect("fine"), "harbour-pine");
        }
        let provider = Provider::of(&client(ApiType::XSeries), "harbour-pine", &Hosts::default()).expect("fine");
        assert_eq!(provider.token_url.as_str(), "https://harbour-pine.retail.lightspeed.app/api/1.0/token");
        assert_eq!(provider.host(), "harbour-pine.retail.lightspeed.app");
    }

    #[test]
    fn every_api_type_has_its_urls() {
        let of = |api_type| Provider::of(&client(api_type), "", &Hosts::default()).expect("fine");

        let r_series = of(ApiType::RSeries);
        assert_eq!(r_series.authorize_url.as_str(), "https://cloud.lightspeedapp.com/auth/oauth/authorize");
        assert_eq!(r_series.token_url.as_str(), "https://cloud.lightspeedapp.com/auth/oauth/token");
        assert_eq!(r_series.test_call().expect("one").as_str(), "https://api.lightspeedapp.com/API/V3/Account.json");
        let v1 = of(ApiType::KSeriesV1Trial);
        assert_eq!(v1.token_url.as_str(), "https://api.trial.lsk.lightspeed.app/oauth/token");
        assert!(v1.secret_in_header && !v1.uses_pkce && v1.revoke.is_none());
        let v2 = of(ApiType::KSeriesV2);
        assert_eq!(v2.authorize_url.path(), "/realms/k-series/protocol/openid-connect/auth");
        assert!(v2.uses_pkce && v2.revoke.is_some());
    }

    #[test]
    fn an_api_call_stays_below_the_api() {
        let other = OAuthClient { api_url: "https://api.example/v1/".into(), ..client(ApiType::Other) };
        let provider = Provider::of(&other, "", &Hosts::default()).expect("fine");

        let call = provider.api_call("items/7.json", "a=1&b=%20").expect("fine");
        assert_eq!(call.as_str(), "https://api.example/v1/items/7.json?a=1&b=%20");
        assert_eq!(provider.api_call("/items", "").expect("fine").as_str(), "https://api.example/v1/items");
        for bad in ["../admin", "a/../../b", "a/%2e%2e/b", "..%2fb", "a\\b", "a/%5c..", "a%00", "./a", "%2e/a"] {
            assert!(provider.api_call(bad, "").is_err(), "{bad}");
        }
        assert_eq!(provider.api_call("//evil.example/x", "").expect("a path").host_str(), Some("api.example"));
    }
}
