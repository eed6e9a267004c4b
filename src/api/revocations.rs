//! `/api/v1/revocations`: bulk revocation of refresh tokens and API keys, by ids, by a filter of the inventory, or all of a
//! client. It begins with a count; what is revoked is never more than was counted.

use actix_web::web;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::bulk_revocation::{
    BulkRevocation, BulkState, Selection, TokenId, begin, confirm as confirm_counted, prepare, stop as ask_to_stop,
};
use crate::access::named_token::TokenName;
use crate::api::acts::Plain;
use crate::api::context::ApiContext;
use crate::api::idempotency::Act;
use crate::api::inventory::InventoryFilterQuery;
use crate::api::json::{ok, some, time};
use crate::api::problem::{Answer, Failure, Kind, Problem};
use crate::clients::find_for_update;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::{BulkRevocationKey, ClientKey};
use crate::web::request_context::Viewer;
use crate::web::state::State;

/// What to revoke: exactly one of `tokens`, `filter` and `client`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRevocation {
    /// Whether to count only. It can be confirmed within an hour.
    dry_run: bool,
    /// Ids of refresh tokens and API keys, at most 200.
    #[serde(default)]
    tokens: Option<Vec<String>>,
    /// Everything that matches these filters of the inventory; at least one of them.
    #[serde(default)]
    filter: Option<InventoryFilterQuery>,
    /// All refresh tokens and API keys of the client with this id.
    #[serde(default)]
    client: Option<i64>,
}

/// The confirmation of a dry run.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// The number in `matched`.
    count: i64,
}

/// A bulk revocation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Revocation {
    /// Its id in paths.
    id: i64,
    /// `counting`, `counted` (confirm it), `revoking`, `deleting` (all access has ended) or `finished`.
    state: &'static str,
    /// What it covers, in words.
    selection: String,
    /// The time that its filter is judged by.
    #[schema(format = DateTime)]
    judged_at: Option<String>,
    /// How many refresh tokens and API keys match, of those looked at so far.
    matched: i64,
    /// How many of them are refresh tokens.
    refresh_tokens: i64,
    /// How many of them are API keys.
    api_keys: i64,
    /// How many refresh tokens were revoked.
    revoked_refresh_tokens: i64,
    /// How many API keys were revoked.
    revoked_api_keys: i64,
    /// Matching tokens that were created after the count, and kept; counting stops at 1,001.
    newer: i64,
    /// Why it ended before all that matched was revoked.
    ended_early: Option<String>,
    /// When all access had ended.
    #[schema(format = DateTime)]
    access_ended_at: Option<String>,
}

impl Revocation {
    fn of(bulk: &BulkRevocation) -> Result<Revocation> {
        let tally = bulk.tally();
        Ok(Revocation {
            id: bulk.id.0,
            state: bulk.state.word(),
            selection: bulk.selection()?.in_words(),
            judged_at: time(bulk.judged_at),
            matched: bulk.matched,
            refresh_tokens: tally.refresh_tokens,
            api_keys: tally.api_keys,
            revoked_refresh_tokens: bulk.revoked_refresh_tokens,
            revoked_api_keys: bulk.revoked_api_keys,
            newer: tally.newer,
            ended_early: some(&bulk.ended_early),
            access_ended_at: bulk.access_ended_at.and_then(time),
        })
    }
}

