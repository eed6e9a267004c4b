//! Setting up an empty installation, by the link that the server prints at its first start.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::account;
use crate::employees::{self, NewEmployee, OneTimeLink, Purpose, password};
use crate::error::{Error, Result};
use crate::pages::sign_in::steps;
use crate::scopes::Role;
use crate::web::client_ip;
use crate::web::email_address::email_address;
use crate::web::form::{BrowserToken, ProtectedForm};
use crate::web::page::{Page, Tone, html, unprocessable};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "sign_in/set_up.html")]
struct SetUp {
    page: Page,
    zones: Vec<String>,
    shortest: usize,
    fields: Fields,
}

// The form as it was typed; never the passwords.
struct Fields {
    name: String,
    email: String,
    shop: String,
    zone: String,
}

impl Fields {
    fn typed(form: &ProtectedForm) -> Fields {
        Fields {
            name: form.get("name").into(),
            email: form.get("email").into(),
            shop: form.get("shop").into(),
            zone: form.get("zone").into(),
        }
    }
}

struct CheckedForm {
    name: String,
    email: String,
    shop: String,
    zone: String,
    password: String,
}

impl CheckedForm {
    fn read(form: &ProtectedForm) -> Result<CheckedForm> {
        let name = form.line("name", "Your name", 100)?;
        let shop = form.line("shop", "The shop's name", 100)?;
        let email = email_address(form)?;
        let zone = account::time_zone(form.line("zone", "The time zone", 60)?)?;
        password::check_new(form.get("password"), form.get("again"), &[&shop, &name, &email])?;
        Ok(CheckedForm { name, email, shop, zone, password: form.get("password").into() })
    }
}

/// `GET /set-up/{secret}`
pub async fn form(request: HttpRequest, app: web::Data<State>, secret: web::Path<String>) -> Result<HttpResponse> {
    let now = app.clock.now();
    app.db.lookup(move |conn| OneTimeLink::find_for(conn, &secret, &[Purpose::SetUp], now).map(drop)).await?;
    let (name, email, shop) = (String::new(), String::new(), String::new());
    show(&request, &app, None, Fields { name, email, shop, zone: "UTC".into() })
}

fn show(request: &HttpRequest, app: &web::Data<State>, problem: Option<&str>, fields: Fields) -> Result<HttpResponse> {
    let browser = BrowserToken::for_request(app, request);
    let page = Page::outside("Set up", "Client API Access", browser.csrf.clone());
    let (zones, shortest) = (account::time_zones(), password::SHORTEST);
    browser.set_cookie(match problem {
        None => html(SetUp { page, zones, shortest, fields })?,
        Some(text) => unprocessable(SetUp { page: page.with_flash(Tone::Bad, text), zones, shortest, fields })?,
    })
}

/// `POST /set-up/{secret}`: creates the first admin and signs them in. The link works once.
pub async fn set_up(
    request: HttpRequest,
    app: web::Data<State>,
    secret: web::Path<String>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let checked = match CheckedForm::read(&form) {
        Ok(checked) => checked,
        Err(Error::Invalid(problem)) => return show(&request, &app, Some(&problem), Fields::typed(&form)),
        Err(error) => return Err(error),
    };
    let hash = app.hasher.hash(&checked.password).await?;
    let (now, client_ip) = (app.clock.now(), client_ip::address(&request, &app.config.trusted_proxies));
    let id = app
        .db
        .write(move |conn| {
            let CheckedForm { name, email, shop, zone, .. } = &checked;
            let admin = NewEmployee { name, email, role: Role::Admin, password_hash: Some(&hash) };
            employees::set_up(conn, &secret, (shop, zone), (&admin, &client_ip), now)
        })
        .await?;
    steps::after_password(&request, &app, id, "/settings").await
}
