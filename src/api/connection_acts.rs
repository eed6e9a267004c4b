//! Acts on connections: create, test, refresh, pause, resume and disconnect one; and where to authorize it.

use actix_web::web;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::account::Business;
use crate::api::acts::Plain;
use crate::api::connections::ConnectionDetail;
use crate::api::context::ApiContext;
use crate::api::idempotency::Act;
use crate::api::json::{line, time};
use crate::api::problem::{Answer, Failure, Kind, Problem};
use crate::connections::provider_revocation::Revocation;
use crate::connections::state::Pace;
use crate::connections::{ApiType, Connection, ConnectionFields, OAuthClient, or_gone, page_path, parse_domain_prefix};
use crate::error::{Error, Result};
use crate::id::{BusinessKey, ConnectionKey, OAuthClientKey};
use crate::web::state::State;

/// A new connection. It must be authorized before programs can call through it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConnection {
    /// Its name, at most 100 characters.
    name: String,
    /// The id of the app credentials it uses; they decide its API type.
    app_credentials: i64,
    /// The scope to request, separated by spaces.
    scope: String,
    /// The id of a business it belongs to.
    #[serde(default)]
    business: Option<i64>,
    /// X-Series: the retailer's domain prefix.
    #[serde(default)]
    domain_prefix: Option<String>,
}

/// The result of a test.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TestResult {
    /// Whether the API answered with success.
    passed: bool,
    /// What was found, for people.
    message: String,
    /// When the tokens are refreshed next, if that failed.
    #[schema(format = DateTime)]
    next_retry: Option<String>,
}

/// A connection after an attempt to refresh its tokens.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefreshResult {
    /// Whether it has new tokens.
    refreshed: bool,
    /// The connection now; `last_error` and `reason` say what went wrong.
    connection: ConnectionDetail,
}

/// A connection that was deleted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Disconnected {
    /// Its name.
    name: String,
    /// Whether its tokens were revoked at the provider: `no_tokens`, `confirmed`, `unsupported` or `unconfirmed`. With the last two,
    /// also remove the access there.
    provider_revocation: &'static str,
}

/// Where to authorize a connection.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuthorizeAt {
    /// Its page: an admin who is signed in opens it and clicks Authorize. The provider's answer is accepted only from the
    /// browser that began.
    url: String,
}

fn unprocessable(sentence: impl Into<String>) -> Failure {
    Problem::new(Kind::Unprocessable, sentence).into()
}

async fn fields(app: &State, new: &NewConnection) -> std::result::Result<(OAuthClientKey, ConnectionFields), Failure> {
    let (id, business) = (OAuthClientKey(new.app_credentials), new.business.map(BusinessKey));
    let found = app.db.read(move |conn| {
        let known = Business::all(conn)?.into_iter().any(|(one, _)| Some(one.id) == business);
        let client = OAuthClient::all(conn)?.into_iter().map(|(client, _)| client).find(|client| client.id == id);
        Ok((client, known || business.is_none()))
    });
    let (client, is_business) = found.await?;
    let client = client.ok_or_else(|| unprocessable("`app_credentials` do not exist."))?;
    if !is_business {
        return Err(unprocessable("`business` does not exist."));
    }
    let in_words = |error: Error| match error {
        Error::Invalid(why) => unprocessable(why),
        error => error.into(),
    };
    let domain_prefix = match (client.api_type, new.domain_prefix.as_deref().unwrap_or_default()) {
        (ApiType::XSeries, text) => parse_domain_prefix(text).map_err(in_words)?,
        (_, "") => String::new(),
        _ => return Err(unprocessable("`domain_prefix` is for X-Series only.")),
    };
    let scope = client.api_type.checked_scope(&new.scope).map_err(in_words)?;
    Ok((client.id, ConnectionFields { name: line(&new.name, "name", 100)?, business, domain_prefix, scope }))
}

async fn detail(app: &State, id: ConnectionKey) -> Result<ConnectionDetail> {
    app.db.read(move |conn| ConnectionDetail::load(conn, id)).await
}

/// Creates a connection.
#[utoipa::path(
    post, path = "/api/v1/connections", tag = "connections", request_body = NewConnection,
    responses((status = 201, description = "The connection", body = ConnectionDetail)),
)]
pub async fn create(context: ApiContext, app: web::Data<State>, act: Act<NewConnection>) -> Answer {
    let (client, fields) = fields(&app, &act.value).await?;
    let create = async {
        let created = app.connections.create(client, fields, context.requester()).await;
        let connection = created.map_err(|error| match error {
            Error::Invalid(why) => unprocessable(why),
            error => error.into(),
        })?;
        Ok(detail(&app, connection.id).await?)
    };
    act.in_steps(&app, &context, 201, create).await
}

