//! Bearer tokens (RFC 6750): reads the Authorization header, checks the token, and builds the error response in the format
//! of the R-Series API.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::access::token_access::{Access, TokenChecks};
use crate::web::client_ip;
use crate::web::oauth_error::{OAuthError, no_store};
use crate::web::observe::RefusedFor;
use crate::web::state::State;

const FORM: &str = "application/x-www-form-urlencoded";
const DENIED: &str = "The resource owner or authorization server denied the request.";

/// Why a request with a Bearer token is refused.
#[derive(Debug)]
pub enum Refusal {
    /// No token: 401 without an error code (RFC 6750 section 3.1).
    NoToken,
    /// The token is not valid: 401 `invalid_token`.
    InvalidToken(&'static str),
    /// The request does not send its token in one Authorization header: 400 `invalid_request`.
    InvalidRequest(&'static str),
    /// The token lacks this scope: 403 `insufficient_scope`.
    InsufficientScope(String),
    /// The server could not check the token.
    Failed(OAuthError),
}

impl Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Refusal::NoToken => "no_token",
            Refusal::InvalidToken(_) => "invalid_token",
            Refusal::InvalidRequest(_) => "invalid_request",
            Refusal::InsufficientScope(_) => "insufficient_scope",
            Refusal::Failed(error) => error.code,
        }
    }

    /// The error response.
    pub fn response(&self) -> HttpResponse {
        let (status, challenge, error, hint) = match self {
            Refusal::NoToken => {
                (StatusCode::UNAUTHORIZED, String::new(), "access_denied", "Missing \"Authorization\" header".into())
            }
            Refusal::InvalidToken(hint) => {
                (StatusCode::UNAUTHORIZED, ", error=\"invalid_token\"".into(), "access_denied", (*hint).to_string())
            }
            Refusal::InvalidRequest(hint) => {
                (StatusCode::BAD_REQUEST, ", error=\"invalid_request\"".into(), "invalid_request", (*hint).to_string())
            }
            Refusal::InsufficientScope(scope) => (
                StatusCode::FORBIDDEN,
                format!(", error=\"insufficient_scope\", scope=\"{scope}\""),
                "insufficient_scope",
                format!("The token or the role of its employee does not include: {scope}"),
            ),
            Refusal::Failed(error) => return error.response(),
        };
        let mut response = HttpResponse::build(status);
        response.extensions_mut().insert(RefusedFor(self.reason()));
        no_store(&mut response)
            .insert_header((header::WWW_AUTHENTICATE, format!("Bearer realm=\"api\"{challenge}")))
            .json(json!({ "error": error, "error_description": DENIED, "hint": hint }))
    }
}

/// What checks tokens, with the state of this server.
pub fn token_checks(app: &State) -> TokenChecks<'_> {
    TokenChecks { db: &app.db, clock: &app.clock, last_used: &app.last_used_buffer }
}

/// Checks the token of a request and records its use.
pub async fn access(app: &State, request: &HttpRequest) -> Result<Access, Refusal> {
    let query = request.query_string();
    if query.split('&').any(|pair| pair.split('=').next() == Some("access_token")) {
        return Err(Refusal::InvalidRequest("Send the token in the Authorization header, not in the URL"));
    }
    if has_form(request) {
        return Err(Refusal::InvalidRequest("Send the token in the Authorization header, and no form in the body"));
    }
    let token = match PresentedToken::by(request) {
        PresentedToken::Bearer(token) => token,
        PresentedToken::Missing => return Err(Refusal::NoToken),
        PresentedToken::Malformed(hint) => return Err(Refusal::InvalidRequest(hint)),
    };
    let from = client_ip::of(request, &app.config.trusted_proxies);
    match token_checks(app).use_token(&token, from).await {
        Ok(Ok(access)) => Ok(access),
        Ok(Err(inactive)) => Err(Refusal::InvalidToken(inactive.hint())),
        Err(error) => Err(Refusal::Failed(error.into())),
    }
}

// A form could hold another token (RFC 6750 section 2.2), so it is refused unread.
fn has_form(request: &HttpRequest) -> bool {
    let header = |name| request.headers().get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let is_form = header(header::CONTENT_TYPE).is_some_and(|kind| kind.trim_start().starts_with(FORM));
    let is_empty = header(header::CONTENT_LENGTH).is_none_or(|length| length.trim() == "0");
    is_form && (!is_empty || request.headers().contains_key(header::TRANSFER_ENCODING))
}

/// The token of a request (RFC 6750 section 2.1: in the Authorization header only).
#[derive(PartialEq, Eq)]
pub enum PresentedToken {
    /// The token.
    Bearer(String),
    /// There is no Authorization header.
    Missing,
    /// There are two headers, or the scheme is not Bearer; a hint for the developer.
    Malformed(&'static str),
}

impl PresentedToken {
    /// Reads the Authorization header.
    pub fn by(request: &HttpRequest) -> PresentedToken {
        let mut headers = request.headers().get_all(header::AUTHORIZATION);
        let (Some(value), second) = (headers.next(), headers.next()) else {
            return PresentedToken::Missing;
        };
        if second.is_some() {
            return PresentedToken::Malformed("Send the Authorization header once");
        }
        let Some((scheme, token)) = value.to_str().ok().and_then(|value| value.split_once(' ')) else {
            return PresentedToken::Malformed("Missing \"Bearer\" token");
        };
        match (scheme.eq_ignore_ascii_case("bearer"), token.trim()) {
            (true, token) if !token.is_empty() => PresentedToken::Bearer(token.to_string()),
            _ => PresentedToken::Malformed("Missing \"Bearer\" token"),
        }
    }
}
