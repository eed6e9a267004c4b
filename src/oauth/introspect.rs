//! Token introspection (RFC 7662) for resource servers and clients; and R-Series' `GET`, where the token is the credential.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::access::token_access::Access;
use crate::account::ACCOUNT_ID;
use crate::oauth::client_auth::{self, Credentials, authenticate};
use crate::oauth::parameters::Parameters;
use crate::resource_servers::ResourceServer;
use crate::time::Timestamp;
use crate::web::bearer;
use crate::web::oauth_error::{OAuthError, no_store};
use crate::web::state::State;

/// `POST /auth/oauth/introspect`: a resource server may validate any token, a client its own.
pub async fn introspect(
    request: HttpRequest,
    app: web::Data<State>,
    body: Result<web::Bytes, actix_web::Error>,
) -> HttpResponse {
    match answer(&app, &request, body).await {
        Ok(answer) => no_store(&mut HttpResponse::Ok()).json(answer),
        Err(error) => error.response(),
    }
}

// Who validates a token: a resource server any token, a client its own.
enum Caller {
    ResourceServer,
    Client(Box<crate::clients::Client>),
}

async fn answer(
    app: &State,
    request: &HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<Value, OAuthError> {
    let parameters = Parameters::read(request, body).await?;
    let caller = caller(app, request, &parameters).await?;
    let token = parameters.required("token")?;
    // Do not record a use when a client validates the token of another client.
    let checks = bearer::token_checks(app);
    let access = match (checks.check(token).await?, caller) {
        (Ok(access), Caller::ResourceServer) => checks.record_use(access).await?,
        (Ok(access), Caller::Client(client)) if client.id == access.client.id => checks.record_use(access).await?,
        _ => return Ok(json!({ "active": false })),
    };
    Ok(access.map_or_else(|_| json!({ "active": false }), |access| description(app, &access)))
}

async fn caller(app: &State, request: &HttpRequest, parameters: &Parameters) -> Result<Caller, OAuthError> {
    let Credentials { id, secret } = client_auth::credentials(request, parameters)?;
    if let (true, Some(secret)) = (id.starts_with("rs-"), secret) {
        client_auth::limit_attempts(app, request, &id)?;
        let found = app.db.lookup(move |conn| Ok(ResourceServer::authenticate(conn, &id, &secret)?)).await?;
        if let Some(server) = found {
            app.last_used_buffer.resource_server(server.id, app.clock.now());
            return Ok(Caller::ResourceServer);
        }
    }
    let authenticated = authenticate(app, request, parameters).await.map_err(|refused| refused.error)?;
    match authenticated.by_secret {
        true => Ok(Caller::Client(Box::new(authenticated.client))),
        false => Err(OAuthError::invalid_client("Send the client's secret: introspection requires it")),
    }
}

fn description(app: &State, access: &Access) -> Value {
    let mut description = json!({
        "active": true,
        "scope": access.scope().as_str(),
        "client_id": access.client.client_id,
        "username": access.employee.email,
        "token_type": "Bearer",
        "iat": access.token.created_at.0,
        "sub": access.employee.id.to_string(),
        "aud": access.client.client_id,
        "iss": app.config.public_url.origin(),
        "acct": ACCOUNT_ID,
        "kind": if access.token.is_api_key() { "api_key" } else { "access_token" },
    });
    // API keys may have no expiration.
    if access.token.expires_at < Timestamp::NO_END {
        description["exp"] = json!(access.token.expires_at.0);
    }
    description
}

/// `GET /auth/oauth/introspect` with Bearer, as R-Series has it: describes the token that was sent.
pub async fn introspect_own(request: HttpRequest, app: web::Data<State>) -> HttpResponse {
    match bearer::access(&app, &request).await {
        Ok(access) => no_store(&mut HttpResponse::Ok()).json(description(&app, &access)),
        Err(refusal) => refusal.response(),
    }
}
