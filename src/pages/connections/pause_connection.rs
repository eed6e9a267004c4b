//! Pauses and resumes a connection.

use actix_web::{HttpResponse, web};

use crate::error::Result;
use crate::id::ConnectionKey;
use crate::pages::connections::{path, requester};
use crate::web::form::ProtectedForm;
use crate::web::page::{RequestContext, Tone};
use crate::web::state::State;

/// `POST /settings/connections/{connection}/pause`
pub async fn pause(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    set_paused(context, &app, *id, true).await
}

/// `POST /settings/connections/{connection}/resume`
pub async fn resume(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    set_paused(context, &app, *id, false).await
}

async fn set_paused(context: RequestContext, app: &State, id: ConnectionKey, paused: bool) -> Result<HttpResponse> {
    let changed = app.connections.set_paused(id, paused, requester(&context)).await?;
    let (tone, message) = match (changed, paused) {
        (true, true) => (Tone::Good, "Connection paused. Calls fail until you resume it."),
        (true, false) => (Tone::Good, "Connection resumed."),
        (false, true) => (Tone::Info, "The connection is already paused."),
        (false, false) => (Tone::Info, "The connection is not paused."),
    };
    context.redirect(tone, message, &path(id))
}
