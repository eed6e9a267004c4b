//! Creates and revokes the service keys of a connection.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::connections::with_keys;
use crate::error::{Error, Result};
use crate::id::{ConnectionKey, ServiceKeyKey};
use crate::pages::connections::{HOME, connection_detail, path, requester};
use crate::time::DisplayTime;
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;
use crate::web::page::{Page, RequestContext, Section, Tone, html, unprocessable};
use crate::web::query::Query;
use crate::web::shown_once::ShownOnce;
use crate::web::state::State;

/// `POST /settings/connections/{connection}/keys`: the answer shows the key, once.
pub async fn create(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ConnectionKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, mut form_errors) = (*id, FormErrors::default());
    let Some(label) = form_errors.check("label", form.line("label", "The program", 100)) else {
        return unprocessable(connection_detail::page(&context, &app, id, &Query::default(), form_errors).await?);
    };
    let nonce = form.get("nonce").to_string();
    let (connection, key) = app.connections.create_service_key(id, label, nonce, requester(&context)).await?;
    let back = path(id);
    let page = context
        .page("New service key", Section::Connections)
        .breadcrumb(HOME, "Connections")
        .breadcrumb(&back, &connection.name);
    ShownOnce::new(page, format!("Service key for {}", connection.name), "Service key", &key)
        .with_note("A program with this key can call through this connection only. It never sees the tokens.")
        .back_to(back)
        .answer()
}

#[derive(Template)]
#[template(path = "connections/revoke_service_key.html")]
struct RevokeServiceKey {
    page: Page,
    connection: String,
    mask: String,
    label: String,
    created_by: String,
    last_used: DisplayTime,
    action: String,
    back: String,
}

type KeyPath = web::Path<(ConnectionKey, ServiceKeyKey)>;

/// `GET /settings/connections/{connection}/keys/{service_key}/revoke`
pub async fn revoke_form(context: RequestContext, app: web::Data<State>, ids: KeyPath) -> Result<HttpResponse> {
    let (id, key) = *ids;
    let (connection, keys) = app.db.read(move |conn| with_keys(conn, id)).await?;
    let found = keys.into_iter().find(|one| one.id == key).ok_or(Error::NotFound)?;
    html(RevokeServiceKey {
        page: context
            .page("Revoke service key", Section::Connections)
            .breadcrumb(HOME, "Connections")
            .breadcrumb(path(id), &connection.name),
        connection: connection.name,
        action: format!("{}/keys/{key}/revoke", path(id)),
        back: path(id),
        mask: found.mask.characters().to_string(),
        label: found.label,
        created_by: found.created_by,
        last_used: context.times.ago(found.last_used_at),
    })
}

/// `POST /settings/connections/{connection}/keys/{service_key}/revoke`
pub async fn revoke(
    context: RequestContext,
    app: web::Data<State>,
    ids: KeyPath,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, key) = *ids;
    let revoked = app.connections.revoke_service_key(id, key, requester(&context)).await?;
    match revoked {
        Some(label) => context.redirect(Tone::Good, format!("Service key “{label}” revoked."), &path(id)),
        None => context.redirect(Tone::Info, "This service key is already revoked.", &path(id)),
    }
}
