//! Disconnects a connection: deletes it here, then revokes its tokens at the provider.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::connections::with_keys;
use crate::error::{Error, Result};
use crate::id::ConnectionKey;
use crate::pages::connections::{HOME, path, requester, revocation_message};
use crate::time::{DisplayTime, thousands};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "connections/disconnect_connection.html")]
struct DisconnectConnection {
    page: Page,
    name: String,
    back: String,
    account: String,
    keys: String,
    last_used: DisplayTime,
}

/// `GET /settings/connections/{connection}/disconnect`
pub async fn disconnect_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
) -> Result<HttpResponse> {
    let id = *id;
    let (connection, keys) = app.db.read(move |conn| with_keys(conn, id)).await?;
    html(DisconnectConnection {
        page: context
            .page("Disconnect", Section::Connections)
            .breadcrumb(HOME, "Connections")
            .breadcrumb(path(id), &connection.name),
        back: path(id),
        keys: thousands(keys.len() as i64),
        last_used: context.times.ago(connection.last_used_at),
        account: connection.account_name,
        name: connection.name,
    })
}

/// `POST /settings/connections/{connection}/disconnect`
pub async fn disconnect(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    match app.connections.disconnect(*id, requester(&context)).await {
        Ok((name, revocation)) => {
            let text = format!("{name} is disconnected. {}", revocation_message::message(revocation));
            context.redirect(revocation_message::tone(revocation), text, HOME)
        }
        Err(Error::Gone(how)) => context.redirect(Tone::Info, how, HOME),
        Err(error) => Err(error),
    }
}
