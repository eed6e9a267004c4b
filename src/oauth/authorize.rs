//! `GET /auth/oauth/authorize` (RFC 6749 section 4.1.1): checks an authorization request and shows the consent page.
//!
//! Phase one: until the client and its redirect URI are known to be right, errors are pages. Phase two: errors are sent
//! to the client by redirect. Consent is requested every time.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::error::Result;
use crate::oauth::authorization_request::AuthorizationRequest;
use crate::oauth::consent;
use crate::web::request_context::RequestContext;
use crate::web::state::State;

/// The URL of the authorization endpoint.
pub const PATH: &str = "/auth/oauth/authorize";

/// How an authorization request continues.
pub enum Step {
    /// With the consent page, or a redirect with an error.
    Answer(HttpResponse),
    /// With sign-in, then at this URL.
    SignIn(String),
}

/// Checks the request; if the user is signed in, shows the consent page.
pub async fn authorize(request: &HttpRequest, app: &web::Data<State>, context: Option<RequestContext>) -> Result<Step> {
    let query = request.query_string();
    // Phase one: errors are pages.
    let authorization = AuthorizationRequest::read(app, query).await?;
    // Phase two: errors are sent to the client.
    let parsed = match authorization.check(query) {
        Ok(parsed) => parsed,
        Err(error) => return Ok(Step::Answer(authorization.redirect_with_error(app, &error))),
    };
    let Some(context) = context else {
        return Ok(Step::SignIn(format!("{PATH}?{query}")));
    };
    consent::page(app, &context, &authorization, &parsed, query).map(Step::Answer)
}
