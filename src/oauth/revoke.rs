//! `POST /auth/oauth/revoke`: RFC 7009, and R-Series' own body with `refresh_token` instead of `token`.
//!
//! A refresh token, in any of its values, goes with its access tokens; an access token or API key goes alone. What is not
//! there, or belongs to another client, is answered like what was revoked: 200, and nothing about it.

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
    match revoked(&app, &request, body).await {
        // RFC 7009 has clients ignore the body; those who read JSON everywhere find some.
        Ok(()) => no_store(&mut HttpResponse::Ok()).json(serde_json::json!({})),
        Err(error) => error.response(),
    }
}

async fn revoked(
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
    app.db.write(move |conn| stop(conn, &client, &token, &client_ip, now)).await?;
    Ok(())
}

fn stop(conn: &mut DbConnection, client: &Client, token: &TokenHash, client_ip: &str, now: Timestamp) -> Result<()> {
    let actor = client.actor();
    let stopped = match (RefreshToken::find_by_value(conn, token)?, AccessToken::find_by_value(conn, token)?) {
        (Some((found, _)), _) if found.client_id == client.id => {
            let target = Target::RefreshToken(client.clone(), found);
            revoke_target(conn, &target, None, (&actor, client_ip), now).map(drop)
        }
        (_, Some(found)) if found.client_id == client.id => {
            revoke_access_token(conn, (client, &found), (&actor, client_ip), now)
        }
        _ => Ok(()),
    };
    match stopped {
        // Somebody else was faster: it is revoked all the same.
        Err(Error::Conflict(_)) => Ok(()),
        outcome => outcome,
    }
}
