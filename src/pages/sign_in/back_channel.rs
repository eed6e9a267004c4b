//! Back-channel logout: the identity provider signs somebody out here (OpenID Connect Back-Channel Logout 1.0 section 2.5).

use actix_web::{HttpRequest, HttpResponse, web};

use crate::identity::{self, Asking, ProviderCache};
use crate::oauth::parameters::Parameters;
use crate::web::oauth_error::{OAuthError, no_store};
use crate::web::state::State;

/// `POST /sign-in/back-channel-logout`
pub async fn logout(
    request: HttpRequest,
    app: web::Data<State>,
    cache: web::Data<ProviderCache>,
    body: std::result::Result<web::Bytes, actix_web::Error>,
) -> HttpResponse {
    match sign_out(&request, &app, &cache, body).await {
        Ok(()) => no_store(&mut HttpResponse::Ok()).json(serde_json::json!({})),
        Err(error) => error.response(),
    }
}

async fn sign_out(
    request: &HttpRequest,
    app: &State,
    cache: &ProviderCache,
    body: std::result::Result<web::Bytes, actix_web::Error>,
) -> std::result::Result<(), OAuthError> {
    let parameters = Parameters::read(request, body).await?;
    let token =
        parameters.get("logout_token").ok_or_else(|| OAuthError::invalid_request("Check the `logout_token`"))?;
    let source = app.identity_source();
    let provider = app.db.lookup(move |conn| identity::current(conn, source.borrowed())).await?;
    let provider = provider.ok_or_else(|| OAuthError::invalid_request("There is no identity provider"))?;
    let (origin, now) = (app.config.public_url.origin(), app.clock.now());
    let asking = Asking { provider: &provider, cache, http: &app.connections.http, origin, now };
    let logout = asking.logout_token(token).await.map_err(|refusal| {
        log::warn!("back-channel logout by {} refused: {}", provider.name, refusal.reason);
        OAuthError::invalid_request("The logout token is refused; the server's log says why")
    })?;
    let name = provider.name.clone();
    let sessions = app.db.write(move |conn| identity::sign_out(conn, &logout, &name, now)).await?;
    log::info!("back-channel logout by {}: {sessions} sessions", provider.name);
    Ok(())
}
