//! Disconnecting: gone here at once, then revoked at the provider where that can be done.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::connection::Connection;
use super::oauth_client::OAuthClient;
use super::service_key::ServiceKey;
use super::{HOME, path, transition, upstream};
use crate::activity::{Detail, Kind, NewActivity};
use crate::app::App;
use crate::error::{Error, Result};
use crate::id::ConnectionKey;
use crate::time::{Moment, thousands};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, Section, Tone, Visit, html};

#[derive(Template)]
#[template(path = "connections/disconnect.html")]
struct Disconnect {
    page: Page,
    name: String,
    back: String,
    account: String,
    keys: String,
    last_used: Moment,
}

/// `GET /settings/connections/{connection}/disconnect`
pub async fn disconnect_form(visit: Visit, app: web::Data<App>, id: web::Path<ConnectionKey>) -> Result<HttpResponse> {
    let id = *id;
    let (connection, keys) =
        app.db.read(move |conn| Ok((Connection::find(conn, id)?, ServiceKey::of_connection(conn, id)?))).await?;
    html(Disconnect {
        page: visit
            .page("Disconnect", Section::Connections)
            .below(HOME, "Connections")
            .below(path(id), &connection.name),
        back: path(id),
        keys: thousands(keys.len() as i64),
        last_used: visit.words.ago(connection.last_used_at),
        account: connection.account_name,
        name: connection.name,
    })
}

/// `POST /settings/connections/{connection}/disconnect`
pub async fn disconnect(
    visit: Visit,
    app: web::Data<App>,
    id: web::Path<ConnectionKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, actor, peer, now) = (*id, visit.viewer.actor(), visit.peer.clone(), visit.now());
    let gone = app
        .db
        .write(move |conn| {
            let (connection, client) = Connection::with_client(conn, id)?;
            let keys = ServiceKey::of_connection(conn, id)?.len();
            if !Connection::delete(conn, id)? {
                return Err(Error::NotFound);
            }
            NewActivity::new(Kind::ConnectionDisconnected, actor.clone(), transition::subject(&connection))
                .from(&peer)
                .with(Detail::note(noted(&connection, &client, keys)))
                .record(conn, now)?;
            Ok((connection, client))
        })
        .await;
    let (connection, client) = match gone {
        Ok(gone) => gone,
        Err(Error::NotFound) => return visit.redirect(Tone::Info, "It was disconnected already.", HOME),
        Err(error) => return Err(error),
    };
    let revocation = upstream::revoke(&app, &connection, &client).await;
    let text = format!("{} is disconnected and deleted here. {}", connection.name, revocation.sentence());
    visit.redirect(revocation.tone(), text, HOME)
}

fn noted(connection: &Connection, client: &OAuthClient, keys: usize) -> String {
    let account = match connection.account_name.as_str() {
        "" => String::new(),
        name => format!(", account {name}"),
    };
    format!("{}{account}, {}", client.api_type.full_name(), crate::time::count(keys as i64, "service key"))
}
