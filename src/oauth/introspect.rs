//! Introspection: RFC 7662 for resource servers, and R-Series' `GET` on which a client reads about its own token.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::access::token_access::Access;
use crate::oauth::client_auth::{Credentials, authenticate, caller};
use crate::oauth::parameters::Parameters;
use crate::resource_servers::ResourceServer;
use crate::time::Timestamp;
use crate::web::bearer;
use crate::web::oauth_error::{OAuthError, no_store};
use crate::web::state::State;

/// `POST /auth/oauth/introspect`: a resource server asks about any token, a client about its own.
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

// Who asks: any token, or only the tokens of one client.
enum Asker {
    ResourceServer,
    Client(Box<crate::clients::Client>),
}

async fn answer(
    app: &State,
    request: &HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<Value, OAuthError> {
    let parameters = Parameters::read(request, body).await?;
    let asker = asker(app, request, &parameters).await?;
    let token = parameters.required("token")?;
    // A client that asks about another's token has not used it.
    let access = match (Access::unused(app, token).await?, asker) {
        (Ok(access), Asker::ResourceServer) => access.used(app).await?,
        (Ok(access), Asker::Client(client)) if client.id == access.client.id => access.used(app).await?,
        _ => return Ok(json!({ "active": false })),
    };
    Ok(access.map_or_else(|_| json!({ "active": false }), |access| about(app, &access)))
}

async fn asker(app: &State, request: &HttpRequest, parameters: &Parameters) -> Result<Asker, OAuthError> {
    let Credentials { id, secret } = Credentials::read(request, parameters)?;
    if let (true, Some(secret)) = (id.starts_with("rs-"), secret) {
        caller(app, request, &id)?;
        let found = app.db.lookup(move |conn| Ok(ResourceServer::authenticate(conn, &id, &secret)?)).await?;
        if let Some(server) = found {
            app.last_used_buffer.resource_server(server.id, app.clock.now());
            return Ok(Asker::ResourceServer);
        }
    }
    let authenticated = authenticate(app, request, parameters).await.map_err(|refused| refused.error)?;
    match authenticated.by_secret {
        true => Ok(Asker::Client(Box::new(authenticated.client))),
        false => Err(OAuthError::invalid_client("Introspection needs a secret")),
    }
}

fn about(app: &State, access: &Access) -> Value {
    let mut about = json!({
        "active": true,
        "scope": access.scope().as_str(),
        "client_id": access.client.client_id,
        "username": access.employee.email,
        "token_type": "Bearer",
        "iat": access.token.created_at.0,
        "sub": access.employee.id.to_string(),
        "aud": access.client.client_id,
        "iss": app.config.public_url.origin(),
        "acct": crate::oauth::resources::ACCOUNT_ID,
        "kind": if access.token.is_api_key() { "api_key" } else { "access_token" },
    });
    // An API key without an end has none to tell.
    if access.token.expires_at < Timestamp::NO_END {
        about["exp"] = json!(access.token.expires_at.0);
    }
    about
}

/// `GET /auth/oauth/introspect` with Bearer, as R-Series has it: what the token itself is good for.
pub async fn introspect_own(request: HttpRequest, app: web::Data<State>) -> HttpResponse {
    match bearer::access(&app, &request).await {
        Ok(access) => no_store(&mut HttpResponse::Ok()).json(about(&app, &access)),
        Err(refusal) => refusal.response(),
    }
}
