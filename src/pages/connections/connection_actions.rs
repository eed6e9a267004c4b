//! What an admin does with a connection: try it, refresh it, pause and resume it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use crate::activity::{Kind, NewActivity};
use crate::connections::refresh::{NotReady, ready};
use crate::connections::{Connection, ConnectionEvent, EventKind, OAuthClient, Provider, state};
use crate::error::Result;
use crate::id::ConnectionKey;
use crate::pages::connections::disconnect_connection::or_gone;
use crate::pages::connections::path;
use crate::web::form::ProtectedForm;
use crate::web::page::{RequestContext, Tone};
use crate::web::state::State;

/// `POST /settings/connections/{connection}/test`: one harmless call through it.
pub async fn test(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let id = *id;
    app.db.read(move |conn| or_gone(Connection::find(conn, id), conn, id)).await?;
    let (tone, words) = match run_test(&app, &context, id).await? {
        Ok(words) => (Tone::Good, words),
        Err(words) => (Tone::Bad, words),
    };
    let (by, noted, now) = (context.viewer.name.clone(), words.clone(), context.now());
    app.db.write(move |conn| Ok(ConnectionEvent::record(conn, id, (EventKind::Tested, &noted), &by, now)?)).await?;
    context.redirect(tone, words, &path(id))
}

type Tried = std::result::Result<String, String>;

async fn run_test(app: &State, context: &RequestContext, id: ConnectionKey) -> Result<Tried> {
    let mut refused: Option<Connection> = None;
    loop {
        let (connection, client) = match ready(&app.connections, id, refused.as_ref()).await? {
            Ok(found) => found,
            Err(why) => {
                let what = match refused {
                    Some(_) => "The test failed: the API refuses its token.",
                    None => "The test could not be made.",
                };
                return Ok(Err(format!("{what} {}", sentence(&why, context))));
            }
        };
        match call(app, &connection, &client).await? {
            Ok(StatusCode::UNAUTHORIZED) if refused.is_none() => refused = Some(connection),
            Ok(status) if status.is_success() => {
                return Ok(Ok(format!("The test worked: the API answered {}.", status.as_u16())));
            }
            Ok(status) => return Ok(Err(format!("The test failed: the API answered {status}."))),
            Err(words) => return Ok(Err(words)),
        }
    }
}

async fn call(
    app: &State,
    connection: &Connection,
    client: &OAuthClient,
) -> Result<std::result::Result<StatusCode, String>> {
    let provider = Provider::of(client, &connection.domain_prefix, &app.config.hosts)?;
    let Some(url) = provider.test_call() else {
        return Ok(Err("There is no call to test with. Give its OAuth 2.0 client a test path.".into()));
    };
    let token = connection.access_token(&app.connections.vault)?;
    let answer = app.connections.http.get_with_token(url.as_str(), token.expose()).await;
    Ok(match answer {
        Ok(answer) => StatusCode::from_u16(answer.status().as_u16()).map_err(|_| "The API answered oddly.".into()),
        Err(why) => Err(format!("The test failed: {why}.")),
    })
}

fn sentence(why: &NotReady, context: &RequestContext) -> String {
    match why {
        NotReady::Paused => "The connection is paused: resume it first.".into(),
        NotReady::NeedsAuthorization(reason) => format!("It has to be authorized first: {reason}"),
        NotReady::Retrying(words, until) => {
            format!(
                "Renewing its tokens does not work: {words} It is tried again {}.",
                context.words.until(*until).text
            )
        }
        NotReady::JustRefreshed => "It was renewed a moment ago.".into(),
        NotReady::Busy => "Its tokens are being renewed. Try again in a moment.".into(),
    }
}

/// `POST /settings/connections/{connection}/refresh`
pub async fn refresh(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let id = *id;
    let before = app.db.read(move |conn| or_gone(Connection::find(conn, id), conn, id)).await?;
    app.connections.refresher.run(id).await;
    let after = app.db.read(move |conn| or_gone(Connection::find(conn, id), conn, id)).await?;
    let (tone, words) = outcome(&before, &after, &context);
    context.redirect(tone, words, &path(id))
}

fn outcome(before: &Connection, after: &Connection, context: &RequestContext) -> (Tone, String) {
    let (now, again) = (context.now(), context.words.until(after.due_at).text);
    match after {
        Connection { needs_authorization_since: Some(_), reason, .. } => {
            (Tone::Bad, format!("It has to be authorized again. {reason}"))
        }
        _ if !after.holds_the_token_of(before) => (Tone::Good, "Its tokens are renewed.".into()),
        _ if !after.can_refresh() => {
            (Tone::Info, "The provider gave no refresh token, so there is nothing to renew it with.".into())
        }
        _ if after.is_in_flight(now) => (Tone::Info, "Its tokens are being renewed already.".into()),
        Connection { failing_since: Some(_), last_error, .. } if after.version != before.version => {
            (Tone::Bad, format!("Renewing did not work: {last_error} It is tried again {again}."))
        }
        _ if after.lease_until > now => {
            (Tone::Info, "It was refreshed a moment ago, so nothing was done. Try again in a few seconds.".into())
        }
        _ => (Tone::Warn, format!("Its provider does not answer at the moment. It is tried again {again}.")),
    }
}

/// `POST /settings/connections/{connection}/pause`
pub async fn pause(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    switch(context, &app, *id, true).await
}

/// `POST /settings/connections/{connection}/resume`
pub async fn resume(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    switch(context, &app, *id, false).await
}

async fn switch(context: RequestContext, app: &State, id: ConnectionKey, pauses: bool) -> Result<HttpResponse> {
    let (viewer, client_ip, now) = (context.viewer.clone(), context.client_ip.clone(), context.now());
    let changed = app
        .db
        .write(move |conn| {
            let connection = or_gone(Connection::find(conn, id), conn, id)?;
            if connection.paused_at.is_some() == pauses {
                return Ok(false);
            }
            let kind = match pauses {
                true => connection.pause(conn, &viewer.name, now).map(|()| Kind::ConnectionPaused)?,
                false => connection.resume(conn, &viewer.name, now).map(|()| Kind::ConnectionResumed)?,
            };
            NewActivity::new(kind, viewer.actor(), state::subject(&connection)).from(&client_ip).record(conn, now)?;
            Ok(true)
        })
        .await?;
    let (tone, words) = match (changed, pauses) {
        (true, true) => (Tone::Good, "It is paused: no call goes through until it is resumed."),
        (true, false) => (Tone::Good, "It is resumed: calls go through again."),
        (false, true) => (Tone::Info, "It was paused already."),
        (false, false) => (Tone::Info, "It was not paused."),
    };
    context.redirect(tone, words, &path(id))
}