fn chosen(tokens: &[String]) -> std::result::Result<Vec<TokenId>, Problem> {
    let mut ids = Vec::new();
    for text in tokens {
        let id = match TokenName::parse(text) {
            Some(TokenName::RefreshToken(id)) => TokenId::RefreshToken(id.0),
            Some(TokenName::ApiKey(id)) => TokenId::ApiKey(id.0),
            _ => {
                return Err(Problem::new(
                    Kind::Unprocessable,
                    format!("“{text}” is not the id of a refresh token or API key."),
                ));
            }
        };
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    match ids.len() {
        1..=Selection::MOST => Ok(ids),
        _ => Err(Problem::new(Kind::Unprocessable, format!("`tokens` has 1 to {} ids.", Selection::MOST))),
    }
}

impl NewRevocation {
    // The selection; of a client, it is completed when the client is read.
    fn selection(&self, viewer: &Viewer) -> std::result::Result<Selection, Failure> {
        let only = (!viewer.is_manager()).then_some(viewer.id);
        match (&self.tokens, &self.filter, self.client) {
            (Some(tokens), None, None) => Ok(Selection { chosen: chosen(tokens)?, only, ..Selection::default() }),
            (None, Some(filter), None) => Ok(Selection { filter: filter.filter()?, only, ..Selection::default() }),
            (None, None, Some(_)) if only.is_some() => {
                Err(Error::Forbidden("Only store managers and admins can revoke all tokens of a client.".into()).into())
            }
            (None, None, Some(_)) => Ok(Selection::default()),
            _ => Err(Problem::new(Kind::Unprocessable, "Send exactly one of `tokens`, `filter` and `client`.").into()),
        }
    }
}

/// Counts what matches and, unless it is a dry run, revokes it.
#[utoipa::path(
    post, path = "/api/v1/revocations", tag = "tokens", request_body = NewRevocation,
    responses((status = 201, description = "The bulk revocation", body = Revocation)),
)]
pub async fn create(context: ApiContext, app: web::Data<State>, act: Act<NewRevocation>) -> Answer {
    let (selection, client) = (act.value.selection(&context.viewer)?, act.value.client.map(ClientKey));
    let (dry_run, viewer, now) = (act.value.dry_run, context.viewer.clone(), context.now);
    let (actor, client_ip) = context.by();
    let selected = move |conn: &mut DbConnection| -> Result<Selection> {
        match client {
            Some(id) => Ok(Selection::of_client(&find_for_update(conn, id)?)),
            None => Ok(selection.clone()),
        }
    };
    // The count takes long, so no writer waits for it. If it fails, the transaction says why, unless this is a repeat.
    let of_read = selected.clone();
    let counting = app.db.read(move |conn| {
        let selection = of_read(conn)?;
        prepare(conn, &selection, now)
    });
    let counted = counting.await.ok();
    act.in_one_transaction(&app, &context, 201, move |conn| {
        let selection = selected(conn)?;
        let counted = match &counted {
            Some(counted) => counted.clone(),
            None => prepare(conn, &selection, now)?,
        };
        let id = begin(conn, &selection, &counted, ((viewer.id, &actor), &client_ip), now)?;
        let bulk = BulkRevocation::find(conn, id)?;
        if dry_run {
            return Revocation::of(&bulk);
        }
        if bulk.state != BulkState::Counted {
            let why = "There are too many to count at once. Send `dry_run` true, wait until `state` is `counted`, and confirm.";
            return Err(Error::Conflict(why.into()));
        }
        confirm_counted(conn, &bulk, now)?;
        Revocation::of(&BulkRevocation::find(conn, id)?)
    })
    .await
}

fn require_visible(viewer: &Viewer, bulk: &BulkRevocation) -> Result<()> {
    match viewer.may_act_for(bulk.actor_id) {
        true => Ok(()),
        false => Err(Error::Forbidden("Only store managers and admins see what others revoke.".into())),
    }
}

/// Shows a bulk revocation and how far it is.
#[utoipa::path(
    get, path = "/api/v1/revocations/{revocation}", tag = "tokens",
    params(("revocation" = i64, Path, description = "The id of the bulk revocation")),
    responses((status = 200, description = "The bulk revocation", body = Revocation)),
)]
pub async fn show(context: ApiContext, app: web::Data<State>, id: web::Path<BulkRevocationKey>) -> Answer {
    let id = *id;
    let bulk = app.db.read(move |conn| Ok(BulkRevocation::find(conn, id)?)).await?;
    require_visible(&context.viewer, &bulk)?;
    ok(&Revocation::of(&bulk)?)
}

/// Confirms a dry run of one's own: from now on its tokens are revoked.
#[utoipa::path(
    post, path = "/api/v1/revocations/{revocation}/confirm", tag = "tokens", request_body = Confirmation,
    params(("revocation" = i64, Path, description = "The id of the bulk revocation")),
    responses((status = 200, description = "The bulk revocation", body = Revocation)),
)]
pub async fn confirm(
    context: ApiContext,
    app: web::Data<State>,
    id: web::Path<BulkRevocationKey>,
    act: Act<Confirmation>,
) -> Answer {
    let (id, count, viewer, now) = (*id, act.value.count, context.viewer.clone(), context.now);
    act.in_one_transaction(&app, &context, 200, move |conn| {
        let bulk = BulkRevocation::find(conn, id)?;
        let is_own = bulk.selection()?.only == Some(viewer.id);
        if viewer.id != bulk.actor_id || !(viewer.is_manager() || is_own) {
            let why = "Only the person who counted these tokens can revoke them. Count them yourself.";
            return Err(Error::Forbidden(why.into()));
        }
        if bulk.state == BulkState::Counted && bulk.matched != count {
            return Err(Error::Conflict(format!("{} match, not {count}. Nothing was revoked.", bulk.matched)));
        }
        confirm_counted(conn, &bulk, now)?;
        Revocation::of(&BulkRevocation::find(conn, id)?)
    })
    .await
}

/// Stops a bulk revocation: no further token is revoked. What was revoked stays revoked.
#[utoipa::path(
    post, path = "/api/v1/revocations/{revocation}/stop", tag = "tokens", request_body = Plain,
    params(("revocation" = i64, Path, description = "The id of the bulk revocation")),
    responses((status = 200, description = "The bulk revocation", body = Revocation)),
)]
pub async fn stop(
    context: ApiContext,
    app: web::Data<State>,
    id: web::Path<BulkRevocationKey>,
    act: Act<Plain>,
) -> Answer {
    let (id, viewer, actor, now) = (*id, context.viewer.clone(), context.actor.clone(), context.now);
    act.in_one_transaction(&app, &context, 200, move |conn| {
        require_visible(&viewer, &BulkRevocation::find(conn, id)?)?;
        ask_to_stop(conn, id, &actor, now)?;
        Revocation::of(&BulkRevocation::find(conn, id)?)
    })
    .await
}
