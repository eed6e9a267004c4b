//! Asking for the second factor of somebody who has proved that they know the password.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::account::Account;
use crate::employees::Employee;
use crate::employees::second_factor::passkey::Purpose;
use crate::employees::second_factor::{Checked, Given, SecondFactors, check};
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::metrics;
use crate::pages::sign_in::sign_in::local;
use crate::pages::sign_in::{new_session, pending, steps};
use crate::web::client_ip;
use crate::web::form::{BrowserToken, ProtectedForm};
use crate::web::page::{Page, RequestContext, Tone, html, see_other, unprocessable};
use crate::web::passkey_form;
use crate::web::state::State;

const WRONG_CODE: &str = "That code is incorrect or was already used. Enter the code that the app shows now.";
const WRONG_RECOVERY_CODE: &str = "That recovery code is incorrect or was already used.";
const WRONG_PASSKEY: &str = "The passkey was not accepted. Try again.";

#[derive(Template)]
#[template(path = "sign_in/second_factor.html")]
struct SecondFactorPage {
    page: Page,
    next: String,
    name: String,
    has_app: bool,
    // What the browser is asked to use a passkey; none without one.
    passkey: Option<String>,
    has_recovery_codes: bool,
}

/// `GET /sign-in/second-factor`
pub async fn form(
    request: HttpRequest,
    app: web::Data<State>,
    context: Option<RequestContext>,
) -> Result<HttpResponse> {
    let next = steps::next_in_address(&request, &app);
    if context.is_some() {
        return Ok(see_other(&next));
    }
    match pending::employee(&request, &app).await {
        Ok(employee) => show(&request, &app, employee, next, None).await,
        Err(Error::SignInRequired) => Ok(see_other("/sign-in")),
        Err(error) => Err(error),
    }
}

async fn show(
    request: &HttpRequest,
    app: &web::Data<State>,
    employee: Employee,
    next: String,
    problem: Option<&str>,
) -> Result<HttpResponse> {
    let id = employee.id;
    let read = app.db.lookup(move |conn| Ok((SecondFactors::of(conn, id)?, Account::get(conn)?.name)));
    let (factors, shop) = read.await?;
    let browser = BrowserToken::for_request(app, request);
    let page = SecondFactorPage {
        page: Page::outside("Second factor", &shop, browser.csrf.clone()),
        next,
        name: employee.name,
        has_app: factors.app.is_some(),
        passkey: passkey_options(app, id, &factors),
        has_recovery_codes: factors.recovery_codes > 0,
    };
    browser.set_cookie(match problem {
        None => html(page)?,
        Some(text) => unprocessable(SecondFactorPage { page: page.page.with_flash(Tone::Bad, text), ..page })?,
    })
}

fn passkey_options(app: &State, id: EmployeeKey, factors: &SecondFactors) -> Option<String> {
    let verifier = app.passkeys().filter(|_| !factors.passkeys.is_empty())?;
    Some(passkey_form::use_options(&verifier, Purpose::SecondFactor(id), &factors.passkeys, app.clock.now()))
}

// What was entered, and what to say if it is wrong. None if nothing was.
fn given(app: &State, form: &ProtectedForm) -> Option<(Given, &'static str)> {
    let (code, recovery_code) = (form.get("code").trim(), form.get("recovery").trim());
    if code.len().max(recovery_code.len()) > 100 {
        return None;
    }
    if !code.is_empty() {
        return Some((Given::Code(code.into()), WRONG_CODE));
    }
    if !recovery_code.is_empty() {
        return Some((Given::RecoveryCode(recovery_code.into()), WRONG_RECOVERY_CODE));
    }
    let (verifier, answer) = (app.passkeys()?, passkey_form::used(form).ok()?);
    (!answer.credential.is_empty()).then(|| (Given::Passkey(Box::new((verifier, answer))), WRONG_PASSKEY))
}

/// `POST /sign-in/second-factor`
pub async fn sign_in(request: HttpRequest, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let next = local(form.get("next"), app.config.public_url.origin());
    let employee = pending::employee(&request, &app).await?;
    let Some((given, problem)) = given(&app, &form) else {
        return show(&request, &app, employee, next, Some("Enter a code.")).await;
    };
    let (id, now, vault) = (employee.id, app.clock.now(), app.connections.vault.clone());
    let client_ip = client_ip::address(&request, &app.config.trusted_proxies);
    match app.db.write(move |conn| check(conn, &vault, id, &given, &client_ip, now)).await? {
        Checked::Correct(proof) => new_session::start(&request, &app, (id, proof), see_other(&next)),
        Checked::Wrong => {
            app.metrics.sign_in(metrics::SignIn::Wrong);
            show(&request, &app, employee, next, Some(problem)).await
        }
        Checked::Wait(seconds) => {
            app.metrics.sign_in(metrics::SignIn::TooMany);
            Err(Error::TooManyRequests(seconds))
        }
    }
}
