//! `GET /auth/oauth/authorize` (RFC 6749 section 4.1.1): checks an authorization request and shows the consent page.
//!
//! Phase one: until the client and its redirect URI are known to be right, errors are pages. Phase two: errors are sent
//! to the client by redirect. Consent is requested every time.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::error::Result;
use crate::oauth::authorization_request::AuthorizationRequest;
use crate::oauth::consent;
use crate::web::request_context::RequestContext;
use crate::web::sign_in_page::{self, SignInForm};
use crate::web::state::State;

/// The URL of the authorization endpoint.
pub const PATH: &str = "/auth/oauth/authorize";

/// `GET /auth/oauth/authorize`: shows sign-in first if nobody is signed in, then the consent page.
pub async fn authorize(
    request: HttpRequest,
    app: web::Data<State>,
    context: Option<RequestContext>,
) -> Result<HttpResponse> {
    let query = request.query_string();
    // Phase one: errors are pages.
    let authorization = AuthorizationRequest::read(&app, query).await?;
    // Phase two: errors are sent to the client.
    let parsed = match authorization.check(query) {
        Ok(parsed) => parsed,
        Err(error) => return Ok(authorization.refuse(&app, &request, &error).await),
    };
    let Some(context) = context else {
        let (next, client) = (format!("{PATH}?{query}"), Some(authorization.client.name.clone()));
        return sign_in_page::show(&request, &app, SignInForm { next, client, ..SignInForm::default() }).await;
    };
    consent::page(&app, &context, &authorization, &parsed, query)
}
