//! Setting up an authenticator app or a passkey during the sign-in of somebody whose role needs a second factor and who has none.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::account::Account;
use crate::employees::second_factor::passkey::register_first;
use crate::employees::second_factor::{AppSetUp, NextStep, RecoveryCode, TotpSecret, next_step, set_up_first_app};
use crate::employees::{Employee, Proof};
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::pages::profile::app_form::{AppForm, CodesPage, WRONG_CODE};
use crate::pages::sign_in::sign_in::local;
use crate::pages::sign_in::{new_session, pending, steps};
use crate::web::client_ip;
use crate::web::form::{BrowserToken, ProtectedForm};
use crate::web::page::{Page, RequestContext, Tone, html, see_other, unprocessable};
use crate::web::passkey_form::{create_options, created};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "sign_in/second_factor_set_up.html")]
struct SetUpPage {
    page: Page,
    next: String,
    app: AppForm,
    // What the browser is asked to create a passkey; none where there are no passkeys.
    passkey: Option<String>,
}

/// `GET /sign-in/second-factor/set-up`
pub async fn form(
    request: HttpRequest,
    app: web::Data<State>,
    context: Option<RequestContext>,
) -> Result<HttpResponse> {
    let next = steps::next_in_address(&request, &app);
    if context.is_some() {
        return Ok(see_other(&next));
    }
    let employee = match pending::employee(&request, &app).await {
        Err(Error::SignInRequired) => return Ok(see_other("/sign-in")),
        employee => employee?,
    };
    let id = employee.id;
    match app.db.lookup(move |conn| next_step(conn, id)).await? {
        NextStep::SetUp => show(&request, &app, &employee, next, (&TotpSecret::generate(), None)).await,
        _ => steps::after_password(&request, &app, id, &next).await,
    }
}

async fn show(
    request: &HttpRequest,
    app: &web::Data<State>,
    employee: &Employee,
    next: String,
    (secret, problem): (&TotpSecret, Option<&str>),
) -> Result<HttpResponse> {
    let shop = app.db.lookup(|conn| Ok(Account::get(conn)?.name)).await?;
    let browser = BrowserToken::for_request(app, request);
    let form = AppForm::of(app, secret, employee, &shop)?;
    let page = Page::outside("Set up a second factor", &shop, browser.csrf.clone());
    let person = (employee.id, employee.name.as_str(), employee.email.as_str());
    let passkey = app.passkeys().map(|verifier| create_options(&verifier, person, (&shop, &[]), app.clock.now()));
    let page = SetUpPage { page, next, app: form, passkey };
    browser.set_cookie(match problem {
        None => html(page)?,
        Some(text) => unprocessable(SetUpPage { page: page.page.with_flash(Tone::Bad, text), ..page })?,
    })
}

/// `POST /sign-in/second-factor/set-up`: sets up the app, signs in, and shows the recovery codes.
pub async fn set_up(request: HttpRequest, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let next = local(form.get("next"), app.config.public_url.origin());
    let employee = pending::employee(&request, &app).await?;
    let (id, now, vault) = (employee.id, app.clock.now(), app.connections.vault.clone());
    let secret = Arc::new(TotpSecret::from_form(&vault, id, form.get("secret"), now)?);
    let (shown, code) = (secret.clone(), form.get("code").trim().to_string());
    let client_ip = client_ip::address(&request, &app.config.trusted_proxies);
    let set_up =
        app.db.write(move |conn| set_up_first_app(conn, &vault, id, (&secret, &code), &client_ip, now)).await?;
    let AppSetUp::Done(codes) = set_up else {
        return show(&request, &app, &employee, next, (&shown, Some(WRONG_CODE))).await;
    };
    sign_in(&request, &app, (id, Proof::AuthenticatorApp), codes, next).await
}

/// `POST /sign-in/second-factor/set-up/passkey`: adds a passkey, signs in, and shows the recovery codes.
pub async fn add_passkey(request: HttpRequest, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let next = local(form.get("next"), app.config.public_url.origin());
    let employee = pending::employee(&request, &app).await?;
    let (id, now, verifier) = (employee.id, app.clock.now(), app.passkeys().ok_or(Error::NotFound)?);
    let client_ip = client_ip::address(&request, &app.config.trusted_proxies);
    let added = match created(&form) {
        Ok(new) => app.db.write(move |conn| register_first(conn, &verifier, id, &new, &client_ip, now)).await,
        Err(error) => Err(error),
    };
    match added {
        Ok(codes) => sign_in(&request, &app, (id, Proof::Passkey), codes, next).await,
        Err(Error::Invalid(why)) => show(&request, &app, &employee, next, (&TotpSecret::generate(), Some(&why))).await,
        Err(error) => Err(error),
    }
}

async fn sign_in(
    request: &HttpRequest,
    app: &State,
    proved: (EmployeeKey, Proof),
    codes: Option<Vec<RecoveryCode>>,
    next: String,
) -> Result<HttpResponse> {
    let shop = app.db.lookup(|conn| Ok(Account::get(conn)?.name)).await?;
    let page = Page::outside("Recovery codes", &shop, String::new());
    let response = CodesPage::new(page, codes.unwrap_or_default(), next).answer()?;
    new_session::start(request, app, proved, response)
}
