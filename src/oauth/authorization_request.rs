//! An authorization request (RFC 6749 section 4.1.1), read from its query in two phases; and the redirect back to the
//! client (RFC 6749 section 4.1.2, RFC 9207).

use actix_web::{HttpRequest, HttpResponse};
use url::form_urlencoded;

use crate::clients::token_failure::AUTHORIZATION_REQUEST;
use crate::clients::{Client, ClientState, RedirectUri, WrongRedirectUri};
use crate::error::{Error, Result};
use crate::oauth::failures;
use crate::oauth::pkce;
use crate::oauth::raw_query::RawQuery;
use crate::scopes::Scope;
use crate::text::is_invisible;
use crate::web::oauth_error::OAuthError;
use crate::web::page::see_other;
use crate::web::state::State;

/// The longest `state` that is sent back, in bytes.
pub const LONGEST_STATE: usize = 2_000;
// The sign-in form and the consent form carry the whole request, and a form has at most 16 KiB.
const LONGEST_REQUEST: usize = 15_000;

/// A request after phase one: its client is active and its redirect URI is registered, so errors can be sent to it.
pub struct AuthorizationRequest {
    /// The client.
    pub client: Client,
    /// The redirect URI that the user returns to.
    pub redirect_uri: String,
    /// Whether the request had a `redirect_uri`, or relied on the only registered one.
    pub is_redirect_uri_given: bool,
    state: Vec<u8>,
}

/// A request after phase two: what the client requests.
pub struct ParsedRequest {
    /// The scope.
    pub scope: Scope,
    /// The PKCE challenge (S256), if there is one.
    pub code_challenge: Option<String>,
}

impl AuthorizationRequest {
    /// Phase one: reads the client and the redirect URI. Errors are pages, because nobody may be redirected to an address
    /// that is not registered.
    pub async fn read(app: &State, query: &str) -> Result<AuthorizationRequest> {
        let raw = RawQuery::parse(query);
        let id = match raw.text("client_id") {
            Ok(Some(id)) => id,
            Ok(None) => return Err(broken_link("The link has no client_id.")),
            Err(problem) => return Err(broken_link(&format!("The client_id in the link {problem}."))),
        };
        let given = raw
            .text("redirect_uri")
            .map_err(|problem| broken_link(&format!("The redirect_uri in the link {problem}.")))?;
        let find = move |conn: &mut _| {
            let client = Client::find_by_client_id(conn, &id)?;
            let uris = client.as_ref().map(|client| RedirectUri::of_client(conn, client.id)).transpose()?;
            Ok(client.zip(uris))
        };
        let found = app.db.lookup(find).await?;
        let Some((client, registered)) = found.filter(|(client, _)| client.revoked_at.is_none()) else {
            return Err(broken_link("No client with the client_id in the link is registered."));
        };
        let redirect_uri = RedirectUri::choose(&registered, given.as_deref())
            .map_err(|wrong| wrong_redirect_uri(&client.name, wrong, given.as_deref().unwrap_or_default()))?;
        require_active(&client)?;
        // Phase two refuses a `state` that is too long or sent twice; it is not sent back.
        let state = raw.get("state").ok().flatten().filter(|state| state.len() <= LONGEST_STATE);
        Ok(AuthorizationRequest {
            client,
            redirect_uri,
            is_redirect_uri_given: given.is_some(),
            state: state.unwrap_or_default().to_vec(),
        })
    }

    /// Phase two: reads what the client requests. Errors are sent to the client.
    pub fn check(&self, query: &str) -> std::result::Result<ParsedRequest, OAuthError> {
        let raw = RawQuery::parse(query);
        // Refuse now rather than after sign-in.
        if form_urlencoded::byte_serialize(query.as_bytes()).map(str::len).sum::<usize>() > LONGEST_REQUEST {
            return Err(OAuthError::invalid_request("The request is too long"));
        }
        if let Some(name) = raw.repeated() {
            return Err(OAuthError::invalid_request(format!("Send the `{name}` parameter once")));
        }
        let text = |name: &str| {
            raw.text(name).map_err(|problem| OAuthError::invalid_request(format!("The `{name}` parameter {problem}")))
        };
        if raw.get("state").ok().flatten().is_some_and(|state| state.len() > LONGEST_STATE) {
            return Err(OAuthError::invalid_request(format!("`state` can have at most {LONGEST_STATE} bytes")));
        }
        match text("response_type")?.as_deref() {
            Some("code") => {}
            None => return Err(OAuthError::invalid_request("Check the `response_type` parameter")),
            Some(_) => return Err(OAuthError::unsupported_response_type()),
        }
        if text("response_mode")?.is_some_and(|mode| mode != "query") {
            return Err(OAuthError::invalid_request("`response_mode` must be query"));
        }
        let scope =
            text("scope")?.ok_or_else(|| OAuthError::invalid_scope("Check the `scope` parameter: it is missing"))?;
        let unknown = scope.split_whitespace().find(|word| Scope::parse(word).is_none());
        let scope = Scope::parse(&scope).ok_or_else(|| {
            OAuthError::invalid_scope(format!("Check the `{}` scope", displayable(unknown.unwrap_or_default())))
        })?;
        let code_challenge = self.code_challenge(text("code_challenge")?, text("code_challenge_method")?.as_deref())?;
        Ok(ParsedRequest { scope, code_challenge })
    }

