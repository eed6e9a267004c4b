//! Tests a connection with one API call.

use actix_web::{HttpResponse, web};

use crate::error::Result;
use crate::id::ConnectionKey;
use crate::pages::connections::connection_detail::next_attempt;
use crate::pages::connections::{path, requester};
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
    let outcome = app.connections.test(*id, &requester(&context)).await?;
    let tone = if outcome.passed { Tone::Good } else { Tone::Bad };
    let message = match outcome.next_retry {
        Some(at) => format!("{} Next retry {}.", outcome.message, next_attempt(at, &context.times).text),
        None => outcome.message,
    };
    context.redirect(tone, message, &path(*id))
}
