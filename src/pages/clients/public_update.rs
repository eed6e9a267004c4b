//! `/oauth/update`: a developer edits their client or makes its secret anew, with its ID and secret instead of a sign-in.
//!
//! Nothing is kept in between: each step shows the secret again, and no page holds it.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::activity::{Detail, Kind, NewActivity};
use crate::clients::{Client, ClientSecret, ClientState, RedirectUri};
use crate::error::{Error, Result};
use crate::oauth::client_auth::{Credentials, check};
use crate::pages::clients::public_registration::outside;
use crate::pages::clients::regenerate_secret::SHOWN;
use crate::pages::clients::registration_form::RegistrationForm;
use crate::web::form::ProtectedForm;
use crate::web::form_errors::FormErrors;
use crate::web::page::{Page, Tone, html, unprocessable};
use crate::web::shown_once::ShownOnce;
use crate::web::state::State;
use crate::web::{client_ip, nonce};

const TITLE: &str = "Update a client";
const WRONG: &str =
    "That client ID and secret do not fit together. Check both; an admin of the shop can make a new secret.";

#[derive(Template)]
#[template(path = "clients/update_sign_in.html")]
struct SignIn {
    page: Page,
    client_id: String,
    form_errors: FormErrors,
}

#[derive(Template)]
#[template(path = "clients/update.html")]
struct Update {
    page: Page,
    name: String,
    client_id: String,
    nonce: String,
    form: RegistrationForm,
}

/// `GET /oauth/update`
pub async fn sign_in_form(request: HttpRequest, app: web::Data<State>) -> Result<HttpResponse> {
    let (page, browser) = outside(&request, &app, TITLE).await?;
    let sign_in = SignIn { page, client_id: String::new(), form_errors: FormErrors::default() };
    browser.set_cookie(html(sign_in)?)
}

/// `POST /oauth/update`: with `step=save` saves what was typed or, with `regenerate=yes`, makes a new secret; without,
/// shows the form.
pub async fn update(request: HttpRequest, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let client_ip = client_ip::address(&request, &app.config.trusted_proxies);
    let client = authenticate(&app, &request, &form).await?;
    let (page, _) = outside(&request, &app, TITLE).await?;
    match (client, form.get("step"), form.get("regenerate")) {
        (Some(client), "save", "yes") => regenerate(&app, page, client, &form, client_ip).await,
        (Some(client), "save", _) => save(&app, page, client, &form, client_ip).await,
        (Some(client), _, _) => edit(&app, page, client).await,
        (None, "save", _) => still_typed(page, &form),
        (None, _, _) => {
            let mut form_errors = FormErrors::default();
            form_errors.add("client-secret", WRONG);
            unprocessable(SignIn {
                page: page.with_flash(Tone::Bad, WRONG),
                client_id: form.get("client-id").into(),
                form_errors,
            })
        }
    }
}

/// The client whose ID and secret were typed; nothing when they do not fit. Errors: the client cannot be changed this way.
async fn authenticate(app: &State, request: &HttpRequest, form: &ProtectedForm) -> Result<Option<Client>> {
    let typed = |name: &str| form.get(name).trim().to_string();
    let credentials = Credentials { id: typed("client-id"), secret: Some(typed("client-secret")) };
    let client = match check(app, request, credentials).await {
        Ok(authenticated) => authenticated.client.find_unrevoked()?,
        Err(refused) => {
            return match (refused.error.status.as_u16(), refused.error.retry_after) {
                (401, _) => Ok(None),
                (429, Some(seconds)) => Err(Error::TooManyRequests(seconds)),
                _ => Err(Error::Unavailable("the client could not be looked up")),
            };
        }
    };
    // What is in everybody's hands proves nothing (RFC 6749 section 2.1), and must not decide where codes are sent.
    if client.publicly_distributed {
        return Err(Error::Forbidden(format!(
            "{} is publicly distributed, so its secret proves nothing. Ask an admin of the shop to change it.",
            client.name
        )));
    }
    match client.state() {
        ClientState::Suspended => {
            Err(Error::Forbidden(format!("{} is suspended. Ask an admin of the shop.", client.name)))
        }
        _ => Ok(Some(client)),
    }
}

async fn edit(app: &State, page: Page, client: Client) -> Result<HttpResponse> {
    html(filled(app, page, client).await?)
}

async fn filled(app: &State, page: Page, client: Client) -> Result<Update> {
    let id = client.id;
    let uris = app.db.read(move |conn| Ok(RedirectUri::of_client(conn, id)?)).await?;
    let form = RegistrationForm::of(&client, &uris, false);
    Ok(Update { page, name: client.name, client_id: client.client_id, nonce: nonce::fresh(), form })
}

// The secret was mistyped while saving: what was typed beside it is not lost. Whatever client that is, none is shown.
fn still_typed(page: Page, form: &ProtectedForm) -> Result<HttpResponse> {
    let (mut typed, _) = RegistrationForm::read(form, None, false);
    typed.is_new = false;
    typed.form_errors = FormErrors::default();
    typed.form_errors.add("client-secret", WRONG);
    let (name, client_id) = ("your client".to_string(), form.get("client-id").to_string());
    unprocessable(Update { page, name, client_id, nonce: nonce::fresh(), form: typed })
}

async fn save(
    app: &State,
    page: Page,
    client: Client,
    form: &ProtectedForm,
    client_ip: String,
) -> Result<HttpResponse> {
    let (typed, told) = RegistrationForm::read(form, Some(&client), false);
    let Some(told) = told else {
        let (name, client_id) = (client.name, client.client_id);
        return unprocessable(Update { page, name, client_id, nonce: nonce::fresh(), form: typed });
    };
    let (id, now) = (client.id, app.clock.now());
    let (changed, client) = app
        .db
        .write(move |conn| {
            let client = Client::find_standing(conn, id)?;
            let changed = told.change(conn, &client, (&client.actor(), &client_ip), now)?;
            Ok((changed, Client::find(conn, id)?))
        })
        .await?;
    let page = match changed {
        true => page.with_flash(Tone::Good, "The client is saved. It counts from the next request."),
        false => page.with_flash(Tone::Info, "Nothing was different, so nothing was changed."),
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
            nonce::spend(conn, &nonce, SHOWN, now)?;
            let client = Client::find_standing(conn, id)?;
            let secret = ClientSecret::issue(conn, id, 0, now)?;
            NewActivity::new(Kind::SecretRegenerated, client.actor(), client.subject())
                .from(&client_ip)
                .with(Detail::note("the earlier one stopped at once"))
                .record(conn, now)?;
            Ok((client, secret))
        })
        .await?;
    ShownOnce::new(page, format!("New client secret of {}", client.name), "Client secret", &secret)
        .with_id("Client ID", &client.client_id)
        .with_note("The earlier secret has stopped working.")
        .answer()
}
