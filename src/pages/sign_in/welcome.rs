//! Choosing a password, by the link of an invitation or a password reset.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::account::Account;
use crate::employees::{self, Employee, OneTimeLink, Purpose, password};
use crate::error::{Error, Result};
use crate::identity;
use crate::pages::sign_in::steps;
use crate::web::client_ip;
use crate::web::form::{BrowserToken, ProtectedForm};
use crate::web::page::{Page, Tone, html, unprocessable};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "sign_in/welcome.html")]
struct Welcome {
    page: Page,
    name: String,
    email: String,
    is_invitation: bool,
    shortest: usize,
}

/// `GET /welcome/{secret}`
pub async fn form(request: HttpRequest, app: web::Data<State>, secret: web::Path<String>) -> Result<HttpResponse> {
    let found = find(&app, &secret).await?;
    show(&request, &app, found, None)
}

async fn find(app: &State, secret: &str) -> Result<(Account, Employee, Purpose)> {
    let (secret, now, source) = (secret.to_string(), app.clock.now(), app.identity_source());
    let found = app.db.lookup(move |conn| {
        let link = OneTimeLink::find_for(conn, &secret, &[Purpose::Invite, Purpose::Reset, Purpose::Forgot], now)?;
        let employee = link.employee(conn)?;
        identity::require_password(conn, source.borrowed(), employee.id)?;
        Ok((Account::get(conn)?, employee, link.purpose))
    });
    found.await
}

fn show(
    request: &HttpRequest,
    app: &web::Data<State>,
    (account, employee, purpose): (Account, Employee, Purpose),
    problem: Option<&str>,
) -> Result<HttpResponse> {
    let browser = BrowserToken::for_request(app, request);
    let welcome = Welcome {
        page: Page::outside("Choose a password", &account.name, browser.csrf.clone()),
        name: employee.name,
        email: employee.email,
        is_invitation: purpose == Purpose::Invite,
        shortest: password::SHORTEST,
    };
    browser.set_cookie(match problem {
        None => html(welcome)?,
        Some(text) => unprocessable(Welcome { page: welcome.page.with_flash(Tone::Bad, text), ..welcome })?,
    })
}

/// `POST /welcome/{secret}`: sets the password, signs the employee out of every other browser and in to this one.
pub async fn welcome(
    request: HttpRequest,
    app: web::Data<State>,
    secret: web::Path<String>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (account, employee, purpose) = find(&app, &secret).await?;
    let about = [account.name.as_str(), &employee.name, &employee.email];
    match password::check_new(form.get("password"), form.get("again"), &about) {
        Ok(()) => {}
        Err(Error::Invalid(problem)) => {
            return show(&request, &app, (account, employee, purpose), Some(&problem));
        }
        Err(error) => return Err(error),
    }
    let hash = app.hasher.hash(form.get("password")).await?;
    let (now, client_ip) = (app.clock.now(), client_ip::address(&request, &app.config.trusted_proxies));
    let source = app.identity_source();
    let redeem = move |conn: &mut _| {
        // They may have been switched off while the password was hashed.
        identity::require_password(conn, source.borrowed(), employee.id)?;
        employees::redeem_link(conn, &secret, &hash, &client_ip, now)
    };
    let id = app.db.write(redeem).await?;
    steps::after_password(&request, &app, id, "/settings").await
}
