//! Client authentication (RFC 6749 section 2.3): by HTTP Basic or in the body, never both.

use actix_web::HttpRequest;
use actix_web::http::header;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use url::form_urlencoded;

use crate::clients::failed_secrets::Caller;
use crate::clients::{Client, ClientSecret, ClientState};
use crate::db::DbConnection;
use crate::error::Result as DbResult;
use crate::id::ClientKey;
use crate::oauth::parameters::Parameters;
use crate::secrets::TokenHash;
use crate::web::client_ip;
use crate::web::oauth_error::OAuthError;
use crate::web::state::State;

/// A client that is who it says it is, or a publicly distributed one, which nobody can prove.
#[derive(Clone, Debug)]
pub struct AuthenticatedClient {
    /// The client.
    pub client: Client,
    /// Whether it showed a secret.
    pub by_secret: bool,
}

/// A client that was refused: the answer, and whose it would have been.
#[derive(Debug)]
pub struct Refused {
    /// What it is told.
    pub error: OAuthError,
    /// The client named, when there is one.
    pub client: Option<ClientKey>,
}

impl From<OAuthError> for Refused {
    fn from(error: OAuthError) -> Refused {
        Refused { error, client: None }
    }
}

/// Who a caller says to be.
#[derive(Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Its public id.
    pub id: String,
    /// Its secret, if it showed one.
    pub secret: Option<String>,
}

impl Credentials {
    /// Reads them from the header or the body. Errors: `invalid_request` when there are two, `invalid_client` when there
    /// are none.
    pub fn read(request: &HttpRequest, parameters: &Parameters) -> Result<Credentials, OAuthError> {
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
        let credentials =
            basic.ok_or_else(|| OAuthError::invalid_client("The Authorization header is not HTTP Basic"))?;
        match in_body.is_none_or(|id| id == credentials.id) {
            true => Ok(credentials),
            false => Err(OAuthError::invalid_request("The `client_id` in the body is not the one in the header")),
        }
    }
}

// User and password of a Basic header, each form-encoded before (RFC 6749 section 2.3.1).
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
    // The whole text is one name: `&` and `=` mean nothing here.
    let escaped = text.replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(escaped.as_bytes()).map(|(name, _)| name.into_owned()).next().unwrap_or_default()
}

/// Authenticates the client of a request to the token, revocation or introspection endpoint.
///
/// Errors: `invalid_client` (401) in the same words for an unknown client and a wrong secret; 429 after too many wrong
/// secrets from one address; `invalid_client` with the reason for a client that proved itself but may do nothing.
pub async fn authenticate(
    app: &State,
    request: &HttpRequest,
    parameters: &Parameters,
) -> Result<AuthenticatedClient, Refused> {
    let authenticated = identify(app, request, parameters).await?;
    let client = Some(authenticated.client.id);
    match may_act(&authenticated.client) {
        Ok(()) => Ok(authenticated),
        Err(error) => Err(Refused { error, client }),
    }
}

/// The same, also for a client that is pending or suspended: it may always give up what it has.
pub async fn identify(
    app: &State,
    request: &HttpRequest,
    parameters: &Parameters,
) -> Result<AuthenticatedClient, Refused> {
    let credentials = Credentials::read(request, parameters)?;
    check(app, request, credentials).await
}

/// Checks the credentials of a caller, whatever the client may do.
///
/// Errors: `invalid_client` in the same words for an unknown client and a wrong secret; 429 after too many wrong ones.
pub async fn check(
    app: &State,
    request: &HttpRequest,
    credentials: Credentials,
) -> Result<AuthenticatedClient, Refused> {
    let (caller, now) = (caller(app, request, &credentials.id)?, app.clock.now());
    let id = credentials.id.clone();
    let found = app.db.lookup(move |conn| find(conn, &id, now)).await.map_err(OAuthError::from)?;
    // An unknown client costs what a known one costs.
    let shown = credentials.secret.as_deref().map(TokenHash::of);
    let wrong = |client| {
        app.failed_secrets.failed(caller.clone(), now);
        let hint = "There is no such client, or its secret is another. Check `client_id` and `client_secret`";
        Refused { error: OAuthError::invalid_client(hint), client }
    };
    let Some((client, secrets)) = found else {
        return Err(wrong(None));
    };
    let key = client.id;
    match shown {
        Some(hash) => match secrets.iter().find(|secret| secret.is(&hash)) {
            Some(secret) => {
                app.last_used_buffer.secret(secret.id, now);
                Ok(AuthenticatedClient { client, by_secret: true })
            }
            None => Err(wrong(Some(key))),
        },
        None if client.publicly_distributed => Ok(AuthenticatedClient { client, by_secret: false }),
        None => Err(wrong(Some(key))),
    }
}

/// Who is about to show a secret for `id`. Errors: 429 after too many wrong ones.
pub fn caller(app: &State, request: &HttpRequest, id: &str) -> Result<Caller, OAuthError> {
    // What is remembered of a guess must not be as long as the guesser likes; no id of ours is cut by it.
    let id = id.chars().take(Client::LONGEST_ID).collect();
    let caller = (id, client_ip::address(request, &app.config.trusted_proxies));
    match app.failed_secrets.wait(&caller, app.clock.now()) {
        None => Ok(caller),
        Some(seconds) => {
            let hint = format!("Too many wrong client secrets. Wait {seconds} s and check the secret");
            Err(OAuthError::slow_down(seconds, hint))
        }
    }
}

/// Whether a client may do anything. Errors: `invalid_client` that says why not.
pub fn may_act(client: &Client) -> Result<(), OAuthError> {
    match (client.revoked_at, client.state()) {
        (Some(_), _) => Err(OAuthError::invalid_client("The client has been revoked")),
        (None, ClientState::Active) => Ok(()),
        (None, ClientState::Pending) => {
            Err(OAuthError::invalid_client("The client waits for an admin of the shop to admit it"))
        }
        (None, ClientState::Suspended) => {
            Err(OAuthError::invalid_client("The client is suspended; an admin of the shop can resume it"))
        }
    }
}

fn find(
    conn: &mut DbConnection,
    id: &str,
    now: crate::time::Timestamp,
) -> DbResult<Option<(Client, Vec<ClientSecret>)>> {
    let Some(client) = Client::find_by_client_id(conn, id)? else {
        return Ok(None);
    };
    let secrets = ClientSecret::of_client(conn, client.id, now)?;
    Ok(Some((client, secrets)))
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
