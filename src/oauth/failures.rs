//! Records what an endpoint refused a client, for the client's page: in the list of failures, or only as a number.

use actix_web::HttpRequest;

use crate::clients::token_failure::TokenFailure;
use crate::id::ClientKey;
use crate::oauth::client_auth::Refused;
use crate::web::client_ip;
use crate::web::oauth_error::OAuthError;
use crate::web::state::State;

/// Records an error that a client is answered with. `grant_type` is as in [`TokenFailure`].
pub async fn record(app: &State, request: &HttpRequest, client: ClientKey, grant_type: &str, error: &OAuthError) {
    let failure = TokenFailure {
        at: app.clock.now(),
        grant_type: grant_type.into(),
        error: error.code.into(),
        hint: if error.hint.is_empty() { error.description.clone() } else { error.hint.clone() },
        client_ip: client_ip::address(request, &app.config.trusted_proxies),
    };
    app.last_used_buffer.refusal(client, failure.at);
    app.failures.record(&app.db, client, failure).await;
}

/// Counts a client that was refused at an endpoint whose failures are not listed. Returns the error it is answered with.
pub fn count(app: &State, refused: Refused) -> OAuthError {
    if let Some(client) = refused.client {
        app.last_used_buffer.refusal(client, app.clock.now());
    }
    refused.error
}
