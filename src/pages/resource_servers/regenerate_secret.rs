//! Regenerate the secret of a resource server.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::error::Result;
use crate::id::ResourceServerKey;
use crate::pages::resource_servers::HOME;
use crate::pages::resource_servers::resource_server_list::{ALREADY_SHOWN, show_secret};
use crate::resource_servers;
use crate::resource_servers::ResourceServer;
use crate::time::DisplayTime;
use crate::web::form::ProtectedForm;
use crate::web::nonce;
use crate::web::page::{Page, RequestContext, Section, html};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "resource_servers/regenerate_secret.html")]
struct RegenerateSecret {
    page: Page,
    name: String,
    last_used: DisplayTime,
    action: String,
    nonce: String,
}

/// `GET /settings/resource-servers/{resource_server}/regenerate`
pub async fn regenerate_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ResourceServerKey>,
) -> Result<HttpResponse> {
    let id = *id;
    let server = app.db.read(move |conn| Ok(ResourceServer::find(conn, id)?)).await?;
    html(RegenerateSecret {
        page: context.page("Regenerate secret", Section::ResourceServers).breadcrumb(HOME, "Resource servers"),
        name: server.name,
        last_used: context.times.ago(server.last_used_at),
        action: format!("{HOME}/{id}/regenerate"),
        nonce: nonce::fresh(),
    })
}

/// `POST /settings/resource-servers/{resource_server}/regenerate`: the response shows the new secret once.
pub async fn regenerate(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ResourceServerKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, nonce, actor) = (*id, form.get("nonce").to_string(), context.viewer.actor());
    let (client_ip, now) = (context.client_ip.clone(), context.now());
    let (server, secret) = app
        .db
        .write(move |conn| {
            nonce::spend(conn, &nonce, ALREADY_SHOWN, now)?;
            resource_servers::regenerate_secret(conn, id, (&actor, &client_ip), now)
        })
        .await?;
    show_secret(&context, &server, format!("New secret for {}", server.name), &secret)
}
