//! Refreshes the tokens of a connection on request.

use actix_web::{HttpResponse, web};

use crate::connections::state::Pace;
use crate::connections::{Connection, or_gone};
use crate::error::Result;
use crate::id::ConnectionKey;
use crate::pages::connections::connection_detail::next_attempt;
use crate::pages::connections::path;
use crate::web::form::ProtectedForm;
use crate::web::page::{RequestContext, Tone};
use crate::web::state::State;

/// `POST /settings/connections/{connection}/refresh`
pub async fn refresh(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let id = *id;
    let before = app.db.read(move |conn| or_gone(Connection::find(conn, id), conn, id)).await?;
    app.connections.refresher.run(id, Pace::Regular).await;
    let after = app.db.read(move |conn| or_gone(Connection::find(conn, id), conn, id)).await?;
    let (tone, message) = outcome(&before, &after, &context);
    context.redirect(tone, message, &path(id))
}

fn outcome(before: &Connection, after: &Connection, context: &RequestContext) -> (Tone, String) {
    let (now, next_try) = (context.now(), next_attempt(after.due_at, &context.times).text);
    match after {
        Connection { needs_authorization_since: Some(_), reason, .. } => {
            (Tone::Bad, format!("The connection must be authorized again. {reason}"))
        }
        _ if !after.has_same_token_as(before) => (Tone::Good, "Tokens refreshed.".into()),
        _ if !after.can_refresh() => {
            (Tone::Info, "The provider gave no refresh token, so the tokens cannot be refreshed.".into())
        }
        _ if after.is_in_flight(now) => (Tone::Info, "The tokens are already being refreshed.".into()),
        Connection { failing_since: Some(_), last_error, .. } if after.version != before.version => {
            (Tone::Bad, format!("Refreshing the tokens failed: {last_error} Next retry {next_try}."))
        }
        _ if after.lease_until > now => {
            (Tone::Info, "The tokens were refreshed seconds ago. Try again in a few seconds.".into())
        }
        _ => (Tone::Warn, format!("The provider is not answering. Next retry {next_try}.")),
    }
}
