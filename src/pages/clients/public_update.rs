//! `/oauth/update`: a developer edits their client or regenerates its secret, authenticated by client ID and secret instead
//! of a sign-in.
//!
//! There is no session: the developer enters the secret again at each step, and no page contains it.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::clients::{self, Client, ClientState, RedirectUri};
use crate::error::{Error, Result};
use crate::oauth::client_auth::{Credentials, check};
use crate::pages::clients::public_registration::signed_out_page;
use crate::pages::clients::regenerate_secret::ALREADY_SHOWN;
use crate::pages::clients::registration_form::RegistrationForm;
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;
use crate::web::page::{Page, Tone, html, unprocessable};
use crate::web::shown_once::ShownOnce;
use crate::web::state::State;
use crate::web::{client_ip, nonce};

const TITLE: &str = "Update a client";
const INCORRECT: &str =
    "Incorrect client ID or client secret. If you lost the secret, ask an admin of the shop to regenerate it.";

#[derive(Template)]
#[template(path = "clients/public_update_sign_in.html")]
struct PublicUpdateSignIn {
    page: Page,
    client_id: String,
    form_errors: FormErrors,
}

#[derive(Template)]
#[template(path = "clients/public_update.html")]
struct PublicUpdate {
    page: Page,
    name: String,
    client_id: String,
    nonce: String,
    form: RegistrationForm,
}

/// `GET /oauth/update`
pub async fn sign_in_form(request: HttpRequest, app: web::Data<State>) -> Result<HttpResponse> {
    let (page, browser) = signed_out_page(&request, &app, TITLE).await?;
    let sign_in = PublicUpdateSignIn { page, client_id: String::new(), form_errors: FormErrors::default() };
    browser.set_cookie(html(sign_in)?)
}

/// `POST /oauth/update`: shows the form; with `step=save` saves it or, with `regenerate=yes`, generates a new secret.
pub async fn update(request: HttpRequest, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let client_ip = client_ip::address(&request, &app.config.trusted_proxies);
    let client = authenticate(&app, &request, &form).await?;
    let (page, _) = signed_out_page(&request, &app, TITLE).await?;
    match (client, form.get("step"), form.get("regenerate")) {
        (Some(client), "save", "yes") => regenerate(&app, page, client, &form, client_ip).await,
        (Some(client), "save", _) => save(&app, page, client, &form, client_ip).await,
        (Some(client), _, _) => edit(&app, page, client).await,
        (None, "save", _) => edit_again(page, &form),
        (None, _, _) => {
            let mut form_errors = FormErrors::default();
            form_errors.add("client-secret", INCORRECT);
            unprocessable(PublicUpdateSignIn {
                page: page.with_flash(Tone::Bad, INCORRECT),
                client_id: form.get("client-id").into(),
                form_errors,
            })
        }
    }
}

// The client with the ID and secret of the form; `None` when they are incorrect. Errors: the client cannot be edited here.
async fn authenticate(app: &State, request: &HttpRequest, form: &ProtectedForm) -> Result<Option<Client>> {
    let typed = |name: &str| form.get(name).trim().to_string();
    let credentials = Credentials { id: typed("client-id"), secret: Some(typed("client-secret")) };
    let client = match check(app, request, credentials).await {
        Ok(authenticated) => authenticated.client.require_unrevoked()?,
        Err(refused) => {
            return match (refused.error.status.as_u16(), refused.error.retry_after) {
                (401, _) => Ok(None),
                (429, Some(seconds)) => Err(Error::TooManyRequests(seconds)),
                _ => Err(Error::Unavailable("the client could not be authenticated")),
            };
        }
    };
    // Every user of a public client has its secret (RFC 6749 section 2.1), so it must not give the right to change redirect
    // URIs.
    if client.publicly_distributed {
        return Err(Error::Forbidden(format!(
            "{} is publicly distributed, so its secret does not prove who you are. Ask an admin of the shop to edit the client.",
            client.name
        )));
    }
    match client.state() {
        ClientState::Suspended => {
            Err(Error::Forbidden(format!("{} is suspended. Ask an admin of the shop to resume it.", client.name)))
        }
        _ => Ok(Some(client)),
    }
}

async fn edit(app: &State, page: Page, client: Client) -> Result<HttpResponse> {
    html(filled(app, page, client).await?)
}

async fn filled(app: &State, page: Page, client: Client) -> Result<PublicUpdate> {
    let id = client.id;
    let uris = app.db.read(move |conn| Ok(RedirectUri::of_client(conn, id)?)).await?;
    let form = RegistrationForm::of(&client, &uris, false);
    Ok(PublicUpdate { page, name: client.name, client_id: client.client_id, nonce: nonce::fresh(), form })
}

// The secret was incorrect on saving: shows the form again with everything else the developer typed, and nothing of the
// client.
fn edit_again(page: Page, form: &ProtectedForm) -> Result<HttpResponse> {
    let (mut typed, _) = RegistrationForm::read(form, None, false);
    typed.is_new = false;
    typed.form_errors = FormErrors::default();
    typed.form_errors.add("client-secret", INCORRECT);
    let (name, client_id) = ("your client".to_string(), form.get("client-id").to_string());
    unprocessable(PublicUpdate { page, name, client_id, nonce: nonce::fresh(), form: typed })
}

async fn save(
    app: &State,
    page: Page,
    client: Client,
    form: &ProtectedForm,
    client_ip: String,
) -> Result<HttpResponse> {
    let (typed, details) = RegistrationForm::read(form, Some(&client), false);
    let Some(details) = details else {
        let (name, client_id) = (client.name, client.client_id);
        return unprocessable(PublicUpdate { page, name, client_id, nonce: nonce::fresh(), form: typed });
    };
    let (id, now) = (client.id, app.clock.now());
    let (changed, client) = app
        .db
        .write(move |conn| {
            let client = Client::find_unrevoked(conn, id)?;
            let changed = clients::edit_client(conn, &client, &details, (&client.actor(), &client_ip), now)?;
            Ok((changed, Client::find(conn, id)?))
        })
        .await?;
    let page = match changed {
        true => page.with_flash(Tone::Good, "Changes saved. They take effect immediately."),
        false => page.with_flash(Tone::Info, "No changes to save."),
    };
    html(filled(app, page, client).await?)
}

async fn regenerate(
    app: &State,
    page: Page,
    client: Client,
    form: &ProtectedForm,
    client_ip: String,
) -> Result<HttpResponse> {
    let (id, nonce, now) = (client.id, form.get("nonce").to_string(), app.clock.now());
    let (client, secret) = app
        .db
        .write(move |conn| {
            nonce::spend(conn, &nonce, ALREADY_SHOWN, now)?;
            let client = Client::find_unrevoked(conn, id)?;
            let secret = clients::regenerate_secret(conn, &client, 0, (&client.actor(), &client_ip), now)?;
            Ok((client, secret))
        })
        .await?;
    ShownOnce::new(page, format!("New client secret for {}", client.name), "Client secret", &secret)
        .with_id("Client ID", &client.client_id)
        .with_note("The previous secret has stopped working.")
        .answer()
}
