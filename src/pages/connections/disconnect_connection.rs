//! Disconnecting: gone here at once, then revoked at the provider where that can be done.

use actix_web::{HttpResponse, web};
use askama::Template;
use diesel::QueryResult;

use crate::account::revoked_error;
use crate::activity::{Detail, Kind, NewActivity};
use crate::connections::{Connection, OAuthClient, ServiceKey, provider_revocation, state};
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::ConnectionKey;
use crate::pages::connections::{HOME, path};
use crate::time::{DisplayTime, thousands};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "connections/disconnect.html")]
struct Disconnect {
    page: Page,
    name: String,
    back: String,
    account: String,
    keys: String,
    last_used: DisplayTime,
}

/// What was found of a connection, or how the connection went: one that was disconnected says by whom and when.
pub(crate) fn or_gone<T>(found: QueryResult<T>, conn: &mut DbConnection, id: ConnectionKey) -> Result<T> {
    match found.map_err(Error::from) {
        Err(Error::NotFound) => Err(revoked_error(conn, &[Kind::ConnectionDisconnected], "connection", id.0)?),
        found => found,
    }
}

/// The connection, and who can call through it. Errors: as [`or_gone`].
pub(crate) fn with_keys(conn: &mut DbConnection, id: ConnectionKey) -> Result<(Connection, Vec<ServiceKey>)> {
    let connection = or_gone(Connection::find(conn, id), conn, id)?;
    Ok((connection, ServiceKey::of_connection(conn, id)?))
}

/// `GET /settings/connections/{connection}/disconnect`
pub async fn disconnect_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
) -> Result<HttpResponse> {
    let id = *id;
    let (connection, keys) = app.db.read(move |conn| with_keys(conn, id)).await?;
    html(Disconnect {
        page: context
            .page("Disconnect", Section::Connections)
            .breadcrumb(HOME, "Connections")
            .breadcrumb(path(id), &connection.name),
        back: path(id),
        keys: thousands(keys.len() as i64),
        last_used: context.words.ago(connection.last_used_at),
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
    let (id, actor, client_ip, now) = (*id, context.viewer.actor(), context.client_ip.clone(), context.now());
    let ended = app
        .db
        .write(move |conn| {
            let (connection, client) = or_gone(Connection::with_client(conn, id), conn, id)?;
            let keys = ServiceKey::of_connection(conn, id)?.len();
            if !Connection::delete(conn, id)? {
                return Err(Error::NotFound);
            }
            NewActivity::new(Kind::ConnectionDisconnected, actor.clone(), state::subject(&connection))
                .from(&client_ip)
                .with(Detail::note(noted(&connection, &client, keys)))
                .record(conn, now)?;
            Ok((connection, client))
        })
        .await;
    let (connection, client) = match ended {
        Ok(ended) => ended,
        Err(Error::Gone(how)) => return context.redirect(Tone::Info, how, HOME),
        Err(error) => return Err(error),
    };
    let revocation = provider_revocation::revoke(&app.connections, &connection, &client).await;
    let text = format!("{} is disconnected and deleted here. {}", connection.name, revocation.sentence());
    context.redirect(revocation.tone(), text, HOME)
}

fn noted(connection: &Connection, client: &OAuthClient, keys: usize) -> String {
    let account = match connection.account_name.as_str() {
        "" => String::new(),
        name => format!(", account {name}"),
    };
    format!("{}{account}, {}", client.api_type.full_name(), crate::time::count(keys as i64, "service key"))
}
