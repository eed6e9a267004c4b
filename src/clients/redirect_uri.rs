//! Redirect URIs (RFC 6749 section 3.1.2): a URI in a request must be identical to a registered one.
//!
//! One exception: the port of a loopback address may differ (RFC 8252 section 7.3), because an app on the user's own device
//! cannot know in advance which port it gets.

use diesel::prelude::*;
use url::Url;

use crate::db::DbConnection;
use crate::id::ClientKey;
use crate::schema::{clients, redirect_uris};

const MAX_LENGTH: usize = 500;
// The parameters of an authorization response. A registered URI that contains one could be mistaken for a response.
const RESPONSE_PARAMETERS: [&str; 5] = ["code", "state", "iss", "error", "error_description"];
const LOOPBACK: [&str; 3] = ["http://127.0.0.1", "http://[::1]", "http://localhost"];
const LIGHTSPEED: [&str; 6] =
    ["lightspeedapp.com", "lightspeedhq.com", "lightspeed.app", "lightspeedpos.com", "merchantos.com", "vendhq.com"];

/// A redirect URI that passed validation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// Parses a redirect URI that a person typed: https, or for a publicly distributed client also http on a loopback
    /// address, or a private-use scheme with a dot in it. Errors: a message that says what is wrong and how to fix it.
    pub fn parse(text: &str, publicly_distributed: bool) -> Result<RedirectUri, String> {
        let text = text.trim();
        let refuse = |why: &str| Err(format!("The redirect URI {text} {why}"));
        if text.is_empty() {
            return Err("Enter a redirect URI: where users return after signing in.".into());
        }
        if text.len() > MAX_LENGTH {
            return Err(format!("A redirect URI can have at most {MAX_LENGTH} characters."));
        }
        let odd =
            |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'`' | b'*' | b';');
        if text.bytes().any(odd) {
            return Err("A redirect URI cannot contain spaces, quotes, wildcards or other special characters.".into());
        }
        let Ok(url) = Url::parse(text) else {
            return refuse("is not a complete address. Enter one like https://app.example/callback.");
        };
        if text.contains('#') {
            return refuse("contains a fragment (#…). Remove it: browsers do not send it.");
        }
        if text.contains('@') || !url.username().is_empty() || url.password().is_some() {
            return refuse("contains a user name or password. Remove it.");
        }
        if let Some((name, _)) = url.query_pairs().find(|(name, _)| RESPONSE_PARAMETERS.contains(&name.as_ref())) {
            return refuse(&format!("contains the parameter {name}, which is part of the OAuth response. Rename it."));
        }
        match url.scheme() {
            "https" if !text.starts_with("https://") => refuse("must start with https:// in lower case."),
            "https" if has_dots(text) => refuse("contains . or .. in its path. Enter the full path."),
            "https" if is_lightspeed(url.host_str().unwrap_or_default()) => {
                refuse("is on a Lightspeed domain. Use your own domain.")
            }
            "https" if url.host_str().is_some_and(|host| !host.is_empty()) => Ok(RedirectUri(text.into())),
            "http" if publicly_distributed && loopback(text).is_some() => Ok(RedirectUri(text.into())),
            "http" if loopback(text).is_some() => {
                refuse("uses http on localhost, which only publicly distributed clients may do. Use https.")
            }
            "http" => refuse("uses http. Use https."),
            scheme if scheme.contains('.') && publicly_distributed => Ok(RedirectUri(text.into())),
            scheme if scheme.contains('.') => {
                refuse("uses a custom URL scheme, which only publicly distributed clients may do. Use https.")
            }
            _ => refuse(
                "is not allowed. Use https or, for an app, a custom URL scheme with a dot, like com.example.app:/callback.",
            ),
        }
    }

    /// A redirect URI of the demo's own clients: a path of this server, whatever its host.
    #[cfg(feature = "demo")]
    pub fn on_this_server(origin: &str, path: &str) -> RedirectUri {
        RedirectUri(format!("{origin}{path}"))
    }

    /// The URI exactly as registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    // As browsers send it (RFC 6454 section 6.2); none for a loopback address or an app's own scheme.
    fn origin(&self) -> Option<String> {
        let url = Url::parse(&self.0).ok().filter(|url| url.scheme() == "https")?;
        Some(url.origin().ascii_serialization())
    }

    /// Whether an active, publicly distributed client has a redirect URI of this origin. One read by an index.
    pub fn is_origin_of_public_client(conn: &mut DbConnection, origin: &str) -> QueryResult<bool> {
        let of_active = redirect_uris::table
            .inner_join(clients::table)
            .filter(redirect_uris::origin.eq(origin))
            .filter(clients::publicly_distributed)
            .filter(clients::approved_at.is_not_null())
            .filter(clients::suspended_at.is_null())
            .filter(clients::revoked_at.is_null());
        diesel::select(diesel::dsl::exists(of_active)).get_result(conn)
    }

    /// The URI an authorization response is sent to: `given` if it is registered, or the only registered one if none is
    /// given.
    pub fn choose(registered: &[String], given: Option<&str>) -> Result<String, WrongRedirectUri> {
        match (given, registered) {
            (None, [only]) => Ok(only.clone()),
            (None, []) => Err(WrongRedirectUri::NoneRegistered),
            (None, _) => Err(WrongRedirectUri::Ambiguous),
            (Some(given), _) => match registered.iter().any(|own| is_same(own, given)) {
                true => Ok(given.to_string()),
                false => Err(WrongRedirectUri::NotRegistered),
            },
        }
    }

    /// The redirect URIs of a client, in the order they were entered.
    pub fn of_client(conn: &mut DbConnection, client: ClientKey) -> QueryResult<Vec<String>> {
        redirect_uris::table
            .filter(redirect_uris::client_id.eq(client))
            .order(redirect_uris::id)
            .select(redirect_uris::uri)
            .load(conn)
    }

    /// The redirect URIs of several clients, in the order they were entered.
    pub fn of_clients(conn: &mut DbConnection, clients: &[ClientKey]) -> QueryResult<Vec<(ClientKey, String)>> {
        redirect_uris::table
            .filter(redirect_uris::client_id.eq_any(clients))
            .order(redirect_uris::id)
            .select((redirect_uris::client_id, redirect_uris::uri))
            .load(conn)
    }

    /// Where a stored redirect URI leads: its host, or the scheme of an app.
    pub fn host_or_scheme(uri: &str) -> String {
        let url = Url::parse(uri).ok();
        let host = url.as_ref().and_then(|url| url.host_str()).map(str::to_string);
        host.unwrap_or_else(|| uri.split(':').next().unwrap_or_default().to_string())
    }

    /// Replaces the redirect URIs of a client.
    pub fn set_for_client(conn: &mut DbConnection, client: ClientKey, uris: &[RedirectUri]) -> QueryResult<()> {
        diesel::delete(redirect_uris::table.filter(redirect_uris::client_id.eq(client))).execute(conn)?;
        for (i, uri) in uris.iter().enumerate() {
            if uris[..i].contains(uri) {
                continue;
            }
            diesel::insert_into(redirect_uris::table)
                .values((
                    redirect_uris::client_id.eq(client),
                    redirect_uris::uri.eq(uri.as_str()),
                    redirect_uris::origin.eq(uri.origin()),
                ))
                .execute(conn)?;
        }
        Ok(())
    }
}

