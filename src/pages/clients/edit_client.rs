//! Edit a client as an admin.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::clients;
use crate::clients::{Client, RedirectUri, find_for_update};
use crate::error::Result;
use crate::id::ClientKey;
use crate::pages::clients::registration_form::RegistrationForm;
use crate::pages::clients::{HOME, path};
use crate::web::form::ProtectedForm;
use crate::web::page::{Page, RequestContext, Section, Tone, html, unprocessable};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "clients/edit_client.html")]
struct EditClient {
    page: Page,
    name: String,
    back: String,
    form: RegistrationForm,
}

fn page(context: &RequestContext, client: &Client, form: RegistrationForm) -> EditClient {
    let back = path(client.id);
    EditClient {
        page: context
            .page("Edit client", Section::Clients)
            .breadcrumb(HOME, "Client API Access")
            .breadcrumb(&back, &client.name),
        name: client.name.clone(),
        back,
        form,
    }
}

/// `GET /settings/client-api-access/clients/{client}/edit`
pub async fn edit_form(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
) -> Result<HttpResponse> {
    let id = *id;
    let (client, uris) = app
        .db
        .read(move |conn| {
            let client = find_for_update(conn, id)?;
            let uris = RedirectUri::of_client(conn, id)?;
            Ok((client, uris))
        })
        .await?;
    html(page(&context, &client, RegistrationForm::of(&client, &uris, true)))
}

/// `POST /settings/client-api-access/clients/{client}/edit`
pub async fn edit(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let id = *id;
    let client = app.db.read(move |conn| find_for_update(conn, id)).await?;
    let (typed, details) = RegistrationForm::read(&form, Some(&client), true);
    let Some(details) = details else {
        return unprocessable(page(&context, &client, typed));
    };
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    let edited = app
        .db
        .write(move |conn| {
            let client = find_for_update(conn, id)?;
            clients::edit_client(conn, &client, &details, (&actor, &client_ip), now)
        })
        .await?;
    match edited {
        true => context.redirect(Tone::Good, "Changes saved.", &path(id)),
        false => context.redirect(Tone::Info, "No changes to save.", &path(id)),
    }
}