/// Tests a connection with one API call that changes nothing.
#[utoipa::path(
    post, path = "/api/v1/connections/{connection}/test", tag = "connections", request_body = Plain,
    params(("connection" = i64, Path, description = "The connection's id")),
    responses((status = 200, description = "What was found", body = TestResult)),
)]
pub async fn test(context: ApiContext, app: web::Data<State>, id: web::Path<ConnectionKey>, act: Act<Plain>) -> Answer {
    let test = async {
        let outcome = app.connections.test(*id, &context.requester()).await?;
        let next_retry = outcome.next_retry.and_then(time);
        Ok(TestResult { passed: outcome.passed, message: outcome.message, next_retry })
    };
    act.in_steps(&app, &context, 200, test).await
}

/// Refreshes the tokens of a connection.
#[utoipa::path(
    post, path = "/api/v1/connections/{connection}/refresh", tag = "connections", request_body = Plain,
    params(("connection" = i64, Path, description = "The connection's id")),
    responses((status = 200, description = "The connection now", body = RefreshResult)),
)]
pub async fn refresh(
    context: ApiContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    act: Act<Plain>,
) -> Answer {
    let id = *id;
    let read = || app.db.read(move |conn| or_gone(Connection::find(conn, id), conn, id));
    let refresh = async {
        let before = read().await?;
        app.connections.refresher.run(id, Pace::Regular).await;
        let after = read().await?;
        Ok(RefreshResult { refreshed: !after.has_same_token_as(&before), connection: detail(&app, id).await? })
    };
    act.in_steps(&app, &context, 200, refresh).await
}

async fn set_paused(context: ApiContext, app: &State, id: ConnectionKey, act: &Act<Plain>, paused: bool) -> Answer {
    let change = async {
        app.connections.set_paused(id, paused, context.requester()).await?;
        Ok(detail(app, id).await?)
    };
    act.in_steps(app, &context, 200, change).await
}

/// Pauses a connection: calls fail until it is resumed.
#[utoipa::path(
    post, path = "/api/v1/connections/{connection}/pause", tag = "connections", request_body = Plain,
    params(("connection" = i64, Path, description = "The connection's id")),
    responses((status = 200, description = "The connection", body = ConnectionDetail)),
)]
pub async fn pause(
    context: ApiContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    act: Act<Plain>,
) -> Answer {
    set_paused(context, &app, *id, &act, true).await
}

/// Resumes a connection.
#[utoipa::path(
    post, path = "/api/v1/connections/{connection}/resume", tag = "connections", request_body = Plain,
    params(("connection" = i64, Path, description = "The connection's id")),
    responses((status = 200, description = "The connection", body = ConnectionDetail)),
)]
pub async fn resume(
    context: ApiContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    act: Act<Plain>,
) -> Answer {
    set_paused(context, &app, *id, &act, false).await
}

/// Disconnects a connection: deletes it with its service keys, then revokes its tokens at the provider.
#[utoipa::path(
    post, path = "/api/v1/connections/{connection}/disconnect", tag = "connections", request_body = Plain,
    params(("connection" = i64, Path, description = "The connection's id")),
    responses((status = 200, description = "What was deleted", body = Disconnected)),
)]
pub async fn disconnect(
    context: ApiContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    act: Act<Plain>,
) -> Answer {
    let disconnect = async {
        let (name, outcome) = app.connections.disconnect(*id, context.requester()).await?;
        let provider_revocation = match outcome {
            Revocation::NoTokens => "no_tokens",
            Revocation::Confirmed => "confirmed",
            Revocation::Unsupported => "unsupported",
            Revocation::Unconfirmed => "unconfirmed",
        };
        Ok(Disconnected { name, provider_revocation })
    };
    act.in_steps(&app, &context, 200, disconnect).await
}

/// Answers where an admin authorizes the connection at its provider.
#[utoipa::path(
    post, path = "/api/v1/connections/{connection}/authorize", tag = "connections", request_body = Plain,
    params(("connection" = i64, Path, description = "The connection's id")),
    responses((status = 200, description = "The page to open", body = AuthorizeAt)),
)]
pub async fn authorize(
    context: ApiContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    act: Act<Plain>,
) -> Answer {
    let (id, origin) = (*id, app.config.public_url.origin().to_string());
    act.in_one_transaction(&app, &context, 200, move |conn| {
        let connection = or_gone(Connection::find(conn, id), conn, id)?;
        Ok(AuthorizeAt { url: format!("{origin}{}", page_path(connection.id)) })
    })
    .await
}
