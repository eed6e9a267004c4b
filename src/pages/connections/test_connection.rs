//! Tests a connection with one API call.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use crate::connections::refresh::{NotReady, ready};
use crate::connections::{Connection, ConnectionEvent, EventKind, OAuthClient, Provider, or_gone};
use crate::error::Result;
use crate::id::ConnectionKey;
use crate::pages::connections::path;
use crate::web::form::ProtectedForm;
use crate::web::page::{RequestContext, Tone};
use crate::web::state::State;

/// `POST /settings/connections/{connection}/test`: makes one read-only API call.
pub async fn test(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let id = *id;
    app.db.read(move |conn| or_gone(Connection::find(conn, id), conn, id)).await?;
    let (tone, message) = match run_test(&app, &context, id).await? {
        Ok(message) => (Tone::Good, message),
        Err(message) => (Tone::Bad, message),
    };
    let (by, noted, now) = (context.viewer.name.clone(), message.clone(), context.now());
    app.db.write(move |conn| Ok(ConnectionEvent::record(conn, id, (EventKind::Tested, &noted), &by, now)?)).await?;
    context.redirect(tone, message, &path(id))
}

type TestResult = std::result::Result<String, String>;

async fn run_test(app: &State, context: &RequestContext, id: ConnectionKey) -> Result<TestResult> {
    let mut refused: Option<Connection> = None;
    loop {
        let (connection, client) = match ready(&app.connections, id, refused.as_ref()).await? {
            Ok(found) => found,
            Err(why) => {
                let what = match refused {
                    Some(_) => "Test failed: the API refuses the access token.",
                    None => "Test not possible.",
                };
                return Ok(Err(format!("{what} {}", sentence(&why, context))));
            }
        };
        match call(app, &connection, &client).await? {
            Ok(StatusCode::UNAUTHORIZED) if refused.is_none() => refused = Some(connection),
            Ok(status) if status.is_success() => {
                return Ok(Ok(format!("Test passed: the API answered {}.", status.as_u16())));
            }
            Ok(status) => return Ok(Err(format!("Test failed: the API answered {status}."))),
            Err(why) => return Ok(Err(why)),
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
        return Ok(Err("No test path is set. Add one to the app credentials.".into()));
    };
    let token = connection.access_token(&app.connections.vault)?;
    let answer = app.connections.http.get_with_token(url.as_str(), token.expose()).await;
    Ok(match answer {
        Ok(answer) => {
            StatusCode::from_u16(answer.status().as_u16()).map_err(|_| "The API sent an invalid answer.".into())
        }
        Err(why) => Err(format!("Test failed: {why}.")),
    })
}

fn sentence(why: &NotReady, context: &RequestContext) -> String {
    match why {
        NotReady::Paused => "The connection is paused. Resume it first.".into(),
        NotReady::NeedsAuthorization(reason) => format!("The connection must be authorized first. {reason}"),
        NotReady::Retrying(cause, until) => {
            format!("Refreshing the tokens failed: {cause} Next retry {}.", context.times.until(*until).text)
        }
        NotReady::JustRefreshed => "The tokens were refreshed seconds ago.".into(),
        NotReady::Busy => "The tokens are being refreshed. Try again in a few seconds.".into(),
    }
}
