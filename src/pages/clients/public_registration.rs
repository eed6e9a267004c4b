//! `/oauth/register`: a developer registers a client by themselves, when the shop allows it. It waits for an admin.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use askama::Template;

use crate::account::Account;
use crate::activity::Actor;
use crate::clients::Client;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::pages::clients::register_client::REGISTERED;
use crate::pages::clients::registration_form::RegistrationForm;
use crate::web::form::{BrowserToken, ProtectedForm};
use crate::web::page::{Page, html, unprocessable};
use crate::web::shown_once::ShownOnce;
use crate::web::state::State;
use crate::web::{client_ip, nonce};

// So many at once an admin can still look at.
const MOST_PENDING: i64 = 20;

/// That the shop lets anybody register; asked before anything else about the request.
pub struct OpenToAnybody;

impl FromRequest for OpenToAnybody {
    type Error = Error;
    type Future = Ready<Result<OpenToAnybody>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let open = request.app_data::<web::Data<State>>().is_some_and(|app| app.config.public_registration);
        ready(if open { Ok(OpenToAnybody) } else { Err(Error::NotFound) })
    }
}

#[derive(Template)]
#[template(path = "clients/public_register.html")]
struct PublicRegister {
    page: Page,
    nonce: String,
    form: RegistrationForm,
}

/// A page for somebody who is not signed in, and the token of its form.
pub async fn outside(request: &HttpRequest, app: &State, title: &str) -> Result<(Page, BrowserToken)> {
    let shop = app.db.read(|conn| Ok(Account::get(conn)?.name)).await?;
    let shop = if shop.is_empty() { "Client API Access".to_string() } else { shop };
    let browser = BrowserToken::for_request(app, request);
    Ok((Page::outside(title, &shop, browser.csrf.clone()), browser))
}

/// `GET /oauth/register`
pub async fn form(_: OpenToAnybody, request: HttpRequest, app: web::Data<State>) -> Result<HttpResponse> {
    app.db.read(require_room).await?;
    let (page, browser) = outside(&request, &app, "Register a client").await?;
    let form = PublicRegister { page, nonce: nonce::fresh(), form: RegistrationForm::blank(false) };
    browser.set_cookie(html(form)?)
}

fn require_room(conn: &mut DbConnection) -> Result<()> {
    match Client::pending(conn)? < MOST_PENDING {
        true => Ok(()),
        false => Err(Error::Conflict(format!(
            "{MOST_PENDING} clients wait to be admitted already. Ask an admin of the shop to look at them, then come back."
        ))),
    }
}

/// `POST /oauth/register`: the client waits to be admitted; answers with its secret, the one time it is shown.
pub async fn register(
    _: OpenToAnybody,
    request: HttpRequest,
    app: web::Data<State>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (typed, told) = RegistrationForm::read(&form, None, false);
    let (page, browser) = outside(&request, &app, "Register a client").await?;
    let Some(told) = told else {
        let form = PublicRegister { page, nonce: nonce::fresh(), form: typed };
        return browser.set_cookie(unprocessable(form)?);
    };
    let (nonce, client_ip) = (form.get("nonce").to_string(), client_ip::address(&request, &app.config.trusted_proxies));
    let now = app.clock.now();
    let (client, secret) = app
        .db
        .write(move |conn| {
            nonce::spend(conn, &nonce, REGISTERED, now)?;
            require_room(conn)?;
            told.register(conn, None, (&Actor::nobody(), &client_ip), now)
        })
        .await?;
    let mut shown = ShownOnce::new(page, format!("{} is registered", client.name), "Client secret", &secret)
        .with_id("Client ID", &client.client_id)
        .with_note("It can do nothing yet: an admin of the shop has to admit it first.");
    if client.publicly_distributed {
        shown = shown.with_note("Do not put the secret into the program: it works without one. Keep it to yourself.");
    }
    shown.answer()
}
