//! Settings › Client API Access: registering a client and editing one, by an admin.

use actix_web::{HttpResponse, web};
use askama::Template;

use crate::clients::{Client, RedirectUri};
use crate::error::Result;
use crate::id::ClientKey;
use crate::pages::clients::client_detail::{HOME, path, standing};
use crate::pages::clients::registration_form::RegistrationForm;
use crate::secrets::PlainToken;
use crate::web::form::ProtectedForm;
use crate::web::nonce;
use crate::web::page::{Page, Section, Tone, Visit, html, unprocessable};
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

fn new_page(visit: &Visit, form: RegistrationForm) -> RegisterPage {
    RegisterPage {
        page: visit.page("Register a client", Section::Clients).below(HOME, "Client API Access"),
        heading: "Register a client".into(),
        action: REGISTER.into(),
        back: HOME.into(),
        nonce: nonce::fresh(),
        form,
    }
}

/// `GET /settings/client-api-access/register`
pub async fn register_form(visit: Visit) -> Result<HttpResponse> {
    html(new_page(&visit, RegistrationForm::blank(true)))
}

/// `POST /settings/client-api-access/register`: admitted at once; answers with the secret, the one time it is shown.
pub async fn register(visit: Visit, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let (typed, told) = RegistrationForm::read(&form, None, true);
    let Some(told) = told else {
        return unprocessable(new_page(&visit, typed));
    };
    let (nonce, viewer, peer, now) =
        (form.get("nonce").to_string(), visit.viewer.clone(), visit.peer.clone(), visit.now());
    let (client, secret) = app
        .db
        .write(move |conn| {
            nonce::spend(conn, &nonce, REGISTERED, now)?;
            told.register(conn, Some(&viewer.name), (&viewer.actor(), &peer), now)
        })
        .await?;
    let heading = format!("{} is registered", client.name);
    show_secret(&visit, &client, "Registered", heading, &secret)?
        .saying("Give both to its developer over a channel you trust.")
        .answer()
}

/// The page that shows the new secret of a client.
pub fn show_secret(
    visit: &Visit,
    client: &Client,
    title: &str,
    heading: String,
    secret: &PlainToken,
) -> Result<ShownOnce> {
    let back = path(client.id);
    let page = visit.page(title, Section::Clients).below(HOME, "Client API Access").below(&back, &client.name);
    Ok(ShownOnce::new(page, heading, "Client secret", secret).with_id("Client ID", &client.client_id).back_to(back))
}

fn edit_page(visit: &Visit, client: &Client, form: RegistrationForm) -> RegisterPage {
    let back = path(client.id);
    RegisterPage {
        page: visit.page("Edit", Section::Clients).below(HOME, "Client API Access").below(&back, &client.name),
        heading: format!("Edit {}", client.name),
        action: format!("{back}/edit"),
        back,
        nonce: String::new(),
        form,
    }
}

/// `GET /settings/client-api-access/clients/{client}/edit`
pub async fn edit_form(visit: Visit, app: web::Data<State>, id: web::Path<ClientKey>) -> Result<HttpResponse> {
    let id = *id;
    let (client, uris) = app
        .db
        .read(move |conn| {
            let client = standing(conn, id)?;
            let uris = RedirectUri::of_client(conn, id)?;
            Ok((client, uris))
        })
        .await?;
    html(edit_page(&visit, &client, RegistrationForm::of(&client, &uris, true)))
}

/// `POST /settings/client-api-access/clients/{client}/edit`
pub async fn edit(
    visit: Visit,
    app: web::Data<State>,
    id: web::Path<ClientKey>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let id = *id;
    let client = app.db.read(move |conn| standing(conn, id)).await?;
    let (typed, told) = RegistrationForm::read(&form, Some(&client), true);
    let Some(told) = told else {
        return unprocessable(edit_page(&visit, &client, typed));
    };
    let (actor, peer, now) = (visit.viewer.actor(), visit.peer.clone(), visit.now());
    let changed = app
        .db
        .write(move |conn| {
            let client = standing(conn, id)?;
            told.change(conn, &client, (&actor, &peer), now)
        })
        .await?;
    match changed {
        true => visit.redirect(Tone::Good, "The client is saved.", &path(id)),
        false => visit.redirect(Tone::Info, "Nothing was different, so nothing was changed.", &path(id)),
    }
}
