//! Settings › Client API Access: registering a client and editing one, by an admin.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::clients::{Client, RedirectUri};
use crate::error::Result;
use crate::id::ClientKey;
use crate::pages::clients::client_detail::{HOME, find_unrevoked, path};
use crate::pages::clients::registration_form::RegistrationForm;
use crate::secrets::PlainToken;
use crate::web::form::ProtectedForm;
use crate::web::nonce;
use crate::web::page::{Page, RequestContext, Section, Tone, html, unprocessable};
use crate::web::shown_once::ShownOnce;
use crate::web::state::State;

const REGISTER: &str = "/settings/client-api-access/register";

/// What is said when a form that registers is sent a second time.
pub const REGISTERED: &str = "The client of this form is registered already, and its secret is shown only once. \
                              If it was lost, an admin can make a new one on the client's page.";

#[derive(Template)]
#[template(path = "clients/register.html")]
struct RegisterPage {
    page: Page,
    heading: String,
    action: String,
    back: String,
    nonce: String,
    form: RegistrationForm,
}

fn new_page(context: &RequestContext, form: RegistrationForm) -> RegisterPage {
    RegisterPage {
        page: context.page("Register a client", Section::Clients).breadcrumb(HOME, "Client API Access"),
        heading: "Register a client".into(),
        action: REGISTER.into(),
        back: HOME.into(),
        nonce: nonce::fresh(),
        form,
    }
}

/// `GET /settings/client-api-access/register`
pub async fn register_form(context: RequestContext) -> Result<HttpResponse> {
    html(new_page(&context, RegistrationForm::blank(true)))
}

/// `POST /settings/client-api-access/register`: admitted at once; answers with the secret, the one time it is shown.
pub async fn register(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let (typed, told) = RegistrationForm::read(&form, None, true);
    let Some(told) = told else {
        return unprocessable(new_page(&context, typed));
    };
    let (nonce, viewer, client_ip, now) =
        (form.get("nonce").to_string(), context.viewer.clone(), context.client_ip.clone(), context.now());
    let (client, secret) = app
        .db
        .write(move |conn| {
            nonce::spend(conn, &nonce, REGISTERED, now)?;
            told.register(conn, Some(&viewer.name), (&viewer.actor(), &client_ip), now)
        })
        .await?;
    let heading = format!("{} is registered", client.name);
    show_secret(&context, &client, "Registered", heading, &secret)?
        .with_note("Give both to its developer over a channel you trust.")
        .answer()
}

/// The page that shows the new secret of a client.
pub fn show_secret(
    context: &RequestContext,
    client: &Client,
    title: &str,
    heading: String,
    secret: &PlainToken,
) -> Result<ShownOnce> {
    let back = path(client.id);
    let page =
        context.page(title, Section::Clients).breadcrumb(HOME, "Client API Access").breadcrumb(&back, &client.name);
    Ok(ShownOnce::new(page, heading, "Client secret", secret).with_id("Client ID", &client.client_id).back_to(back))
}

fn edit_page(context: &RequestContext, client: &Client, form: RegistrationForm) -> RegisterPage {
    let back = path(client.id);
    RegisterPage {
        page: context
            .page("Edit", Section::Clients)
            .breadcrumb(HOME, "Client API Access")
            .breadcrumb(&back, &client.name),
        heading: format!("Edit {}", client.name),
        action: format!("{back}/edit"),
        back,
        nonce: String::new(),
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
            let client = find_unrevoked(conn, id)?;
            let uris = RedirectUri::of_client(conn, id)?;
            Ok((client, uris))
        })
        .await?;
    html(edit_page(&context, &client, RegistrationForm::of(&client, &uris, true)))
}

/// `POST /settings/client-api-access/clients/{client}/edit`
pub async fn edit(
    context: RequestContext,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let id = *id;
    let client = app.db.read(move |conn| find_unrevoked(conn, id)).await?;
    let (typed, told) = RegistrationForm::read(&form, Some(&client), true);
    let Some(told) = told else {
        return unprocessable(edit_page(&context, &client, typed));
    };
    let (actor, client_ip, now) = (context.viewer.actor(), context.client_ip.clone(), context.now());
    let changed = app
        .db
        .write(move |conn| {
            let client = find_unrevoked(conn, id)?;
            told.change(conn, &client, (&actor, &client_ip), now)
        })
        .await?;
    match changed {
        true => context.redirect(Tone::Good, "The client is saved.", &path(id)),
        false => context.redirect(Tone::Info, "Nothing was different, so nothing was changed.", &path(id)),
    }
}
