//! How to talk to the server behind a connection: its addresses, and what it expects of a client.

use url::Url;

use crate::connections::api_type::{ApiType, Hosts};
use crate::connections::oauth_client::OAuthClient;
use crate::error::{Error, Result};

/// One server, as one client of it sees it.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its kind.
    pub api_type: ApiType,
    /// Where people give their consent.
    pub authorize_url: Url,
    /// Where tokens come from.
    pub token_url: Url,
    /// Where a token is revoked, and in whose words.
    pub revoke: Option<(Url, RevokeStyle)>,
    /// What the paths of API calls are appended to.
    pub api_url: Url,
    /// A harmless call that shows whether a token works and whose it is, below `api_url`; empty when there is none.
    pub test_path: String,
    /// How it names itself in its answers (RFC 9207), where it does.
    pub issuer: Option<Issuer>,
    /// Whether it takes PKCE (RFC 7636).
    pub uses_pkce: bool,
    /// Whether the client secret goes into the Authorization header, not into the body.
    pub secret_in_header: bool,
}

/// What stands in a revocation request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokeStyle {
    /// RFC 7009: `token`.
    Standard,
    /// R-Series: `refresh_token`.
    RSeries,
}

/// A server's own name for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The name.
    pub name: String,
    /// Whether every answer must carry it.
    pub promised: bool,
}

impl Provider {
    /// The server that `client` is a client of; X-Series has one for each `domain_prefix`.
    /// Errors: an address or a prefix that cannot be used.
    pub fn of(client: &OAuthClient, domain_prefix: &str, hosts: &Hosts) -> Result<Provider> {
        let lightspeed = |authorize: String, token: String, api: &str, test_path: &str| {
            Ok(Provider {
                api_type: client.api_type,
                authorize_url: address(&authorize)?,
                token_url: address(&token)?,
                revoke: None,
                api_url: address(api)?,
                test_path: test_path.into(),
                issuer: None,
                uses_pkce: false,
                secret_in_header: false,
            })
        };
        let k_series_v1 = |host: &str| {
            let (authorize, token) = (format!("{host}/oauth/authorize"), format!("{host}/oauth/token"));
            let provider = lightspeed(authorize, token, host, "/f/data/businesses")?;
            Ok(Provider { secret_in_header: true, ..provider })
        };
        let k_series_v2 = |realm: &str, host: &str| {
            let at = |end: &str| format!("{realm}/protocol/openid-connect/{end}");
            let provider = lightspeed(at("auth"), at("token"), host, "/f/data/businesses")?;
            Ok(Provider {
                secret_in_header: true,
                uses_pkce: true,
                revoke: Some((address(&at("revoke"))?, RevokeStyle::Standard)),
                issuer: Some(Issuer { name: realm.into(), promised: false }),
                ..provider
            })
        };
        match client.api_type {
            ApiType::RSeries => {
                let at = |end: &str| format!("{}/auth/oauth/{end}", hosts.r_series);
                let provider = lightspeed(at("authorize"), at("token"), &hosts.r_series_api, "/API/V3/Account.json")?;
                let revoke = Some((address(&at("revoke"))?, RevokeStyle::RSeries));
                Ok(Provider { uses_pkce: true, revoke, ..provider })
            }
            ApiType::XSeries => {
                let own = retailer(&hosts.x_series_retailer, domain_prefix)?;
                let (authorize, token) = (format!("{}/connect", hosts.x_series), format!("{own}/api/1.0/token"));
                lightspeed(authorize, token, &own, "/api/2.0/retailer")
            }
            ApiType::KSeriesV1 => k_series_v1(&hosts.k_series),
            ApiType::KSeriesV1Trial => k_series_v1(&hosts.k_series_trial),
            ApiType::KSeriesV2 => k_series_v2(&hosts.k_series_realm, &hosts.k_series),
            ApiType::KSeriesV2Trial => k_series_v2(&hosts.k_series_realm_trial, &hosts.k_series_trial),
            ApiType::Other => {
                let issuer =
                    (!client.issuer.is_empty()).then(|| Issuer { name: client.issuer.clone(), promised: true });
                let revoke = match client.revoke_url.as_str() {
                    "" => None,
                    url => Some((address(url)?, RevokeStyle::Standard)),
                };
                Ok(Provider {
                    api_type: ApiType::Other,
                    authorize_url: address(&client.authorize_url)?,
                    token_url: address(&client.token_url)?,
                    revoke,
                    api_url: address(&client.api_url)?,
                    test_path: client.test_path.clone(),
                    issuer,
                    uses_pkce: client.uses_pkce,
                    secret_in_header: client.secret_in_header,
                })
            }
        }
    }

    /// The host its tokens come from, with its port: what fails together.
    pub fn host(&self) -> String {
        let port = self.token_url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}", self.token_url.host_str().unwrap_or_default())
    }

    /// The address of an API call. Errors: a path that would lead out of the API, or could be read in two ways.
    pub fn api_call(&self, path: &str, query: &str) -> Result<Url> {
        let odd = || Error::Invalid("The path of the call leads out of the API.".into());
        let decoded = percent_encoding::percent_decode_str(path).decode_utf8().map_err(|_| odd())?;
        let climbs = |part: &str| part == "." || part == "..";
        if decoded.contains(['\\', '\0']) || decoded.chars().any(char::is_control) || decoded.split('/').any(climbs) {
            return Err(odd());
        }
        let mut url = self.api_url.clone();
        let base = url.path().trim_end_matches('/').to_string();
        url.set_path(&format!("{base}/{}", path.trim_start_matches('/')));
        url.set_query((!query.is_empty()).then_some(query));
        match url.path().starts_with(&base) && url.origin() == self.api_url.origin() {
            true => Ok(url),
            false => Err(odd()),
        }
    }

    /// The address of the call that shows whether a token works.
    pub fn test_call(&self) -> Option<Url> {
        if self.test_path.is_empty() {
            return None;
        }
        let (path, query) = self.test_path.split_once('?').unwrap_or((&self.test_path, ""));
        self.api_call(path, query).ok()
    }
}

fn address(text: &str) -> Result<Url> {
    Url::parse(text).map_err(|_| Error::internal("an address of a provider cannot be read"))
}

/// Reads the part of an X-Series address before `.retail.lightspeed.app`, as people type it or paste it.
/// Errors: anything that is not one label of a host name; it decides where the client secret is sent.
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

// The origin of a retailer's own server; what comes out must still have the fixed part around the prefix.
fn retailer(pattern: &str, domain_prefix: &str) -> Result<String> {
    let prefix = parse_domain_prefix(domain_prefix)?;
    let own = pattern.replace("{}", &prefix);
    let url = address(&own)?;
    match url.origin().ascii_serialization() == own {
        true => Ok(own),
        false => Err(Error::Invalid("The domain prefix leads elsewhere.".into())),
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
    fn every_type_has_its_addresses() {
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
