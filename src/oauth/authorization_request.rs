//! An authorization request (RFC 6749 section 4.1.1), read from its query by the byte; and the way back to its client.

use actix_web::HttpResponse;
use percent_encoding::percent_decode;
use url::form_urlencoded;

use crate::clients::{Client, ClientState, RedirectUri, WrongRedirectUri};
use crate::error::{Error, Result};
use crate::oauth::pkce;
use crate::scopes::Scope;
use crate::web::oauth_error::OAuthError;
use crate::web::page::see_other;
use crate::web::state::State;

/// The longest `state` that is echoed, in bytes.
pub const LONGEST_STATE: usize = 2_000;
// The sign-in and the consent form carry the whole request along, and a form has an end too (16 KiB).
const LONGEST_REQUEST: usize = 15_000;

/// A request whose client and redirect URI fit together: whatever else is wrong may be told to the client.
pub struct AuthorizationRequest {
    /// Who asks.
    pub client: Client,
    /// Where the answer goes.
    pub redirect_uri: String,
    /// Whether the request said so, or left it to the only one there is.
    pub is_redirect_uri_given: bool,
    state: Vec<u8>,
}

/// What a good request asks for.
pub struct ParsedRequest {
    /// What the token may reach.
    pub scope: Scope,
    /// The S256 challenge, if it has one.
    pub code_challenge: Option<String>,
}

impl AuthorizationRequest {
    /// Reads whose request it is and where its answer goes. Errors are pages: nobody is sent to an address that was not
    /// registered.
    pub async fn read(app: &State, query: &str) -> Result<AuthorizationRequest> {
        let raw = Raw::parse(query);
        const AGAIN: &str = "Nothing was shared. Go back to the app that sent you and tell its developer.";
        let invalid = |why: String| Error::Invalid(format!("{why} {AGAIN}"));
        let id = match raw.text("client_id") {
            Ok(Some(id)) => id,
            Ok(None) => {
                return Err(invalid("The link does not say which client is asking (client_id is missing).".into()));
            }
            Err(how) => return Err(invalid(format!("The link's client_id {how}."))),
        };
        let given = match raw.text("redirect_uri") {
            Ok(given) => given,
            Err(how) => return Err(invalid(format!("The link's redirect_uri {how}."))),
        };
        let find = move |conn: &mut _| {
            let client = Client::find_by_client_id(conn, &id)?;
            let uris = client.as_ref().map(|client| RedirectUri::of_client(conn, client.id)).transpose()?;
            Ok(client.zip(uris))
        };
        let found = app.db.read(find).await?;
        let Some((client, registered)) = found.filter(|(client, _)| client.revoked_at.is_none()) else {
            return Err(invalid("No client is registered here under the client_id in the link.".into()));
        };
        let redirect_uri = RedirectUri::choose(&registered, given.as_deref()).map_err(|wrong| {
            let name = &client.name;
            invalid(match wrong {
                WrongRedirectUri::NoneRegistered => format!("{name} has no redirect URI registered yet."),
                WrongRedirectUri::Ambiguous => {
                    format!(
                        "{name} has several redirect URIs, and the link does not say which (redirect_uri is missing)."
                    )
                }
                WrongRedirectUri::NotRegistered => format!(
                    "The redirect_uri in the link, {}, is not registered for {name}.",
                    shown(given.as_deref().unwrap_or_default())
                ),
            })
        })?;
        match client.state() {
            ClientState::Active => {}
            ClientState::Pending => {
                return Err(Error::Invalid(format!(
                    "{} is waiting for an admin of the shop to admit it. Until then it cannot ask for access.",
                    client.name
                )));
            }
            ClientState::Suspended => {
                return Err(Error::Invalid(format!(
                    "{} is suspended. Until an admin of the shop resumes it, it cannot ask for access.",
                    client.name
                )));
            }
        }
        // A state that is too long, or stands twice, is refused below and not echoed.
        let state = raw.get("state").ok().flatten().filter(|state| state.len() <= LONGEST_STATE);
        Ok(AuthorizationRequest {
            client,
            redirect_uri,
            is_redirect_uri_given: given.is_some(),
            state: state.unwrap_or_default().to_vec(),
        })
    }

