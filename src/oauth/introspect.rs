//! Token introspection (RFC 7662) for resource servers and clients; and R-Series' `GET`, where the token is the credential.

use std::net::IpAddr;

use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::access::token_access::Access;
use crate::account::ACCOUNT_ID;
use crate::clients::Client;
use crate::oauth::client_auth::{self, Credentials, authenticate};
use crate::oauth::failures;
use crate::oauth::parameters::Parameters;
use crate::secrets::{PlainToken, TokenKind};
use crate::time::Timestamp;
use crate::tokens::ValidRefreshToken;
use crate::web::bearer;
use crate::web::client_ip;
use crate::web::oauth_error::{OAuthError, no_store};
use crate::web::observe::RefusedFor;
use crate::web::state::State;

const INACTIVE: &str = r#"{"active":false}"#;

/// `POST /auth/oauth/introspect`: a resource server may validate any access token or API key, a client its own tokens.
pub async fn introspect(
    request: HttpRequest,
    app: web::Data<State>,
    body: Result<web::Bytes, actix_web::Error>,
) -> HttpResponse {
    match answer(&app, &request, body).await {
        Ok(Some(description)) => description.response(),
        Ok(None) => {
            let mut inactive = HttpResponse::Ok();
            inactive.extensions_mut().insert(RefusedFor("inactive"));
            no_store(&mut inactive).content_type(ContentType::json()).body(INACTIVE)
        }
        Err(error) => error.response(),
    }
}

// Nothing for a token that is not active, or that the caller may not see.
async fn answer(
    app: &State,
    request: &HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<Option<Description>, OAuthError> {
    let parameters = Parameters::read(request, body).await?;
    if let Some(checked) = for_resource_server(app, request, &parameters).await? {
        parameters.required("token")?;
        // A refresh token is never active here: a resource server that does not look at `kind` would accept it.
        return match checked {
            Some(access) => used(app, access, caller(app, request, &parameters)).await,
            None => Ok(None),
        };
    }
    let authenticated = authenticate(app, request, &parameters).await;
    let authenticated = authenticated.map_err(|refused| failures::count(app, refused))?;
    if !authenticated.by_secret {
        return Err(OAuthError::invalid_client("Send the client's secret: introspection requires it"));
    }
    let (client, token) = (authenticated.client, parameters.required("token")?);
    match PlainToken::parse(token) {
        Ok(value) if value.kind() == TokenKind::RefreshToken => refresh_token(app, client, value).await,
        _ => match bearer::token_checks(app).check(token).await? {
            // A client learns nothing about the token of another client, and no use is recorded.
            Ok(access) if access.client.id == client.id => {
                used(app, access, client_ip::of(request, &app.config.trusted_proxies)).await
            }
            Err(refused) if refused.client == Some(client.id) => {
                bearer::token_checks(app).record_refusal(refused);
                Ok(None)
            }
            _ => Ok(None),
        },
    }
}

// Who sent the token to the resource server, if it says so (RFC 7662 section 2.1 leaves room for that); otherwise whoever
// asks. Only an authenticated resource server is believed.
fn caller(app: &State, request: &HttpRequest, parameters: &Parameters) -> Option<IpAddr> {
    let named = parameters.get("client_ip").and_then(|text| text.trim().parse::<IpAddr>().ok());
    named.map(|ip| ip.to_canonical()).or_else(|| client_ip::of(request, &app.config.trusted_proxies))
}

async fn used(app: &State, access: Access, from: Option<IpAddr>) -> Result<Option<Description>, OAuthError> {
    let used = bearer::token_checks(app).record_use(access, from).await?;
    Ok(used.ok().map(|access| Description::of(app, &access)))
}

// A client that asks about its refresh token does not use it.
async fn refresh_token(app: &State, client: Client, value: PlainToken) -> Result<Option<Description>, OAuthError> {
    let (client_id, now) = (client.client_id.clone(), app.clock.now());
    let found = app.db.lookup(move |conn| Ok(ValidRefreshToken::find(conn, &client, &value, now)?)).await?;
    Ok(found.map(|token| Description::of_refresh_token(app, client_id, token)))
}

// The answer for a resource server; `None` if the caller is not one, or its secret is wrong.
async fn for_resource_server(
    app: &State,
    request: &HttpRequest,
    parameters: &Parameters,
) -> Result<Option<Option<Access>>, OAuthError> {
    let Credentials { id, secret } = client_auth::credentials(request, parameters)?;
    let (true, Some(secret)) = (id.starts_with("rs-"), secret) else {
        return Ok(None);
    };
    client_auth::limit_attempts(app, request, &id)?;
    let token = parameters.get("token").unwrap_or_default();
    let Some((server, checked)) = bearer::token_checks(app).check_for((&id, &secret), token).await? else {
        return Ok(None);
    };
    app.last_used_buffer.resource_server(server, app.clock.now());
    Ok(Some(checked))
}

// RFC 7662 section 2.2.
#[derive(Serialize)]
struct Description {
    active: bool,
    scope: String,
    client_id: String,
    username: String,
    // A refresh token has none: nobody may accept it as an access token.
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    // API keys may have no expiration.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    iat: i64,
    sub: String,
    aud: String,
    iss: String,
    acct: &'static str,
    kind: &'static str,
}

impl Description {
    fn of(app: &State, access: &Access) -> Description {
        let ends = access.token.expires_at;
        Description {
            active: true,
            scope: access.scope().as_str().into(),
            client_id: access.client.client_id.clone(),
            username: access.employee.email.clone(),
            token_type: Some("Bearer"),
            exp: (ends < Timestamp::NO_END).then_some(ends.0),
            iat: access.token.created_at.0,
            sub: access.employee.id.to_string(),
            aud: access.client.client_id.clone(),
            iss: app.config.public_url.origin().into(),
            acct: ACCOUNT_ID,
            kind: if access.token.is_api_key() { "api_key" } else { "access_token" },
        }
    }

    fn of_refresh_token(app: &State, client_id: String, token: ValidRefreshToken) -> Description {
        Description {
            active: true,
            scope: token.scope.as_str().into(),
            client_id: client_id.clone(),
            username: token.email,
            token_type: None,
            exp: Some(token.expires_at.0),
            iat: token.issued_at.0,
            sub: token.employee.to_string(),
            aud: client_id,
            iss: app.config.public_url.origin().into(),
            acct: ACCOUNT_ID,
            kind: "refresh_token",
        }
    }

    fn response(&self) -> HttpResponse {
        no_store(&mut HttpResponse::Ok()).json(self)
    }
}

/// `GET /auth/oauth/introspect` with Bearer, as R-Series has it: describes the token that was sent.
pub async fn introspect_own(request: HttpRequest, app: web::Data<State>) -> HttpResponse {
    match bearer::access(&app, &request).await {
        Ok(access) => Description::of(&app, &access).response(),
        Err(refusal) => refusal.response(),
    }
}
