//! Deletes app credentials that no connection uses.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::error::{Error, Result};
use crate::id::OAuthClientKey;
use crate::pages::connections::edit_app_credential::find;
use crate::pages::connections::{APP_CREDENTIALS, HOME, path, requester};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "connections/delete_app_credential.html")]
struct DeleteAppCredential {
    page: Page,
    name: String,
    action: String,
    back: String,
    users: Vec<(String, String)>,
}

/// `GET /settings/connections/clients/{oauth_client}/delete`
pub async fn delete_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<OAuthClientKey>,
) -> Result<HttpResponse> {
    let (client, users) = find(&app, *id).await?;
    let back = format!("{APP_CREDENTIALS}/{}", *id);
    html(DeleteAppCredential {
        page: context
            .page("Delete app credentials", Section::Connections)
            .breadcrumb(HOME, "Connections")
            .breadcrumb(APP_CREDENTIALS, "App credentials")
            .breadcrumb(&back, &client.name),
        name: client.name,
        action: format!("{back}/delete"),
        back,
        users: users.into_iter().map(|(id, name)| (path(id), name)).collect(),
    })
}

/// `POST /settings/connections/clients/{oauth_client}/delete`
pub async fn delete(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<OAuthClientKey>,
    _: ProtectedForm,
) -> Result<HttpResponse> {
    let id = *id;
    match app.connections.delete_app_credentials(id, requester(&context)).await {
        Ok(name) => context.redirect(Tone::Good, format!("{name} deleted."), APP_CREDENTIALS),
        Err(Error::NotFound) => {
            context.redirect(Tone::Info, "These app credentials are already deleted.", APP_CREDENTIALS)
        }
        Err(Error::Conflict(why)) => context.redirect(Tone::Bad, why, &format!("{APP_CREDENTIALS}/{id}/delete")),
        Err(error) => Err(error),
    }
}