    /// Reads what it asks for. Errors are told to the client.
    pub fn check(&self, query: &str) -> std::result::Result<ParsedRequest, OAuthError> {
        let raw = Raw::parse(query);
        // Better refused now than after the sign-in.
        if form_urlencoded::byte_serialize(query.as_bytes()).map(str::len).sum::<usize>() > LONGEST_REQUEST {
            return Err(OAuthError::invalid_request("The request is too long"));
        }
        if let Some(name) = raw.doubled() {
            return Err(OAuthError::invalid_request(format!("Send the `{name}` parameter once")));
        }
        let text = |name: &str| {
            raw.text(name).map_err(|how| OAuthError::invalid_request(format!("The `{name}` parameter {how}")))
        };
        if raw.get("state").ok().flatten().is_some_and(|state| state.len() > LONGEST_STATE) {
            return Err(OAuthError::invalid_request(format!("`state` has at most {LONGEST_STATE} bytes")));
        }
        match text("response_type")?.as_deref() {
            Some("code") => {}
            None => return Err(OAuthError::invalid_request("Check the `response_type` parameter")),
            Some(_) => return Err(OAuthError::unsupported_response_type()),
        }
        if text("response_mode")?.is_some_and(|mode| mode != "query") {
            return Err(OAuthError::invalid_request("Only `response_mode` query is served"));
        }
        let scope =
            text("scope")?.ok_or_else(|| OAuthError::invalid_scope("Check the `scope` parameter: it is missing"))?;
        let unknown = scope.split_whitespace().find(|word| Scope::parse(word).is_none());
        let scope = Scope::parse(&scope).ok_or_else(|| {
            OAuthError::invalid_scope(format!("Check the `{}` scope", shown(unknown.unwrap_or_default())))
        })?;
        let (challenge, method) = (text("code_challenge")?, text("code_challenge_method")?);
        let code_challenge = match (challenge, method.as_deref()) {
            (None, None) if self.client.requires_pkce() => {
                return Err(OAuthError::invalid_request("This client must send a `code_challenge` (PKCE, S256)"));
            }
            (None, None) => None,
            (None, Some(_)) => return Err(OAuthError::invalid_request("Check the `code_challenge` parameter")),
            (Some(challenge), Some("S256")) if pkce::is_challenge(&challenge) => Some(challenge),
            (Some(_), Some("S256")) => {
                let hint = "Check the `code_challenge` parameter: 43 characters of base64url";
                return Err(OAuthError::invalid_request(hint));
            }
            (Some(_), _) => return Err(OAuthError::invalid_request("`code_challenge_method` must be S256")),
        };
        Ok(ParsedRequest { scope, code_challenge })
    }

    /// Sends the browser back with an error.
    pub fn refuse(&self, app: &State, error: &OAuthError) -> HttpResponse {
        let mut pairs = vec![("error", error.code), ("error_description", error.description.as_str())];
        if !error.hint.is_empty() {
            pairs.push(("hint", &error.hint));
        }
        self.answer(app, &pairs)
    }

    /// Sends the browser back: 303 to the client, with state byte for byte, and iss (RFC 9207). The empty fragment at the end
    /// keeps one of an earlier address from being carried over.
    pub fn answer(&self, app: &State, pairs: &[(&str, &str)]) -> HttpResponse {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(pairs);
        query.append_pair("iss", app.config.public_url.origin());
        let mut query = query.finish();
        if !self.state.is_empty() {
            let state: String = form_urlencoded::byte_serialize(&self.state).collect();
            query = format!("{query}&state={state}");
        }
        let join = match (self.redirect_uri.contains('?'), self.redirect_uri.ends_with(['?', '&'])) {
            (false, _) => "?",
            (true, true) => "",
            (true, false) => "&",
        };
        see_other(&format!("{}{join}{query}#", self.redirect_uri))
    }
}

/// The client that the query of an authorization request names, if it can be one.
pub fn client_id(query: &str) -> Option<String> {
    Raw::parse(query).text("client_id").ok().flatten()
}

// The parameters of a query by the byte.
struct Raw(Vec<(String, Vec<u8>)>);

impl Raw {
    fn parse(query: &str) -> Raw {
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (String::from_utf8_lossy(&decode(name)).into_owned(), decode(value))
        });
        Raw(pairs.collect())
    }

    // An empty parameter counts as left out (RFC 6749 section 3.1). Errors: it stands there twice.
    fn get(&self, name: &str) -> std::result::Result<Option<&[u8]>, &'static str> {
        let mut values = self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_slice());
        match (values.next(), values.next()) {
            (_, Some(_)) => Err("stands there twice"),
            (value, None) => Ok(value.filter(|value| !value.is_empty())),
        }
    }

    fn text(&self, name: &str) -> std::result::Result<Option<String>, &'static str> {
        let Some(bytes) = self.get(name)? else {
            return Ok(None);
        };
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.chars().any(char::is_control) => Ok(Some(text.to_string())),
            _ => Err("is not plain text"),
        }
    }

    // Which of the parameters we know stands there twice.
    fn doubled(&self) -> Option<&'static str> {
        const KNOWN: [&str; 8] = [
            "client_id",
            "redirect_uri",
            "response_type",
            "response_mode",
            "scope",
            "state",
            "code_challenge",
            "code_challenge_method",
        ];
        KNOWN.into_iter().find(|name| self.get(name).is_err())
    }
}

fn decode(text: &str) -> Vec<u8> {
    percent_decode(text.replace('+', " ").as_bytes()).collect()
}

// Something from a link, as it may stand in a sentence.
fn shown(text: &str) -> String {
    let shown: String = text.chars().filter(|c| !crate::text::is_invisible(*c)).take(200).collect();
    shown
}
