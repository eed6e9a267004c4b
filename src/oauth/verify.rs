//! `GET /auth/oauth/verify`: lets a gateway validate the token of a request before it passes the request on (nginx
//! `auth_request`, Traefik and Caddy forward authentication). Answers 204 with the identity in headers, 401, or 403.
//!
//! The gateway must replace any `X-Auth-…` headers of the caller with these: `docs/nginx.conf` is an example.

use actix_web::{HttpRequest, HttpResponse, web};
use url::form_urlencoded;

use crate::access::token_access::Access;
use crate::account::ACCOUNT_ID;
use crate::web::bearer;
use crate::web::bearer::Refusal;
use crate::web::oauth_error::{no_store, printable};
use crate::web::state::State;

/// `GET /auth/oauth/verify?scope=…`: `scope` is what the route requires, separated by spaces.
pub async fn verify(request: HttpRequest, app: web::Data<State>) -> HttpResponse {
    match checked(&app, &request).await {
        Ok(access) => identity(&access),
        // nginx treats every status but 2xx, 401 and 403 as an error of its own.
        Err(Refusal::InvalidRequest(hint)) => Refusal::InvalidToken(hint).response(),
        Err(refusal) => refusal.response(),
    }
}

async fn checked(app: &State, request: &HttpRequest) -> Result<Access, Refusal> {
    let access = bearer::access(app, request).await?;
    let pairs = form_urlencoded::parse(request.query_string().as_bytes());
    for (_, scope) in pairs.filter(|(name, _)| name == "scope") {
        if !scope.split_whitespace().all(|word| access.allows(word)) {
            return Err(Refusal::InsufficientScope(printable(&scope)));
        }
    }
    Ok(access)
}

fn identity(access: &Access) -> HttpResponse {
    let mut response = HttpResponse::NoContent();
    no_store(&mut response)
        .insert_header(("x-auth-client-id", access.client.client_id.as_str()))
        .insert_header(("x-auth-employee-id", access.employee.id.to_string()))
        .insert_header(("x-auth-account-id", ACCOUNT_ID))
        .insert_header(("x-auth-token-type", if access.token.is_api_key() { "api_key" } else { "access_token" }))
        .insert_header(("x-auth-scope", access.scope().as_str()))
        .insert_header(("x-auth-expires-at", access.token.expires_at.0.to_string()))
        .finish()
}
