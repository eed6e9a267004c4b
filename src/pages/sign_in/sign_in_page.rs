//! Signing in and out, setting up the first admin, and the one-time links on which people choose a password.

use actix_session::SessionExt;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::account::Account;
use crate::activity::{Actor, Kind, NewActivity, Subject};
use crate::clients::Client;
use crate::employees::{Attempt, Attempts, Employee, NewEmployee, OneTimeLink, Purpose, password};
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::oauth::authorization_request;
use crate::scopes::Role;
use crate::secrets::TokenHash;
use crate::text::fold;
use crate::time::{DAY, count};
use crate::web::client_ip;
use crate::web::form::{BrowserToken, ProtectedForm};
use crate::web::page::{Page, RequestContext, Tone, html, see_other};
use crate::web::query::Query;
use crate::web::session_store::{SIGN_IN, Session, SignIn};
use crate::web::state::State;

// What a sign-in in the middle of an authorization request goes back to.
const AUTHORIZE: &str = "/auth/oauth/authorize?";
const DEVICE_LIFETIME: i64 = 180 * DAY;

#[derive(Template)]
#[template(path = "employees/sign_in.html")]
struct SignInPage {
    page: Page,
    next: String,
    email: String,
    // Which client waits for it.
    asking: Option<String>,
}

/// The sign-in in the middle of an authorization request, which goes on at `next`.
pub async fn leg(request: &HttpRequest, app: &web::Data<State>, next: String) -> Result<HttpResponse> {
    show(request, app, None, next, String::new()).await
}

/// `GET /sign-in`
pub async fn form(
    request: HttpRequest,
    app: web::Data<State>,
    query: Query,
    context: Option<RequestContext>,
) -> Result<HttpResponse> {
    let next = local(query.get("next").unwrap_or_default(), app.config.public_url.origin());
    if context.is_some() {
        return Ok(see_other(&next));
    }
    let notice = query.get("signed-out").map(|_| (Tone::Good, "You are signed out."));
    show(&request, &app, notice, next, String::new()).await
}

async fn show(
    request: &HttpRequest,
    app: &web::Data<State>,
    notice: Option<(Tone, &str)>,
    next: String,
    email: String,
) -> Result<HttpResponse> {
    let id = next.strip_prefix(AUTHORIZE).and_then(authorization_request::client_id);
    let (shop, asking) = app
        .db
        .read(move |conn| {
            let client = id.as_deref().map(|id| Client::find_by_client_id(conn, id)).transpose()?.flatten();
            Ok((Account::get(conn)?.name, client.map(|client| client.name)))
        })
        .await?;
    let browser = BrowserToken::for_request(app, request);
    let shop = if shop.is_empty() { "Client API Access".to_string() } else { shop };
    let mut page = Page::outside("Sign in", &shop, browser.csrf);
    if let Some((tone, text)) = notice {
        page = page.with_flash(tone, text);
    }
    with_cookie(html(SignInPage { page, next, email, asking })?, browser.cookie)
}

fn with_cookie(mut response: HttpResponse, cookie: Option<Cookie<'static>>) -> Result<HttpResponse> {
    if let Some(cookie) = cookie {
        response.add_cookie(&cookie).map_err(Error::internal)?;
    }
    Ok(response)
}

/// Where to go after signing in: a page of ours, whatever the address says.
fn local(next: &str, origin: &str) -> String {
    const HOME: &str = "/settings/client-api-access";
    // Browsers read `\` as `/` in a path; in a query, where an authorization request may have one, it is itself.
    let path = next.split('?').next().unwrap_or_default();
    let plain = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
    let plain = plain && !next.contains(['\t', '\n', '\r']);
    let Ok(base) = url::Url::parse(origin) else {
        return HOME.into();
    };
    match base.join(next) {
        Ok(url) if plain && url.origin() == base.origin() && !url.path().starts_with("//") => {
            url[url::Position::BeforePath..url::Position::AfterQuery].to_string()
        }
        _ => HOME.into(),
    }
}

// The cookie that says "this browser has signed in to this account before": employee, nonce, signature.
fn device_of(request: &HttpRequest, app: &State, employee: Option<EmployeeKey>) -> Option<String> {
    let cookie = request.cookie(&app.config.public_url.cookie_name("device"))?;
    let (device, signature) = cookie.value().rsplit_once('.')?;
    let (owner, nonce) = device.split_once('.')?;
    let theirs = employee.is_some_and(|id| owner == id.to_string());
    (theirs && app.keys.device.verifies(device, signature)).then(|| nonce.to_string())
}

fn device_cookie(app: &State, employee: EmployeeKey) -> Cookie<'static> {
    let device = format!("{employee}.{}", crate::secrets::random_name(22));
    let value = format!("{device}.{}", app.keys.device.sign(&device));
    Cookie::build(app.config.public_url.cookie_name("device"), value)
        .path("/")
        .http_only(true)
        .secure(app.config.public_url.is_https())
        .same_site(SameSite::Lax)
        .max_age(Duration::seconds(DEVICE_LIFETIME))
        .finish()
}

