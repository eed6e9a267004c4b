//! Revoking an access token or API key: the confirmation page and the act, under its client or under its refresh token.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::clients::Client;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::error::{Error, Result};
use crate::id::{AccessTokenKey, ClientKey, RefreshTokenKey};
use crate::pages::clients::client_detail::path as client_path;
use crate::pages::tokens::access_token_detail::breadcrumbs;
use crate::pages::tokens::token_facts::TokenFacts;
use crate::pages::tokens::token_lookup::{
    AccessTokenPath, FoundAccessToken, Revocation, find_current_or_ended, own_tokens_only, unless_already_revoked,
};
use crate::pages::tokens::token_paths::{access_token_path, refresh_token_path};
use crate::tokens::{AccessToken, RefreshToken, revocation};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Tone, html};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "tokens/revoke_access_token.html")]
struct RevokeAccessToken {
    page: Page,
    client: String,
    token: TokenFacts,
    type_name: &'static str,
    /// The type within a sentence.
    type_noun: &'static str,
    back: String,
    refresh_token_href: Option<String>,
}

/// `GET …/clients/{client}/access-tokens/{access_token}/revoke`
pub async fn form(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(ClientKey, AccessTokenKey)>,
) -> Result<HttpResponse> {
    let (client, id) = ids.into_inner();
    confirm(context, app, (client, None, id)).await
}

/// `GET …/refresh-tokens/{refresh_token}/access-tokens/{access_token}/revoke`
pub async fn form_via_refresh_token(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(ClientKey, RefreshTokenKey, AccessTokenKey)>,
) -> Result<HttpResponse> {
    let (client, via, id) = ids.into_inner();
    confirm(context, app, (client, Some(via), id)).await
}

async fn confirm(context: RequestContext, app: web::Data<State>, ids: AccessTokenPath) -> Result<HttpResponse> {
    let found = app
        .db
        .read(move |conn| {
            let (client, token) = match find_current_or_ended(conn, ids)? {
                (client, FoundAccessToken::Current(token)) => (client, token),
                (_, FoundAccessToken::Ended(_)) => return Ok(None),
            };
            let employee = Employee::find(conn, token.employee_id)?;
            let via = match ids.1 {
                Some(id) => Some(RefreshToken::find(conn, client.id, id)?),
                None => None,
            };
            Ok(Some((client, token, employee, via)))
        })
        .await?;
    let Some((client, token, employee, via)) = found else {
        let note = "This access token has expired. There is nothing to revoke.";
        return context.redirect(Tone::Info, note, &access_token_path(ids.0, ids.1, ids.2));
    };
    if !context.viewer.may_act_for(token.employee_id) {
        return Err(own_tokens_only());
    }
    let back = access_token_path(client.id, ids.1, token.id);
    let title = format!("Revoke {}", token.type_noun());
    html(RevokeAccessToken {
        page: breadcrumbs(&context, &title, &client, via.as_ref()).breadcrumb(&back, token.mask.to_string()),
        token: TokenFacts::of_access_token(&context, &client, &token, &employee),
        type_name: token.type_name(),
        type_noun: token.type_noun(),
        refresh_token_href: token.refresh_token_id.map(|id| refresh_token_path(client.id, id)),
        client: client.name,
        back,
    })
}

/// `POST …/clients/{client}/access-tokens/{access_token}/revoke`
pub async fn revoke(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(ClientKey, AccessTokenKey)>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let (client, id) = ids.into_inner();
    revoke_access_token(context, app, (client, None, id)).await
}

/// `POST …/refresh-tokens/{refresh_token}/access-tokens/{access_token}/revoke`
pub async fn revoke_via_refresh_token(
    context: RequestContext,
    app: web::Data<State>,
    ids: web::Path<(ClientKey, RefreshTokenKey, AccessTokenKey)>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let (client, via, id) = ids.into_inner();
    revoke_access_token(context, app, (client, Some(via), id)).await
}

async fn revoke_access_token(
    context: RequestContext,
    app: web::Data<State>,
    ids: AccessTokenPath,
) -> Result<HttpResponse> {
    let (viewer, client_ip, now) = (context.viewer.clone(), context.client_ip.clone(), context.now());
    let revocation = app.db.write(move |conn| {
        unless_already_revoked(find_to_revoke(conn, ids).and_then(|(client, token)| {
            if !viewer.may_act_for(token.employee_id) {
                return Err(own_tokens_only());
            }
            revocation::revoke_access_token(conn, (&client, &token), (&viewer.actor(), &client_ip), now)?;
            Ok((client, token))
        }))
    });
    let to = match ids {
        (client, None, _) => client_path(client),
        (client, Some(via), _) => refresh_token_path(client, via),
    };
    match revocation.await? {
        Revocation::Revoked((client, token)) => {
            let text = format!("{} {} of {} revoked.", token.type_name(), token.mask, client.name);
            context.redirect(Tone::Good, text, &to)
        }
        Revocation::AlreadyRevoked(how) => context.redirect(Tone::Info, how, &to),
    }
}

// A token without a row was revoked with its refresh token, or has expired: there is nothing left to revoke.
fn find_to_revoke(conn: &mut DbConnection, ids: AccessTokenPath) -> Result<(Client, AccessToken)> {
    match find_current_or_ended(conn, ids) {
        Ok((client, FoundAccessToken::Current(token))) => Ok((client, token)),
        Ok((_, FoundAccessToken::Ended(_))) => {
            Err(Error::Gone("This access token has expired. There is nothing to revoke.".into()))
        }
        Err(Error::NotFound) if !AccessToken::exists(conn, ids.2)? => {
            Err(Error::Gone("This token was already revoked, or it expired and was deleted.".into()))
        }
        Err(error) => Err(error),
    }
}