    // The PKCE challenge (RFC 7636 section 4.3).
    fn code_challenge(
        &self,
        challenge: Option<String>,
        method: Option<&str>,
    ) -> std::result::Result<Option<String>, OAuthError> {
        let hint = match (challenge, method) {
            (None, None) if self.client.publicly_distributed => {
                "This client must send a `code_challenge` (PKCE, S256): every publicly distributed client must"
            }
            (None, None) if self.client.requires_pkce() => {
                "This client must send a `code_challenge` (PKCE, S256). If it does not support PKCE, an admin of the shop can \
                 turn off `Requires PKCE` for it: Settings, Client API Access, the page of the client, Edit client"
            }
            (None, None) => return Ok(None),
            (None, Some(_)) => "Check the `code_challenge` parameter",
            (Some(challenge), Some("S256")) if pkce::is_challenge(&challenge) => return Ok(Some(challenge)),
            (Some(_), Some("S256")) => "Check the `code_challenge` parameter: 43 characters of base64url",
            (Some(_), _) => "`code_challenge_method` must be S256",
        };
        Err(OAuthError::invalid_request(hint))
    }

    /// Redirects back to the client with an error in its request, and records it for the client's page.
    pub async fn refuse(&self, app: &State, request: &HttpRequest, error: &OAuthError) -> HttpResponse {
        failures::record(app, request, self.client.id, AUTHORIZATION_REQUEST, error).await;
        self.redirect_with_error(app, error)
    }

    /// Redirects back to the client with an error.
    pub fn redirect_with_error(&self, app: &State, error: &OAuthError) -> HttpResponse {
        let mut pairs = vec![("error", error.code), ("error_description", error.description.as_str())];
        if !error.hint.is_empty() {
            pairs.push(("hint", &error.hint));
        }
        self.redirect(app, &pairs)
    }

    /// Redirects back to the client (303) with the unchanged `state`, and `iss` (RFC 9207). The empty fragment at the end
    /// stops browsers from appending the fragment of an earlier URL.
    pub fn redirect(&self, app: &State, pairs: &[(&str, &str)]) -> HttpResponse {
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

/// The client ID in the query of an authorization request, if it has one.
pub fn client_id(query: &str) -> Option<String> {
    RawQuery::parse(query).text("client_id").ok().flatten()
}

fn broken_link(problem: &str) -> Error {
    const ADVICE: &str =
        "You have not given access to anyone. Go back to the app that sent you here, and tell its developer.";
    Error::Invalid(format!("{problem} {ADVICE}"))
}

fn wrong_redirect_uri(client: &str, wrong: WrongRedirectUri, given: &str) -> Error {
    broken_link(&match wrong {
        WrongRedirectUri::NoneRegistered => format!("{client} has no redirect URI registered yet."),
        WrongRedirectUri::Ambiguous => {
            format!("{client} has several redirect URIs, and the link does not name one (redirect_uri is missing).")
        }
        WrongRedirectUri::NotRegistered => {
            format!("The redirect_uri in the link, {}, is not registered for {client}.", displayable(given))
        }
    })
}

fn require_active(client: &Client) -> Result<()> {
    let name = &client.name;
    match client.state() {
        ClientState::Active => Ok(()),
        ClientState::Pending => {
            Err(Error::Invalid(format!("{name} is pending approval. An admin of the shop must approve it first.")))
        }
        ClientState::Suspended => {
            Err(Error::Invalid(format!("{name} is suspended. An admin of the shop must resume it first.")))
        }
    }
}

// Text from a link, for a message.
fn displayable(text: &str) -> String {
    text.chars().filter(|c| !is_invisible(*c)).take(200).collect()
}