/// `POST /sign-in`: every way it can fail does the same work and answers the same words.
pub async fn sign_in(request: HttpRequest, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let next = local(form.get("next"), app.config.public_url.origin());
    let email = form.get("email").trim().to_string();
    let given = form.get("password").to_string();
    if email.is_empty() || given.is_empty() || email.chars().count() > 254 || email.contains('\0') {
        let text = "Fill in your e-mail and your password.";
        let mut page = show(&request, &app, Some((Tone::Bad, text)), next, String::new()).await?;
        *page.status_mut() = actix_web::http::StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(page);
    }
    if given.chars().count() > password::LONGEST {
        return Err(Error::Invalid(format!("A password has at most {} characters.", password::LONGEST)));
    }
    let client_ip = client_ip::address(&request, &app.config.trusted_proxies);
    let asked = email.clone();
    let employee = app.db.read(move |conn| Ok(Employee::find_by_email(conn, &asked)?)).await?;
    let device = device_of(&request, &app, employee.as_ref().map(|employee| employee.id));
    let attempts = Attempts::of(&email, &client_ip, device.as_deref());
    let (counted, now) = (attempts.clone(), app.clock.now());
    if let Attempt::Wait(seconds) = app.db.write(move |conn| counted.begin(conn, now)).await? {
        return Err(Error::TooManyRequests(seconds));
    }
    let hash = employee.as_ref().and_then(Employee::password_hash);
    let fits = app.hasher.verify(&given, hash).await?;
    let Some(employee) = employee.filter(|employee| fits && employee.may_sign_in()) else {
        return refused(&request, &app, (email, client_ip), next).await;
    };
    if let Some(hash) = employee.password_hash().filter(|hash| password::is_outdated(hash)) {
        let (id, old) = (employee.id, hash.to_string());
        let new = app.hasher.hash(&given).await?;
        log::info!("the password hash of employee {id} was made anew: {}", old.split('$').nth(1).unwrap_or_default());
        app.db.write(move |conn| Ok(Employee::set_password(conn, id, &new)?)).await?;
    }
    app.db.write(move |conn| Ok(attempts.succeeded(conn)?)).await?;
    start_session(&request, &app, employee.id, client_ip)?;
    with_cookie(see_other(&next), Some(device_cookie(&app, employee.id)))
}

// The session itself is written by the store, which renews the cookie's key, so nothing planted before is adopted.
fn start_session(request: &HttpRequest, app: &State, employee: EmployeeKey, client_ip: String) -> Result<()> {
    let agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let user_agent = agent.chars().filter(|c| !c.is_control()).take(300).collect();
    let session = request.get_session();
    session.clear();
    session.renew();
    session.insert(SIGN_IN, SignIn { employee, client_ip, user_agent }).map_err(Error::internal)?;
    log::info!("employee {employee} signed in at {}", app.clock.now().0);
    Ok(())
}

async fn refused(
    request: &HttpRequest,
    app: &web::Data<State>,
    (email, client_ip): (String, String),
    next: String,
) -> Result<HttpResponse> {
    let now = app.clock.now();
    let subject = Subject::named("sign_in", 0, &format!("address {}", TokenHash::of(&fold(&email)).short_hex()));
    let entry = NewActivity::new(Kind::SignInFailed, Actor::nobody(), subject).from(&client_ip);
    app.db.write(move |conn| entry.record(conn, now)).await?;
    let text =
        "That e-mail and password do not fit together, or the account is not active. Check both, or ask an admin.";
    let mut page = show(request, app, Some((Tone::Bad, text)), next, email).await?;
    *page.status_mut() = actix_web::http::StatusCode::UNPROCESSABLE_ENTITY;
    Ok(page)
}

/// `POST /sign-out`
pub async fn sign_out(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let (viewer, session, client_ip, now) =
        (context.viewer.clone(), context.session_key, context.client_ip.clone(), context.now());
    app.db
        .write(move |conn| {
            Session::end(conn, viewer.id, session)?;
            let employee = Employee::find(conn, viewer.id)?;
            NewActivity::new(Kind::SignedOut, viewer.actor(), employee.subject()).from(&client_ip).record(conn, now)
        })
        .await?;
    context.forget();
    // "Not you?" on a consent page: the request goes on with somebody else.
    match local(form.get("next"), app.config.public_url.origin()) {
        next if next.starts_with(AUTHORIZE) => Ok(see_other(&next)),
        _ => Ok(see_other("/sign-in?signed-out=1")),
    }
}

