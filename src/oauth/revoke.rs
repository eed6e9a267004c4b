//! The revocation endpoint (RFC 7009), also with R-Series' body of `refresh_token` instead of `token`.
//!
//! Revoking a refresh token, by its current or an earlier value, also revokes its access tokens. An access token or API key
//! is revoked alone. An unknown token, or one of another client, is answered with 200 and nothing is revoked.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::clients::Client;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::oauth::client_auth::{AuthenticatedClient, identify};
use crate::oauth::parameters::Parameters;
use crate::secrets::TokenHash;
use crate::time::Timestamp;
use crate::tokens::revocation::{Target, revoke as revoke_target, revoke_access_token};
use crate::tokens::{AccessToken, RefreshToken};
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
        identify(app, request, &parameters).await.map_err(|refused| refused.error)?;
    let token = match parameters.get("token").or_else(|| parameters.get("refresh_token")) {
        Some(token) => TokenHash::of(token),
        None => return Err(OAuthError::invalid_request("Check the `token` parameter")),
    };
    let (client_ip, now) = (client_ip::address(request, &app.config.trusted_proxies), app.clock.now());
    app.db.write(move |conn| revoke_token(conn, &client, &token, &client_ip, now)).await?;
    Ok(())
}

fn revoke_token(
    conn: &mut DbConnection,
    client: &Client,
    token: &TokenHash,
    client_ip: &str,
    now: Timestamp,
) -> Result<()> {
    let actor = client.actor();
    let outcome = match (RefreshToken::find_by_value(conn, token)?, AccessToken::find_by_value(conn, token)?) {
        (Some((found, _)), _) if found.client_id == client.id => {
            let target = Target::RefreshToken(client.clone(), found);
            revoke_target(conn, &target, None, (&actor, client_ip), now).map(drop)
        }
        (_, Some(found)) if found.client_id == client.id => {
            revoke_access_token(conn, (client, &found), (&actor, client_ip), now)
        }
        _ => Ok(()),
    };
    match outcome {
        // Another request has revoked it in the meantime.
        Err(Error::Conflict(_)) => Ok(()),
        outcome => outcome,
    }
}
