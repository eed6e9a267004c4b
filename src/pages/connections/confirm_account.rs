//! When new tokens are for another account than the one a connection has led to: a person says which it is to be.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use askama::Template;
use oauth2::TokenResponse;

use crate::connections::{
    Connection, ConnectionEvent, ConnectionRequest, EventKind, Provider, TokenReply, provider_revocation,
    remote_account,
};
use crate::error::{Error, Result};
use crate::id::ConnectionKey;
use crate::pages::connections::authorize_connection::{Back, keep};
use crate::pages::connections::{HOME, path};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "connections/account.html")]
struct ChangeOfAccount {
    page: Page,
    name: String,
    back: String,
    present: String,
    new: Option<String>,
    why: String,
}

// What waits in this browser, with its tokens.
async fn held(app: &State, context: &RequestContext, id: ConnectionKey) -> Result<(Back, Arc<TokenReply>)> {
    let (session, now) = (context.session_key, context.now());
    let (found, connection, client) = app
        .db
        .read(move |conn| {
            let (connection, client) = Connection::with_client(conn, id)?;
            Ok((ConnectionRequest::holding(conn, (id, session), now)?, connection, client))
        })
        .await?;
    let revoked_error =
        || Error::Gone("Nothing waits here any more: it was answered, or ten minutes have passed.".into());
    let request = found.ok_or_else(revoked_error)?;
    let reply = Arc::new(request.held(&app.connections.vault)?);
    let provider = Provider::of(&client, &connection.domain_prefix, &app.config.hosts)?;
    Ok((Back { request, connection, client, provider }, reply))
}

/// `GET /settings/connections/{connection}/account`
pub async fn account_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
) -> Result<HttpResponse> {
    let (back, reply) = held(&app, &context, *id).await?;
    let seen = remote_account::see(&app.connections.http, &back.provider, reply.access_token().secret()).await;
    let (new, why) = match seen {
        Ok(account) => (Some(account.name), String::new()),
        Err(why) => (None, why),
    };
    html(ChangeOfAccount {
        page: context
            .page("Another account", Section::Connections)
            .breadcrumb(HOME, "Connections")
            .breadcrumb(path(*id), &back.connection.name),
        back: path(*id),
        present: back.connection.account_name,
        name: back.connection.name,
        new,
        why,
    })
}

/// `POST /settings/connections/{connection}/account`
pub async fn account(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (back, reply) = held(&app, &context, *id).await?;
    match form.get("account") {
        "new" => {
            let seen = remote_account::see(&app.connections.http, &back.provider, reply.access_token().secret()).await;
            keep(&app, &context, &back, &reply, seen.unwrap_or_default()).await?;
            context.redirect(Tone::Good, format!("{} is connected.", back.connection.name), &path(*id))
        }
        "present" => discard(&app, &context, &back, &reply).await,
        _ => Err(Error::Invalid("Choose one of the two buttons.".into())),
    }
}

async fn discard(app: &State, context: &RequestContext, back: &Back, reply: &TokenReply) -> Result<HttpResponse> {
    let (request, id, by, now) = (back.request.id, back.connection.id, context.viewer.name.clone(), context.now());
    app.db
        .write(move |conn| {
            if ConnectionRequest::release(conn, request)? {
                let words = "The new tokens were for another account, and were not kept.";
                ConnectionEvent::record(conn, id, (EventKind::NotAuthorized, words), &by, now)?;
            }
            Ok(())
        })
        .await?;
    let token = reply.refresh_token().map_or(reply.access_token().secret(), |token| token.secret());
    let revocation = provider_revocation::revoke_token(&app.connections, &back.provider, &back.client, token).await?;
    let text = format!("Nothing was changed; the new tokens are dropped. {}", revocation.sentence());
    context.redirect(revocation.tone(), text, &path(id))
}
