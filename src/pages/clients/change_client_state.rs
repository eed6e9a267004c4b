//! Acts of an admin that need no page of their own: approve, suspend and resume a client, and mark it as Lightspeed
//! Approved. Each redirects back to the client's page.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::activity::Actor;
use crate::clients::client_state;
use crate::clients::client_state::StateChange;
use crate::clients::find_for_update;
use crate::db::DbConnection;
use crate::error::Result;
use crate::id::ClientKey;
use crate::pages::clients::{HOME, path};
use crate::pages::confirmation::some_names;
use crate::time::{DisplayTime, Timestamp};
use crate::tokens::revocation::{RevocationImpact, Target};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "clients/suspend_client.html")]
struct SuspendClient {
    page: Page,
    name: String,
    back: String,
    impact: RevocationImpact,
    employees: String,
    last_used: DisplayTime,
}

type Act = fn(&mut DbConnection, ClientKey, (&Actor, &str), Timestamp) -> Result<StateChange>;

// Runs an act; the messages are for a client that it changed and for one that was in that state already.
async fn change(
    context: &RequestContext,
    app: &State,
    id: ClientKey,
    act: Act,
    messages: (&str, &str),
) -> Result<HttpResponse> {
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    let change = app.db.write(move |conn| act(conn, id, (&actor, &client_ip), now)).await?;
    done(context, change, messages)
}

fn done(
    context: &RequestContext,
    StateChange { client, changed }: StateChange,
    (done, unchanged): (&str, &str),
) -> Result<HttpResponse> {
    let (tone, message) = if changed { (Tone::Good, done) } else { (Tone::Info, unchanged) };
    context.redirect(tone, format!("{} {message}", client.name), &path(client.id))
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
    html(SuspendClient {
        page: context
            .page("Suspend", Section::Clients)
            .breadcrumb(HOME, "Client API Access")
            .breadcrumb(path(id), &client.name),
        employees: some_names(&impact.detail.employees, impact.detail.has_more_employees),
        last_used: context.times.ago(impact.last_used_at),
        name: client.name,
        back: path(id),
        impact,
    })
}

/// `POST /settings/client-api-access/clients/{client}/suspend`
pub async fn suspend(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let reason = match form.get("reason").trim() {
        "" => String::new(),
        _ => form.line("reason", "The reason", 200)?,
    };
    let messages = ("is suspended. Its tokens do not work until you resume it.", "was already suspended.");
    let (id, actor, client_ip, now) = (*id, context.viewer.actor(), context.client_ip.clone(), context.now());
    let suspend = app.db.write(move |conn| client_state::suspend(conn, id, &reason, (&actor, &client_ip), now));
    done(&context, suspend.await?, messages)
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
