//! The guard of everything behind a Bearer token (RFC 6750), with R-Series' words in the body of a refusal.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::access::token_access::{Access, PresentedToken};
use crate::web::oauth_error::{OAuthError, no_store};
use crate::web::state::State;

const DENIED: &str = "The resource owner or authorization server denied the request.";

/// Why a request behind a token is not served.
#[derive(Debug)]
pub enum Refusal {
    /// No token: 401 without an error code (RFC 6750 section 3.1).
    NoToken,
    /// The token is no good: 401 `invalid_token`.
    InvalidToken(&'static str),
    /// The request shows its token in a way that is not served: 400 `invalid_request`.
    InvalidRequest(&'static str),
    /// The token is good, but not for this: 403 `insufficient_scope`, which would be needed.
    InsufficientScope(String),
    /// The server cannot tell.
    Failed(OAuthError),
}

impl Refusal {
    /// The answer.
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
                format!("The token, or the employee behind it, lacks: {scope}"),
            ),
            Refusal::Failed(error) => return error.response(),
        };
        let mut response = HttpResponse::build(status);
        no_store(&mut response)
            .insert_header((header::WWW_AUTHENTICATE, format!("Bearer realm=\"api\"{challenge}")))
            .json(json!({ "error": error, "error_description": DENIED, "hint": hint }))
    }
}

/// The access a request shows. Errors: why it is not served.
pub async fn access(app: &State, request: &HttpRequest) -> Result<Access, Refusal> {
    let query = request.query_string();
    if query.split('&').any(|pair| pair.split('=').next() == Some("access_token")) {
        return Err(Refusal::InvalidRequest("Send the token in the Authorization header, never in an address"));
    }
    let token = match PresentedToken::by(request) {
        PresentedToken::Bearer(token) => token,
        PresentedToken::Nothing => return Err(Refusal::NoToken),
        PresentedToken::Wrongly(how) => return Err(Refusal::InvalidRequest(how)),
    };
    match Access::of(app, &token).await {
        Ok(Ok(access)) => Ok(access),
        Ok(Err(inactive)) => Err(Refusal::InvalidToken(inactive.hint())),
        Err(error) => Err(Refusal::Failed(error.into())),
    }
}
