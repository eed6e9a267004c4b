//! "Forgot your password?": asking for a link to choose a new one. The answer is the same for every address.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::account::Account;
use crate::employees;
use crate::error::{Error, Result};
use crate::notices::{self, Channel};
use crate::web::client_ip;
use crate::web::email_address::email_address;
use crate::web::form::{BrowserToken, ProtectedForm};
use crate::web::page::{Page, Tone, html, see_other, unprocessable};
use crate::web::query::Query;
use crate::web::state::State;

const SENT: &str = "/forgot-password?sent=1";

#[derive(Template)]
#[template(path = "sign_in/forgot_password.html")]
struct ForgotPassword {
    page: Page,
    // Whether the server can send a link.
    is_possible: bool,
    is_sent: bool,
    email: String,
}

/// `GET /forgot-password`
pub async fn form(request: HttpRequest, app: web::Data<State>, query: Query) -> Result<HttpResponse> {
    show(&request, &app, query.get("sent").is_some(), None).await
}

// `refused`: what is wrong, and the address as it was typed.
async fn show(
    request: &HttpRequest,
    app: &web::Data<State>,
    is_sent: bool,
    refused: Option<(&str, &str)>,
) -> Result<HttpResponse> {
    let found = app.db.lookup(|conn| Ok((Account::get(conn)?.name, notices::is_set_up(conn, Channel::Email)?)));
    let (shop, is_possible) = found.await?;
    let browser = BrowserToken::for_request(app, request);
    let page = Page::outside("Forgot your password?", &shop, browser.csrf.clone());
    let content = ForgotPassword { page, is_possible, is_sent, email: String::new() };
    browser.set_cookie(match refused {
        None => html(content)?,
        Some((text, typed)) => {
            let page = content.page.with_flash(Tone::Bad, text);
            unprocessable(ForgotPassword { page, email: typed.into(), ..content })?
        }
    })
}

/// `POST /forgot-password`: a background job sends the link, if the address is that of an employee who can sign in.
pub async fn request_link(request: HttpRequest, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let email = match email_address(&form) {
        Ok(email) => email,
        Err(Error::Invalid(problem)) => return show(&request, &app, false, Some((&problem, form.get("email")))).await,
        Err(error) => return Err(error),
    };
    let client_ip = client_ip::address(&request, &app.config.trusted_proxies);
    employees::request_reset(&app.db, &email, &client_ip, app.clock.now()).await?;
    Ok(see_other(SENT))
}
