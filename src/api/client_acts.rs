//! Acts on a client: approve, suspend, resume, revoke it, or revoke all its tokens.

use actix_web::web;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::activity::Actor;
use crate::api::acts::{Plain, Revoke, RevokedAccess};
use crate::api::clients::ClientDetail;
use crate::api::context::ApiContext;
use crate::api::idempotency::Act;
use crate::api::json::line;
use crate::api::problem::Answer;
use crate::clients::client_state::{self, StateChange};
use crate::clients::{Client, RedirectUri, find_for_update};
use crate::db::DbConnection;
use crate::error::Result;
use crate::id::ClientKey;
use crate::time::Timestamp;
use crate::tokens::revocation::{self, RevocationImpact, Target};
use crate::web::state::State;

/// Why a client is suspended.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Suspend {
    /// The reason, at most 200 characters; may be left out.
    reason: Option<String>,
}

/// A client after an act.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChangedClient {
    /// Whether the act changed anything; false if the client was in that state already.
    changed: bool,
    /// The client now.
    client: ClientDetail,
}

impl ChangedClient {
    fn load(conn: &mut DbConnection, change: &StateChange) -> Result<ChangedClient> {
        let id = change.client.id;
        let (client, redirect_uris) = (Client::find(conn, id)?, RedirectUri::of_client(conn, id)?);
        Ok(ChangedClient { changed: change.changed, client: ClientDetail::of(&client, redirect_uris) })
    }
}

type StateAct = fn(&mut DbConnection, ClientKey, (&Actor, &str), Timestamp) -> Result<StateChange>;

async fn change(context: ApiContext, app: &State, id: ClientKey, act: &Act<Plain>, change: StateAct) -> Answer {
    let ((actor, client_ip), now) = (context.by(), context.now);
    act.in_one_transaction(app, &context, 200, move |conn| {
        let done = change(conn, id, (&actor, &client_ip), now)?;
        ChangedClient::load(conn, &done)
    })
    .await
}

/// Approves a client: employees can then authorize it.
#[utoipa::path(
    post, path = "/api/v1/clients/{client}/approve", tag = "clients", request_body = Plain,
    params(("client" = i64, Path, description = "The client's id")),
    responses((status = 200, description = "The client", body = ChangedClient)),
)]
pub async fn approve(context: ApiContext, app: web::Data<State>, id: web::Path<ClientKey>, act: Act<Plain>) -> Answer {
    change(context, &app, *id, &act, client_state::approve).await
}

/// Resumes a client: its tokens work again.
#[utoipa::path(
    post, path = "/api/v1/clients/{client}/resume", tag = "clients", request_body = Plain,
    params(("client" = i64, Path, description = "The client's id")),
    responses((status = 200, description = "The client", body = ChangedClient)),
)]
pub async fn resume(context: ApiContext, app: web::Data<State>, id: web::Path<ClientKey>, act: Act<Plain>) -> Answer {
    change(context, &app, *id, &act, client_state::resume).await
}

/// Suspends a client: its tokens do not work until it is resumed.
#[utoipa::path(
    post, path = "/api/v1/clients/{client}/suspend", tag = "clients", request_body = Suspend,
    params(("client" = i64, Path, description = "The client's id")),
    responses((status = 200, description = "The client", body = ChangedClient)),
)]
pub async fn suspend(
    context: ApiContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    act: Act<Suspend>,
) -> Answer {
    let reason = match act.value.reason.as_deref() {
        None | Some("") => String::new(),
        Some(reason) => line(reason, "reason", 200)?,
    };
    let (id, (actor, client_ip), now) = (*id, context.by(), context.now);
    act.in_one_transaction(&app, &context, 200, move |conn| {
        let done = client_state::suspend(conn, id, &reason, (&actor, &client_ip), now)?;
        ChangedClient::load(conn, &done)
    })
    .await
}

/// Revokes a client with all its refresh tokens, access tokens and API keys.
#[utoipa::path(
    post, path = "/api/v1/clients/{client}/revoke", tag = "clients", request_body = Revoke,
    params(("client" = i64, Path, description = "The client's id")),
    responses((status = 200, description = "What was revoked", body = RevokedAccess)),
)]
pub async fn revoke(context: ApiContext, app: web::Data<State>, id: web::Path<ClientKey>, act: Act<Revoke>) -> Answer {
    let (id, dry_run, (actor, client_ip), now) = (*id, act.value.dry_run, context.by(), context.now);
    act.in_one_transaction(&app, &context, 200, move |conn| {
        let target = Target::Client(find_for_update(conn, id)?);
        if dry_run {
            return Ok(RevokedAccess::tried(&RevocationImpact::of(conn, &target)?.detail));
        }
        let revoked = revocation::revoke(conn, &target, None, (&actor, &client_ip), now)?;
        Ok(RevokedAccess::of(&revoked))
    })
    .await
}
