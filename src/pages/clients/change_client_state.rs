//! What an admin decides about a client, a click each: admit it, the Lightspeed Approved mark, suspend and resume it.

use actix_web::{HttpResponse, web};

use crate::activity::{Kind, NewActivity};
use crate::clients::Client;
use crate::db::DbConnection;
use crate::error::Result;
use crate::id::ClientKey;
use crate::pages::clients::client_detail::{find_unrevoked, path};
use crate::time::Timestamp;
use crate::web::form::ProtectedForm;
use crate::web::page::{RequestContext, Tone};
use crate::web::state::State;

/// One change to a client: does it and records it, or finds that it was so already; then back to the client's page.
async fn change(
    (context, app, id): (RequestContext, web::Data<State>, ClientKey),
    kind: Kind,
    act: impl Fn(&mut DbConnection, &str, Timestamp) -> Result<bool> + Send + 'static,
    (done, already): (&str, &str),
) -> Result<HttpResponse> {
    let (viewer, client_ip, now) = (context.viewer.clone(), context.client_ip.clone(), context.now());
    let (client, changed) = app
        .db
        .write(move |conn| {
            let client: Client = find_unrevoked(conn, id)?;
            let changed = act(conn, &viewer.name, now)?;
            if changed {
                let entry = NewActivity::new(kind, viewer.actor(), client.subject()).from(&client_ip);
                entry.record(conn, now)?;
            }
            Ok((client, changed))
        })
        .await?;
    let (tone, what) = if changed { (Tone::Good, done) } else { (Tone::Info, already) };
    context.redirect(tone, format!("{} {what}", client.name), &path(id))
}

/// `POST /settings/client-api-access/clients/{client}/approve`
pub async fn approve(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let id = *id;
    let act = move |conn: &mut DbConnection, by: &str, now| Ok(Client::approve(conn, id, by, now)?);
    let told = ("is admitted. Employees can let it in.", "was admitted already.");
    change((context, app, id), Kind::ClientApproved, act, told).await
}

/// `POST /settings/client-api-access/clients/{client}/lightspeed-approved`
pub async fn mark_lightspeed_approved(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let id = *id;
    let act =
        move |conn: &mut DbConnection, by: &str, now| Ok(Client::set_lightspeed_approved(conn, id, Some(now), by)?);
    let told = ("is marked as Lightspeed Approved.", "was marked as Lightspeed Approved already.");
    change((context, app, id), Kind::ClientLightspeedApproved, act, told).await
}

/// `POST /settings/client-api-access/clients/{client}/lightspeed-approved/withdraw`
pub async fn withdraw_lightspeed_approved(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let id = *id;
    let act = move |conn: &mut DbConnection, _: &str, _| Ok(Client::set_lightspeed_approved(conn, id, None, "")?);
    let told = ("is no longer marked as Lightspeed Approved.", "was not marked as Lightspeed Approved.");
    change((context, app, id), Kind::ClientLightspeedApprovedWithdrawn, act, told).await
}

/// `POST /settings/client-api-access/clients/{client}/suspend`: all its access stops until it is resumed.
pub async fn suspend(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let id = *id;
    let act = move |conn: &mut DbConnection, by: &str, now| Ok(Client::set_suspended(conn, id, Some(now), by)?);
    let told = ("is suspended. Nothing of it works until it is resumed.", "was suspended already.");
    change((context, app, id), Kind::ClientSuspended, act, told).await
}

/// `POST /settings/client-api-access/clients/{client}/resume`
pub async fn resume(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let id = *id;
    let act = move |conn: &mut DbConnection, _: &str, _| Ok(Client::set_suspended(conn, id, None, "")?);
    let told = ("is resumed. What employees granted works again.", "was not suspended.");
    change((context, app, id), Kind::ClientResumed, act, told).await
}
