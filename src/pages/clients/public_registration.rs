//! `/oauth/register`: a developer registers a client, if the shop allows it. The client is pending until an admin approves
//! it.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use askama::Template;

use crate::account::Account;
use crate::activity::Actor;
use crate::clients;
use crate::clients::{Client, RedirectUri};
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::pages::clients::hand_over_sheet::HandOverSheet;
use crate::pages::clients::register_client::ALREADY_REGISTERED;
use crate::pages::clients::registration_form::RegistrationForm;
use crate::time::Timestamp;
use crate::web::form::{BrowserToken, ProtectedForm};
use crate::web::page::{Page, html, unprocessable};
use crate::web::state::State;
use crate::web::{client_ip, nonce};

// Keeps the list of pending clients short enough for an admin to review.
const MAX_PENDING: i64 = 20;
// So that one caller does not fill the list for everybody.
const MAX_A_DAY: usize = 3;

/// Proof that the shop allows public registration. As the first argument of a handler, it answers 404 before anything else
/// of the request is read.
pub struct PublicRegistrationAllowed;

impl FromRequest for PublicRegistrationAllowed {
    type Error = Error;
    type Future = Ready<Result<PublicRegistrationAllowed>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let allowed = request.app_data::<web::Data<State>>().is_some_and(|app| app.config.public_registration);
        ready(if allowed { Ok(PublicRegistrationAllowed) } else { Err(Error::NotFound) })
    }
}

#[derive(Template)]
#[template(path = "clients/public_registration.html")]
struct PublicRegistration {
    page: Page,
    nonce: String,
    form: RegistrationForm,
}

/// The page frame for a visitor who is not signed in, and the CSRF token of its form.
pub async fn signed_out_page(request: &HttpRequest, app: &State, title: &str) -> Result<(Page, BrowserToken)> {
    let shop = app.db.read(|conn| Ok(Account::get(conn)?.name)).await?;
    let shop = if shop.is_empty() { "Client API Access".to_string() } else { shop };
    let browser = BrowserToken::for_request(app, request);
    Ok((Page::outside(title, &shop, browser.csrf.clone()), browser))
}

/// `GET /oauth/register`
pub async fn form(_: PublicRegistrationAllowed, request: HttpRequest, app: web::Data<State>) -> Result<HttpResponse> {
    app.db.read(require_room).await?;
    let (page, browser) = signed_out_page(&request, &app, "Register a client").await?;
    let form = PublicRegistration { page, nonce: nonce::fresh(), form: RegistrationForm::blank(false) };
    browser.set_cookie(html(form)?)
}

fn require_room(conn: &mut DbConnection) -> Result<()> {
    match Client::pending(conn)? < MAX_PENDING {
        true => Ok(()),
        false => Err(Error::Conflict(format!(
            "{MAX_PENDING} clients are already pending approval. Ask an admin of the shop to review them, then try again."
        ))),
    }
}

fn require_allowance(conn: &mut DbConnection, client_ip: &str, now: Timestamp) -> Result<()> {
    match clients::registered_from(conn, client_ip, now)? < MAX_A_DAY {
        true => Ok(()),
        false => Err(Error::LimitReached(format!(
            "{MAX_A_DAY} clients were registered from your network within a day. Try again tomorrow, or ask an admin of the \
             shop to register yours."
        ))),
    }
}

/// `POST /oauth/register`: the client is pending approval; the response shows its secret once.
pub async fn register(
    _: PublicRegistrationAllowed,
    request: HttpRequest,
    app: web::Data<State>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (typed, details) = RegistrationForm::read(&form, None, false);
    let (page, browser) = signed_out_page(&request, &app, "Register a client").await?;
    let Some(details) = details else {
        let form = PublicRegistration { page, nonce: nonce::fresh(), form: typed };
        return browser.set_cookie(unprocessable(form)?);
    };
    let (nonce, client_ip) = (form.get("nonce").to_string(), client_ip::address(&request, &app.config.trusted_proxies));
    let now = app.clock.now();
    let (client, secret, uris) = app
        .db
        .write(move |conn| {
            nonce::spend(conn, &nonce, ALREADY_REGISTERED, now)?;
            require_room(conn)?;
            require_allowance(conn, &client_ip, now)?;
            let by = (&Actor::nobody(), client_ip.as_str());
            let (client, secret) = clients::register_client(conn, &details, false, by, now)?;
            let uris = RedirectUri::of_client(conn, client.id)?;
            Ok((client, secret, uris))
        })
        .await?;
    let mut shown = HandOverSheet::new(page, app.config.public_url.origin(), (&client, &secret), uris)
        .with_note("The client is pending approval. It works after an admin of the shop approves it.");
    if client.publicly_distributed {
        shown = shown.with_note("Do not include the secret in the app you distribute: it works without it.");
    }
    shown.answer()
}
