//! Tests a connection with one API call.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use crate::connections::challenge::says_invalid_token;
use crate::connections::ready::{NotReady, Refused, ready};
use crate::connections::remote_account::{RemoteAccount, Unnamed};
use crate::connections::{Connection, ConnectionEvent, EventKind, OAuthClient, Provider, or_gone, remote_account};
use crate::error::Result;
use crate::id::ConnectionKey;
use crate::pages::connections::path;
use crate::text::capitalized;
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
    let (tone, message, account) = match run_test(&app, &context, id).await? {
        Ok((message, account)) => (Tone::Good, message, account),
        Err(message) => (Tone::Bad, message, None),
    };
    let (by, noted, now) = (context.viewer.name.clone(), message.clone(), context.now());
    app.db
        .write(move |conn| {
            if let Some(account) = &account {
                Connection::set_account(conn, id, account)?;
            }
            Ok(ConnectionEvent::record(conn, id, (EventKind::Tested, &noted), &by, now)?)
        })
        .await?;
    context.redirect(tone, message, &path(id))
}

// What the test found, and the account if it was not known before; or why it failed.
type TestResult = std::result::Result<(String, Option<RemoteAccount>), String>;

struct Answer {
    status: StatusCode,
    is_invalid_token: bool,
    account: std::result::Result<RemoteAccount, Unnamed>,
}

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
            Ok(Answer { status: StatusCode::UNAUTHORIZED, is_invalid_token, .. }) if refused.is_none() => {
                refused = Some((connection, is_invalid_token));
            }
            Ok(answer) if answer.status.is_success() => return Ok(Ok(passed(answer, &connection, &client))),
            Ok(Answer { status, .. }) => return Ok(Err(format!("Test failed: the API answered {status}."))),
            Err(why) => return Ok(Err(why)),
        }
    }
}

// The account of the answer counts if none is known, or if an admin has chosen another member to name it.
fn passed(answer: Answer, connection: &Connection, client: &OAuthClient) -> (String, Option<RemoteAccount>) {
    let message = format!("Test passed: the API answered {}.", answer.status.as_u16());
    let (is_unknown, is_chosen) = (connection.account_id.is_empty(), !client.account_member.is_empty());
    match answer.account {
        Ok(account) if is_unknown || (is_chosen && account.is_of_another_kind(&connection.account_id)) => {
            (format!("{message} The account is {}.", account.name), Some(account))
        }
        Err(unnamed) if is_unknown || is_chosen => {
            let message = format!("{message} {}. {}", capitalized(&unnamed.to_string()), unnamed.advice());
            (message.trim().to_string(), None)
        }
        _ => (message, None),
    }
}

async fn call(
    app: &State,
    connection: &Connection,
    client: &OAuthClient,
) -> Result<std::result::Result<Answer, String>> {
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
            let account = remote_account::read(answer.body(), &provider.account_member);
            status
                .map(|status| Answer { status, is_invalid_token, account })
                .map_err(|_| "The API sent an invalid answer.".into())
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
