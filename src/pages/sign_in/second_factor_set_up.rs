//! Setting up an authenticator app during the sign-in of somebody whose role needs a second factor and who has none.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::account::Account;
use crate::employees::second_factor::{AppSetUp, NextStep, TotpSecret, next_step, set_up_first_app};
use crate::employees::{Employee, Proof};
use crate::error::{Error, Result};
use crate::pages::profile::app_form::{AppForm, CodesPage, WRONG_CODE};
use crate::pages::sign_in::sign_in::local;
use crate::pages::sign_in::{new_session, pending, steps};
use crate::web::client_ip;
use crate::web::form::{BrowserToken, ProtectedForm};
use crate::web::page::{Page, RequestContext, Tone, html, see_other, unprocessable};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "sign_in/second_factor_set_up.html")]
struct SetUpPage {
    page: Page,
    next: String,
    app: AppForm,
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
    let page = SetUpPage { page, next, app: form };
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
    let shop = app.db.lookup(|conn| Ok(Account::get(conn)?.name)).await?;
    let page = Page::outside("Recovery codes", &shop, String::new());
    let response = CodesPage::new(page, codes.unwrap_or_default(), next).answer()?;
    new_session::start(&request, &app, (id, Proof::AuthenticatorApp), response)
}
