//! The token endpoint (RFC 6749 section 3.2), with R-Series' response of four members; and `scope`, if less was granted
//! than requested.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::id::ClientKey;
use crate::oauth::client_auth::authenticate;
use crate::oauth::failures;
use crate::oauth::grants::{Issued, Outcome, authorization_code, refresh_token};
use crate::oauth::parameters::Parameters;
use crate::scopes::Scope;
use crate::web::client_ip;
use crate::web::oauth_error::{OAuthError, no_store};
use crate::web::state::State;

#[derive(Serialize)]
struct TokenResponse<'a> {
    token_type: &'static str,
    expires_in: i64,
    access_token: &'a str,
    refresh_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
}

/// `POST /auth/oauth/token`
pub async fn token(
    request: HttpRequest,
    app: web::Data<State>,
    body: Result<web::Bytes, actix_web::Error>,
) -> HttpResponse {
    let parameters = match Parameters::read(&request, body).await {
        Ok(parameters) => parameters,
        Err(error) => return error.response(),
    };
    let (client, outcome) = issue(&app, &request, &parameters).await;
    match outcome {
        Ok(issued) => success(&issued),
        Err(error) => {
            if let Some(client) = client {
                failures::record(&app, &request, client, grant_type(&parameters), &error).await;
            }
            error.response()
        }
    }
}

async fn issue(app: &web::Data<State>, request: &HttpRequest, parameters: &Parameters) -> (Option<ClientKey>, Outcome) {
    let client = match authenticate(app, request, parameters).await {
        Ok(authenticated) => authenticated.client,
        Err(refused) => return (refused.client, Err(refused.error)),
    };
    let (id, client_ip) = (client.id, client_ip::address(request, &app.config.trusted_proxies));
    let outcome = match parameters.required("grant_type") {
        Err(error) => Err(error),
        Ok("authorization_code") => authorization_code::grant(app, client, parameters, client_ip).await,
        Ok("refresh_token") => {
            let refreshed = refresh_token::grant(app, client, parameters, client_ip).await;
            if refreshed.is_ok() {
                app.last_used_buffer.refresh(id, app.clock.now());
            }
            refreshed
        }
        Ok(_) => Err(OAuthError::unsupported_grant_type()),
    };
    (Some(id), outcome)
}

fn success(Issued { pair, scope }: &Issued) -> HttpResponse {
    no_store(&mut HttpResponse::Ok()).json(TokenResponse {
        token_type: "Bearer",
        expires_in: pair.expires_in,
        access_token: pair.access_token.expose(),
        refresh_token: pair.refresh_token.expose(),
        scope: scope.as_ref().map(Scope::as_str),
    })
}

// Only a known grant type is recorded: another text comes from whoever sent the request.
fn grant_type(parameters: &Parameters) -> &'static str {
    let known = ["authorization_code", "refresh_token"];
    known.into_iter().find(|known| parameters.get("grant_type") == Some(known)).unwrap_or_default()
}
