//! Acts on one token: revoke it.

use actix_web::web;

use crate::access::named_token::{NamedToken, find};
use crate::api::acts::{Revoke, RevokedAccess};
use crate::api::context::ApiContext;
use crate::api::idempotency::Act;
use crate::api::problem::Answer;
use crate::api::tokens::token_name;
use crate::error::Error;
use crate::web::state::State;

/// Revokes a refresh token with its access tokens, an access token, or an API key. Staff revoke only what they authorized.
#[utoipa::path(
    post, path = "/api/v1/tokens/{token}/revoke", tag = "tokens", request_body = Revoke,
    params(("token" = String, Path, description = "`r12` for a refresh token, `a34` for an access token, `k56` for an API key")),
    responses((status = 200, description = "What was revoked", body = RevokedAccess)),
)]
pub async fn revoke(context: ApiContext, app: web::Data<State>, id: web::Path<String>, act: Act<Revoke>) -> Answer {
    let (name, dry_run, viewer) = (token_name(&id)?, act.value.dry_run, context.viewer.clone());
    let ((actor, client_ip), now) = (context.by(), context.now);
    act.in_one_transaction(&app, &context, 200, move |conn| {
        let found = find(conn, name)?;
        let (owner, is_api_key) = match &found {
            NamedToken::Refresh(_, token, _) => (token.employee_id, false),
            NamedToken::Access(_, token, _) => (token.employee_id, token.is_api_key()),
        };
        if !viewer.may_act_for(owner) {
            return Err(Error::Forbidden("Staff can revoke only tokens they authorized.".into()));
        }
        let done = match dry_run {
            true => found.impact(conn)?.map(|impact| RevokedAccess::tried(&impact.detail)),
            false => found.revoke(conn, None, (&actor, &client_ip), now)?.map(|revoked| RevokedAccess::of(&revoked)),
        };
        Ok(done.unwrap_or_else(|| RevokedAccess::one(is_api_key, dry_run)))
    })
    .await
}
