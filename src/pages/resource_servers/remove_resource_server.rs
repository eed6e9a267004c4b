//! Remove a resource server.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::error::{Error, Result};
use crate::id::ResourceServerKey;
use crate::pages::resource_servers::HOME;
use crate::resource_servers;
use crate::resource_servers::ResourceServer;
use crate::time::DisplayTime;
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "resource_servers/remove_resource_server.html")]
struct RemoveResourceServer {
    page: Page,
    name: String,
    last_used: DisplayTime,
    action: String,
}

/// `GET /settings/resource-servers/{resource_server}/remove`
pub async fn remove_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ResourceServerKey>,
) -> Result<HttpResponse> {
    let id = *id;
    let server = app.db.read(move |conn| Ok(ResourceServer::find(conn, id)?)).await?;
    html(RemoveResourceServer {
        page: context.page("Remove", Section::ResourceServers).breadcrumb(HOME, "Resource servers"),
        name: server.name,
        last_used: context.times.ago(server.last_used_at),
        action: format!("{HOME}/{id}/remove"),
    })
}

/// `POST /settings/resource-servers/{resource_server}/remove`
pub async fn remove(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ResourceServerKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let (id, actor, client_ip, now) = (*id, context.viewer.actor(), context.client_ip.clone(), context.now());
    let removed = app.db.write(move |conn| resource_servers::remove(conn, id, (&actor, &client_ip), now)).await;
    match removed {
        Ok(server) => {
            let message = format!("{} removed. It can no longer validate tokens.", server.name);
            context.redirect(Tone::Good, message, HOME)
        }
        Err(Error::NotFound) => context.redirect(Tone::Info, "It was already removed.", HOME),
        Err(error) => Err(error),
    }
}
