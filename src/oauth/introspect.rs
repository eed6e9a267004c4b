//! Token introspection (RFC 7662) for resource servers and clients; and R-Series' `GET`, where the token is the credential.

use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::access::token_access::Access;
use crate::account::ACCOUNT_ID;
use crate::oauth::client_auth::{self, Credentials, authenticate};
use crate::oauth::parameters::Parameters;
use crate::time::Timestamp;
use crate::web::bearer;
use crate::web::oauth_error::{OAuthError, no_store};
use crate::web::state::State;

const INACTIVE: &str = r#"{"active":false}"#;

/// `POST /auth/oauth/introspect`: a resource server may validate any token, a client its own.
pub async fn introspect(
    request: HttpRequest,
    app: web::Data<State>,
    body: Result<web::Bytes, actix_web::Error>,
) -> HttpResponse {
    match answer(&app, &request, body).await {
        Ok(Some(access)) => describe(&app, &access),
        Ok(None) => no_store(&mut HttpResponse::Ok()).content_type(ContentType::json()).body(INACTIVE),
        Err(error) => error.response(),
    }
}

// Nothing for a token that is not active, or that the caller may not see.
async fn answer(
    app: &State,
    request: &HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<Option<Access>, OAuthError> {
    let parameters = Parameters::read(request, body).await?;
    let checks = bearer::token_checks(app);
    if let Some(checked) = for_resource_server(app, request, &parameters).await? {
        parameters.required("token")?;
        return match checked {
            Some(access) => Ok(checks.record_use(access).await?.ok()),
            None => Ok(None),
        };
    }
    let authenticated = authenticate(app, request, &parameters).await.map_err(|refused| refused.error)?;
    if !authenticated.by_secret {
        return Err(OAuthError::invalid_client("Send the client's secret: introspection requires it"));
    }
    match checks.check(parameters.required("token")?).await? {
        // A client learns nothing about the token of another client, and no use is recorded.
        Ok(access) if access.client.id == authenticated.client.id => Ok(checks.record_use(access).await?.ok()),
        _ => Ok(None),
    }
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
struct Description<'a> {
    active: bool,
    scope: &'a str,
    client_id: &'a str,
    username: &'a str,
    token_type: &'static str,
    // API keys may have no expiration.
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    iat: i64,
    sub: String,
    aud: &'a str,
    iss: &'a str,
    acct: &'static str,
    kind: &'static str,
}

fn describe(app: &State, access: &Access) -> HttpResponse {
    let ends = access.token.expires_at;
    no_store(&mut HttpResponse::Ok()).json(Description {
        active: true,
        scope: access.scope().as_str(),
        client_id: &access.client.client_id,
        username: &access.employee.email,
        token_type: "Bearer",
        exp: (ends < Timestamp::NO_END).then_some(ends.0),
        iat: access.token.created_at.0,
        sub: access.employee.id.to_string(),
        aud: &access.client.client_id,
        iss: app.config.public_url.origin(),
        acct: ACCOUNT_ID,
        kind: if access.token.is_api_key() { "api_key" } else { "access_token" },
    })
}

/// `GET /auth/oauth/introspect` with Bearer, as R-Series has it: describes the token that was sent.
pub async fn introspect_own(request: HttpRequest, app: web::Data<State>) -> HttpResponse {
    match bearer::access(&app, &request).await {
        Ok(access) => describe(&app, &access),
        Err(refusal) => refusal.response(),
    }
}