/// Why an authorization request has no redirect URI to return to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongRedirectUri {
    /// The client has no redirect URI.
    NoneRegistered,
    /// The client has several redirect URIs, and the request names none.
    Ambiguous,
    /// The request names a redirect URI that is not registered.
    NotRegistered,
}

/// Whether a host belongs to Lightspeed. Clients may not use such hosts.
pub fn is_lightspeed(host: &str) -> bool {
    // A trailing dot is part of the same host's full name.
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    LIGHTSPEED.iter().any(|domain| host == *domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')))
}

fn is_same(registered: &str, given: &str) -> bool {
    registered == given || loopback(registered).is_some_and(|own| loopback(given) == Some(own))
}

// Host and path of an http URI on a loopback address, without the port.
fn loopback(uri: &str) -> Option<(&'static str, &str)> {
    let host = LOOPBACK.into_iter().find(|host| uri.starts_with(host))?;
    let rest = &uri[host.len()..];
    let rest = match rest.strip_prefix(':') {
        Some(port) => {
            let digits = port.bytes().take_while(u8::is_ascii_digit).count();
            // An invalid port never matches: the browser could not connect and the code would be lost.
            port[..digits].parse::<u16>().ok().map(|_| &port[digits..])?
        }
        None => rest,
    };
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((host, rest))
}

fn has_dots(text: &str) -> bool {
    let path = text.split('?').next().unwrap_or_default().to_ascii_lowercase().replace("%2e", ".");
    path.split('/').any(|part| matches!(part, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c1_an_invalid_redirect_uri_is_refused_with_a_reason() {
        for bad in [
            "",
            "/callback",
            "app.example/cb",
            "https://app.example/cb#here",
            "https://*.app.example/cb",
            "https://user@app.example/cb",
            "https://user:pass@app.example/cb",
            "javascript:alert(1)",
            "data:text/html,hi",
            "http://app.example/cb",
            "http://127.0.0.1/cb",
            "com.example.app:/cb",
            "ftp://app.example/cb",
            "https://app.example/cb?code=1",
            "https://app.example/cb?a=1&state=2",
            "https://app.example/cb?iss=x",
            "https://app.example/cb?error=x",
            "https://app.example/a b",
            "https://app.example/a\u{0}",
            "https://app.example/../cb",
            "https://app.example/%2e%2e/cb",
            "https://cloud.lightspeedapp.com/cb",
            "HTTPS://app.example/cb",
            "https://",
        ] {
            assert!(RedirectUri::parse(bad, false).is_err(), "{bad}");
        }
        for good in ["https://app.example/cb", "https://app.example/cb?tenant=7", "https://localhost:8443/cb"] {
            assert_eq!(RedirectUri::parse(good, false).map(|uri| uri.0), Ok(good.to_string()));
        }
    }

    #[test]
    fn a_publicly_distributed_client_may_use_loopback_addresses_and_private_schemes() {
        for good in ["http://127.0.0.1/cb", "http://[::1]:8080/cb", "http://localhost:1/cb", "com.example.app:/cb"] {
            assert!(RedirectUri::parse(good, true).is_ok(), "{good}");
        }
        for bad in ["http://127.0.0.1.evil.test/cb", "http://localhost.evil.test/", "app:/cb", "http://10.0.0.1/cb"] {
            assert!(RedirectUri::parse(bad, true).is_err(), "{bad}");
        }
    }

    #[test]
    fn a4_on_a_loopback_address_only_the_port_may_differ() {
        let registered = vec!["http://127.0.0.1:8000/cb".to_string(), "https://app.example/cb".to_string()];
        let chosen = |given| RedirectUri::choose(&registered, Some(given)).is_ok();

        assert!(
            chosen("http://127.0.0.1:8000/cb") && chosen("http://127.0.0.1:51234/cb") && chosen("http://127.0.0.1/cb")
        );
        for bad in [
            "http://127.0.0.1:51234/cb?x=1",
            "http://127.0.0.1:51234/",
            "http://127.0.0.1.evil.test/cb",
            "http://127.0.0.1:80a/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:99999/cb",
            "http://127.0.0.1:1@evil.test/cb",
            "http://localhost:8000/cb",
            "https://127.0.0.1:8000/cb",
            "https://app.example:443/cb",
        ] {
            assert!(!chosen(bad), "{bad}");
        }
    }

    #[test]
    fn a5_without_a_redirect_uri_in_the_request_the_only_registered_one_is_used() {
        let one = vec!["https://app.example/cb".to_string()];
        let two = vec!["https://app.example/cb".to_string(), "https://app.example/other".to_string()];

        assert_eq!(RedirectUri::choose(&one, None).as_deref(), Ok("https://app.example/cb"));
        assert_eq!(RedirectUri::choose(&two, None), Err(WrongRedirectUri::Ambiguous));
        assert_eq!(RedirectUri::choose(&[], None), Err(WrongRedirectUri::NoneRegistered));
    }
}
