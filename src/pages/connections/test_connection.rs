//! Tests a connection with one API call.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use crate::connections::challenge::says_invalid_token;
use crate::connections::ready::{NotReady, Refused, ready};
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
    let mut refused: Option<(Connection, bool)> = None;
    loop {
        let refusal = refused.as_ref();
        let refusal =
            refusal.map(|(connection, is_invalid_token)| Refused { connection, is_invalid_token: *is_invalid_token });
        let (connection, client) = match ready(&app.connections, id, refusal).await? {
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
            Ok((StatusCode::UNAUTHORIZED, is_invalid_token)) if refused.is_none() => {
                refused = Some((connection, is_invalid_token));
            }
            Ok((status, _)) if status.is_success() => {
                return Ok(Ok(format!("Test passed: the API answered {}.", status.as_u16())));
            }
            Ok((status, _)) => return Ok(Err(format!("Test failed: the API answered {status}."))),
            Err(why) => return Ok(Err(why)),
        }
    }
}

// The status, and whether the API says that the token is invalid.
async fn call(
    app: &State,
    connection: &Connection,
    client: &OAuthClient,
) -> Result<std::result::Result<(StatusCode, bool), String>> {
    let provider = Provider::of(client, &connection.domain_prefix, &app.config.hosts)?;
    let Some(url) = provider.test_call() else {
        return Ok(Err("No test path is set. Add one to the app credentials.".into()));
    };
    let token = connection.access_token(&app.connections.vault)?;
    let answer = app.connections.http.get_with_token(url.as_str(), token.expose()).await;
    Ok(match answer {
        Ok(answer) => {
            let status = StatusCode::from_u16(answer.status().as_u16());
            let is_invalid_token = says_invalid_token(answer.headers());
            status.map(|status| (status, is_invalid_token)).map_err(|_| "The API sent an invalid answer.".into())
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
