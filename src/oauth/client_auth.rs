//! Client authentication (RFC 6749 section 2.3): reads the credentials from HTTP Basic or from the body, never both, and
//! turns the result of the check into an OAuth error. The check is `clients::authentication`.

use actix_web::HttpRequest;
use actix_web::http::header;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use url::form_urlencoded;

pub use crate::clients::authentication::Credentials;
use crate::clients::authentication::{self, Authentication};
use crate::clients::{Client, ClientState};
use crate::id::ClientKey;
use crate::oauth::parameters::Parameters;
use crate::web::client_ip;
use crate::web::oauth_error::OAuthError;
use crate::web::state::State;

/// A client that proved its identity; or a publicly distributed one, which cannot.
#[derive(Clone, Debug)]
pub struct AuthenticatedClient {
    /// The client.
    pub client: Client,
    /// Whether it sent its secret.
    pub by_secret: bool,
}

/// A refused client: the error, and which client it would have been.
#[derive(Debug)]
pub struct Refused {
    /// The error it is answered with.
    pub error: OAuthError,
    /// The client with the ID that was sent, if there is one.
    pub client: Option<ClientKey>,
}

impl From<OAuthError> for Refused {
    fn from(error: OAuthError) -> Refused {
        Refused { error, client: None }
    }
}

/// Reads the client's credentials from the header or the body. Errors: `invalid_request` if both have them,
/// `invalid_client` if neither has.
pub fn credentials(request: &HttpRequest, parameters: &Parameters) -> Result<Credentials, OAuthError> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    let (first, second) = (headers.next(), headers.next());
    if second.is_some() {
        return Err(OAuthError::invalid_request("Send the Authorization header once"));
    }
    let (in_body, secret) = (parameters.get("client_id"), parameters.get("client_secret"));
    let Some(value) = first else {
        let hint = "Send `client_id` and `client_secret` in the body, or both by HTTP Basic";
        let id = in_body.ok_or_else(|| OAuthError::invalid_client(hint))?;
        return Ok(Credentials { id: id.into(), secret: secret.map(str::to_string) });
    };
    if secret.is_some() {
        let hint = "Send the client's credentials in the header or in the body, not in both";
        return Err(OAuthError::invalid_request(hint));
    }
    let basic = value.to_str().ok().and_then(basic);
    let credentials = basic.ok_or_else(|| OAuthError::invalid_client("The Authorization header is not HTTP Basic"))?;
    match in_body.is_none_or(|id| id == credentials.id) {
        true => Ok(credentials),
        false => Err(OAuthError::invalid_request("The `client_id` in the body differs from the one in the header")),
    }
}

// User name and password of a Basic header are form-encoded first (RFC 6749 section 2.3.1).
fn basic(header: &str) -> Option<Credentials> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(LENIENT.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let secret = Some(form_decoded(secret)).filter(|secret| !secret.is_empty());
    Some(Credentials { id: form_decoded(id), secret })
}

fn form_decoded(text: &str) -> String {
    // Decode the whole text as one name: `&` and `=` separate nothing here.
    let escaped = text.replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(escaped.as_bytes()).map(|(name, _)| name.into_owned()).next().unwrap_or_default()
}

/// Authenticates the client of a request to the token or introspection endpoint. The client must be active.
///
/// Errors: see [`check`]; `invalid_client` with the reason for a client that is revoked, pending or suspended.
pub async fn authenticate(
    app: &State,
    request: &HttpRequest,
    parameters: &Parameters,
) -> Result<AuthenticatedClient, Refused> {
    let authenticated = identify(app, request, parameters).await?;
    let client = Some(authenticated.client.id);
    match require_active(&authenticated.client) {
        Ok(()) => Ok(authenticated),
        Err(error) => Err(Refused { error, client }),
    }
}

/// Authenticates a client in any state: a pending or suspended client may still revoke its tokens.
pub async fn identify(
    app: &State,
    request: &HttpRequest,
    parameters: &Parameters,
) -> Result<AuthenticatedClient, Refused> {
    let credentials = credentials(request, parameters)?;
    check(app, request, credentials).await
}

/// Checks the credentials of a client in any state.
///
/// Errors: `invalid_client` with the same hint for an unknown client and a wrong secret; 429 after too many wrong secrets.
pub async fn check(
    app: &State,
    request: &HttpRequest,
    credentials: Credentials,
) -> Result<AuthenticatedClient, Refused> {
    let (client_ip, now) = (client_ip::address(request, &app.config.trusted_proxies), app.clock.now());
    let checked = authentication::authenticate(&app.db, &app.failed_secrets, credentials, client_ip, now).await;
    match checked.map_err(OAuthError::from)? {
        Authentication::Authenticated { client, secret } => {
            if let Some(secret) = secret {
                app.last_used_buffer.secret(secret, now);
            }
            Ok(AuthenticatedClient { client: *client, by_secret: secret.is_some() })
        }
        Authentication::Failed { client } => {
            let hint = "Unknown client or wrong secret. Check `client_id` and `client_secret`";
            Err(Refused { error: OAuthError::invalid_client(hint), client })
        }
        Authentication::TooManyAttempts(seconds) => Err(too_many_attempts(seconds).into()),
    }
}

/// Limits the wrong secrets of a caller whose secret is checked elsewhere. Errors: 429 after too many wrong secrets.
pub fn limit_attempts(app: &State, request: &HttpRequest, id: &str) -> Result<(), OAuthError> {
    let caller = authentication::caller(id, &client_ip::address(request, &app.config.trusted_proxies));
    match app.failed_secrets.wait(&caller, app.clock.now()) {
        None => Ok(()),
        Some(seconds) => Err(too_many_attempts(seconds)),
    }
}

fn too_many_attempts(seconds: i64) -> OAuthError {
    OAuthError::slow_down(seconds, format!("Too many wrong client secrets. Wait {seconds} s and check the secret"))
}

/// Checks that a client is active. Errors: `invalid_client` with the reason.
pub fn require_active(client: &Client) -> Result<(), OAuthError> {
    match (client.revoked_at, client.state()) {
        (Some(_), _) => Err(OAuthError::invalid_client("The client has been revoked")),
        (None, ClientState::Active) => Ok(()),
        (None, ClientState::Pending) => {
            Err(OAuthError::invalid_client("The client is pending approval by an admin of the shop"))
        }
        (None, ClientState::Suspended) => {
            Err(OAuthError::invalid_client("The client is suspended. An admin of the shop can resume it"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> String {
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
    }

    #[test]
    fn t8_basic_values_are_form_decoded() {
        let credentials = basic(&encoded("my%2Dapp:a+b%3Ac%25&d=e")).expect("Basic");

        assert_eq!(credentials, Credentials { id: "my-app".into(), secret: Some("a b:c%&d=e".into()) });
        assert_eq!(basic(&encoded("id:a:b")).and_then(|basic| basic.secret), Some("a:b".into()));
        assert_eq!(basic(&encoded("id:")).map(|basic| basic.secret), Some(None));
        assert!(basic("Bearer abc").is_none() && basic("Basic").is_none() && basic("Basic !!!").is_none());
        assert!(basic(&encoded("nocolon")).is_none());
    }
}
