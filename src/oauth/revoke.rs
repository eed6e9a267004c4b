//! The revocation endpoint (RFC 7009), also with R-Series' body of `refresh_token` instead of `token`.
//!
//! Revoking a refresh token, by its current or an earlier value, also revokes its access tokens. An access token or API key
//! is revoked alone. An unknown token, or one of another client, is answered with 200 and nothing is revoked.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::oauth::client_auth::{AuthenticatedClient, identify};
use crate::oauth::failures;
use crate::oauth::parameters::Parameters;
use crate::secrets::PlainToken;
use crate::tokens::revocation::revoke_by_value;
use crate::web::client_ip;
use crate::web::oauth_error::{OAuthError, no_store};
use crate::web::state::State;

/// `POST /auth/oauth/revoke`
pub async fn revoke(
    request: HttpRequest,
    app: web::Data<State>,
    body: std::result::Result<web::Bytes, actix_web::Error>,
) -> HttpResponse {
    match revoke_from_body(&app, &request, body).await {
        // RFC 7009 tells clients to ignore the body. Some parse it as JSON all the same.
        Ok(()) => no_store(&mut HttpResponse::Ok()).json(serde_json::json!({})),
        Err(error) => error.response(),
    }
}

async fn revoke_from_body(
    app: &State,
    request: &HttpRequest,
    body: std::result::Result<web::Bytes, actix_web::Error>,
) -> std::result::Result<(), OAuthError> {
    let parameters = Parameters::read(request, body).await?;
    let AuthenticatedClient { client, .. } =
        identify(app, request, &parameters).await.map_err(|refused| failures::count(app, refused))?;
    let token = match parameters.get("token").or_else(|| parameters.get("refresh_token")) {
        // A text that is no token of this server is answered like an unknown token.
        Some(text) => PlainToken::parse(text).ok(),
        None => return Err(OAuthError::invalid_request("Check the `token` parameter")),
    };
    let (client_ip, now) = (client_ip::address(request, &app.config.trusted_proxies), app.clock.now());
    if let Some(token) = token {
        app.db.write(move |conn| revoke_by_value(conn, &client, &token, &client_ip, now)).await?;
    }
    Ok(())
}