#[derive(Template)]
#[template(path = "employees/set_up.html")]
struct SetUp {
    page: Page,
    zones: Vec<String>,
    name: String,
    email: String,
    shop: String,
    zone: String,
}

/// `GET /set-up/{secret}`: the form behind the link that an empty installation prints on its console.
pub async fn set_up_form(
    request: HttpRequest,
    app: web::Data<State>,
    secret: web::Path<String>,
) -> Result<HttpResponse> {
    let now = app.clock.now();
    app.db.read(move |conn| usable(conn, &secret, &[Purpose::SetUp], now).map(drop)).await?;
    show_set_up(&request, &app, None, &ProtectedFields::default())
}

#[derive(Default)]
struct ProtectedFields {
    name: String,
    email: String,
    shop: String,
    zone: String,
}

fn show_set_up(
    request: &HttpRequest,
    app: &web::Data<State>,
    problem: Option<&str>,
    fields: &ProtectedFields,
) -> Result<HttpResponse> {
    let browser = BrowserToken::for_request(app, request);
    let mut page = Page::outside("Set up", "Client API Access", browser.csrf);
    if let Some(problem) = problem {
        page = page.with_flash(Tone::Bad, problem);
    }
    let set_up = SetUp {
        page,
        zones: crate::pages::account::account_settings::time_zones(),
        name: fields.name.clone(),
        email: fields.email.clone(),
        shop: fields.shop.clone(),
        zone: if fields.zone.is_empty() { "UTC".into() } else { fields.zone.clone() },
    };
    let mut response = html(set_up)?;
    if problem.is_some() {
        *response.status_mut() = actix_web::http::StatusCode::UNPROCESSABLE_ENTITY;
    }
    with_cookie(response, browser.cookie)
}

fn usable(
    conn: &mut crate::db::DbConnection,
    secret: &str,
    purposes: &[Purpose],
    now: crate::time::Timestamp,
) -> Result<OneTimeLink> {
    let link = OneTimeLink::find(conn, secret, now)?;
    match purposes.contains(&link.purpose) {
        true => Ok(link),
        false => Err(Error::NotFound),
    }
}

/// An e-mail address as far as it can be told without writing to it.
pub fn email_address(form: &ProtectedForm) -> Result<String> {
    let email = form.line("email", "The e-mail", 254)?;
    let sound = email.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.')
    });
    match sound && !email.contains(char::is_whitespace) && email.matches('@').count() == 1 {
        true => Ok(email),
        false => {
            Err(Error::Invalid("The e-mail does not look like one: it should read like name@shop.example.".into()))
        }
    }
}

fn new_password(form: &ProtectedForm, about: &[&str]) -> Result<String> {
    let password = form.get("password");
    if password != form.get("again") {
        return Err(Error::Invalid("The two passwords are not the same. Type the same one twice.".into()));
    }
    password::check(password, about)?;
    Ok(password.to_string())
}

/// `POST /set-up/{secret}`: makes the first admin and names the shop. The link works once.
pub async fn set_up(
    request: HttpRequest,
    app: web::Data<State>,
    secret: web::Path<String>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let fields = ProtectedFields {
        name: form.get("name").into(),
        email: form.get("email").into(),
        shop: form.get("shop").into(),
        zone: form.get("zone").into(),
    };
    let checked = (|| {
        let name = form.line("name", "Your name", 100)?;
        let shop = form.line("shop", "The shop's name", 100)?;
        let email = email_address(&form)?;
        let zone = crate::pages::account::account_settings::time_zone(&form)?;
        let password = new_password(&form, &[&shop, &name, &email])?;
        Ok((name, shop, email, zone, password))
    })();
    let (name, shop, email, zone, password) = match checked {
        Ok(checked) => checked,
        Err(Error::Invalid(problem)) => {
            return show_set_up(&request, &app, Some(&problem), &fields);
        }
        Err(error) => return Err(error),
    };
    let hash = app.hasher.hash(&password).await?;
    let now = app.clock.now();
    let client_ip = client_ip::address(&request, &app.config.trusted_proxies);
    let from = client_ip.clone();
    let id = app
        .db
        .write(move |conn| {
            usable(conn, &secret, &[Purpose::SetUp], now)?;
            OneTimeLink::redeem(conn, &secret, now)?;
            if Employee::admins(conn)? > 0 {
                return Err(Error::Gone("The shop has been set up already. Sign in instead.".into()));
            }
            Account::update(conn, &shop, &zone)?;
            let new = NewEmployee { name: &name, email: &email, role: Role::Admin, password_hash: Some(&hash) };
            let id = Employee::create(conn, &new, now)?;
            let employee = Employee::find(conn, id)?;
            NewActivity::new(Kind::SetUp, Actor::person(id, &name), employee.subject())
                .from(&from)
                .record(conn, now)?;
            Ok(id)
        })
        .await?;
    start_session(&request, &app, id, client_ip)?;
    with_cookie(see_other("/settings"), Some(device_cookie(&app, id)))
}

