//! Acts of an admin that need no page of their own: approve, suspend and resume a client, and mark it as Lightspeed
//! Approved. Each redirects back to the client's page.

use actix_web::{HttpResponse, web};

use crate::activity::Actor;
use crate::clients::client_state;
use crate::clients::client_state::StateChange;
use crate::clients::find_for_update;
use crate::db::DbConnection;
use crate::error::Result;
use crate::id::ClientKey;
use crate::pages::clients::{HOME, path};
use crate::pages::confirmation::{Confirmation, some_names};
use crate::time::Timestamp;
use crate::tokens::revocation::{RevocationImpact, Target};
use crate::web::form::ProtectedForm;
use crate::web::page::{RequestContext, Section, Tone, html};
use crate::web::state::State;

type Act = fn(&mut DbConnection, ClientKey, (&Actor, &str), Timestamp) -> Result<StateChange>;

// Runs an act; the messages are for a client that it changed and for one that was in that state already.
async fn change(
    context: &RequestContext,
    app: &State,
    id: ClientKey,
    act: Act,
    (done, unchanged): (&str, &str),
) -> Result<HttpResponse> {
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    let StateChange { client, changed } = app.db.write(move |conn| act(conn, id, (&actor, &client_ip), now)).await?;
    let (tone, message) = if changed { (Tone::Good, done) } else { (Tone::Info, unchanged) };
    context.redirect(tone, format!("{} {message}", client.name), &path(id))
}

/// `POST /settings/client-api-access/clients/{client}/approve`
pub async fn approve(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let messages = ("is approved. Employees can now authorize it.", "was already approved.");
    change(&context, &app, *id, client_state::approve, messages).await
}

/// `POST /settings/client-api-access/clients/{client}/lightspeed-approved`
pub async fn mark_lightspeed_approved(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let messages = ("is marked as Lightspeed Approved.", "was already marked as Lightspeed Approved.");
    change(&context, &app, *id, client_state::mark_lightspeed_approved, messages).await
}

/// `POST /settings/client-api-access/clients/{client}/lightspeed-approved/withdraw`
pub async fn withdraw_lightspeed_approved(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let messages = ("is no longer marked as Lightspeed Approved.", "was not marked as Lightspeed Approved.");
    change(&context, &app, *id, client_state::remove_lightspeed_approved, messages).await
}

/// `GET /settings/client-api-access/clients/{client}/suspend`: what stops working.
pub async fn suspend_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
) -> Result<HttpResponse> {
    let id = *id;
    let (client, impact) = app
        .db
        .read(move |conn| {
            let client = find_for_update(conn, id)?;
            let impact = RevocationImpact::of(conn, &Target::Client(client.clone()))?;
            Ok((client, impact))
        })
        .await?;
    let employees = some_names(&impact.detail.employees, impact.detail.has_more_employees);
    html(Confirmation {
        page: context
            .page("Suspend", Section::Clients)
            .breadcrumb(HOME, "Client API Access")
            .breadcrumb(path(id), &client.name),
        heading: format!("Suspend {}?", client.name),
        text: "Its tokens stop working, and nobody can authorize it, until you resume it. Nothing is deleted.".into(),
        lines: vec![
            ("Refresh tokens", impact.detail.refresh_tokens.to_string()),
            ("Access tokens", impact.detail.access_tokens.to_string()),
            ("API keys", impact.detail.api_keys.to_string()),
            ("Employees", employees),
            ("Last used", context.times.ago(impact.last_used_at).text),
        ],
        hidden: Vec::new(),
        option: None,
        action: format!("{}/suspend", path(id)),
        back: path(id),
        button: "Suspend client".into(),
    })
}

/// `POST /settings/client-api-access/clients/{client}/suspend`
pub async fn suspend(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let messages = ("is suspended. Its tokens do not work until you resume it.", "was already suspended.");
    change(&context, &app, *id, client_state::suspend, messages).await
}

/// `POST /settings/client-api-access/clients/{client}/resume`
pub async fn resume(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let messages = ("is resumed. Its tokens work again.", "was not suspended.");
    change(&context, &app, *id, client_state::resume, messages).await
}