#[derive(Template)]
#[template(path = "employees/welcome.html")]
struct Welcome {
    page: Page,
    name: String,
    email: String,
    is_invitation: bool,
}

/// `GET /welcome/{secret}`: choose a password, after an invitation or a reset.
pub async fn welcome_form(
    request: HttpRequest,
    app: web::Data<State>,
    secret: web::Path<String>,
) -> Result<HttpResponse> {
    show_welcome(&request, &app, &secret, None).await
}

async fn show_welcome(
    request: &HttpRequest,
    app: &web::Data<State>,
    secret: &str,
    problem: Option<&str>,
) -> Result<HttpResponse> {
    let (secret, now) = (secret.to_string(), app.clock.now());
    let (account, employee, link) = app
        .db
        .read(move |conn| {
            let link = usable(conn, &secret, &[Purpose::Invite, Purpose::Reset], now)?;
            let employee = Employee::find(conn, link.employee_id.ok_or(Error::NotFound)?)?;
            Ok((Account::get(conn)?, employee, link))
        })
        .await?;
    let browser = BrowserToken::for_request(app, request);
    let mut page = Page::outside("Choose a password", &account.name, browser.csrf);
    if let Some(problem) = problem {
        page = page.with_flash(Tone::Bad, problem);
    }
    let is_invitation = link.purpose == Purpose::Invite;
    let mut response = html(Welcome { page, name: employee.name, email: employee.email, is_invitation })?;
    if problem.is_some() {
        *response.status_mut() = actix_web::http::StatusCode::UNPROCESSABLE_ENTITY;
    }
    with_cookie(response, browser.cookie)
}

/// `POST /welcome/{secret}`: every other sign-in of the person ends.
pub async fn welcome(
    request: HttpRequest,
    app: web::Data<State>,
    secret: web::Path<String>,
    form: ProtectedForm,
) -> Result<HttpResponse> {
    let (asked, now) = (secret.to_string(), app.clock.now());
    let (account, employee) = app
        .db
        .read(move |conn| {
            let link = usable(conn, &asked, &[Purpose::Invite, Purpose::Reset], now)?;
            Ok((Account::get(conn)?, Employee::find(conn, link.employee_id.ok_or(Error::NotFound)?)?))
        })
        .await?;
    let password = match new_password(&form, &[&account.name, &employee.name, &employee.email]) {
        Ok(password) => password,
        Err(Error::Invalid(problem)) => {
            return show_welcome(&request, &app, &secret, Some(&problem)).await;
        }
        Err(error) => return Err(error),
    };
    let hash = app.hasher.hash(&password).await?;
    let client_ip = client_ip::address(&request, &app.config.trusted_proxies);
    let from = client_ip.clone();
    let id = app
        .db
        .write(move |conn| {
            let link = OneTimeLink::redeem(conn, &secret, now)?;
            let employee = Employee::find(conn, link.employee_id.ok_or(Error::NotFound)?)?;
            if !employee.is_active() {
                return Err(Error::Gone("The account is not active. Ask an admin.".into()));
            }
            Employee::set_password(conn, employee.id, &hash)?;
            let ended = Session::end_all(conn, employee.id, None)?;
            let kind = match link.purpose {
                Purpose::Invite => Kind::InvitationAccepted,
                _ => Kind::PasswordChanged,
            };
            let note = if ended > 0 { format!("{} ended", count(ended as i64, "sign-in")) } else { String::new() };
            NewActivity::new(kind, Actor::person(employee.id, &employee.name), employee.subject())
                .from(&from)
                .with(crate::activity::Detail::note(note))
                .record(conn, now)?;
            Ok(employee.id)
        })
        .await?;
    start_session(&request, &app, id, client_ip)?;
    with_cookie(see_other("/settings"), Some(device_cookie(&app, id)))
}

#[cfg(test)]
mod tests {
    use crate::pages::sign_in::sign_in_page::local;

    #[test]
    fn d8_the_way_back_stays_on_this_origin() {
        const HOME: &str = "/settings/client-api-access";
        let to = |next| local(next, "https://pos.example");

        assert_eq!(to("/settings/employees?name=a"), "/settings/employees?name=a");
        for evil in [
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "https://evil.example/",
            "\\\\evil.example",
            "",
            "settings",
            "/%09/evil.example/..//evil",
        ] {
            let landed = to(evil);
            assert!(landed == HOME || (landed.starts_with('/') && !landed.starts_with("//")), "{evil} -> {landed}");
        }
        assert_eq!(to("//evil.example"), HOME);
        assert_eq!(to("/auth/oauth/authorize?state=a\\b"), "/auth/oauth/authorize?state=a\\b");
        assert_eq!(to("/%2f%2fevil.example"), "/%2f%2fevil.example");
    }
}
