//! Signing in and out.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::clients::Client;
use crate::employees;
use crate::error::{Error, Result};
use crate::identity;
use crate::metrics;
use crate::oauth::authorization_request;
use crate::pages::sign_in::{new_session, steps};
use crate::web::client_ip;
use crate::web::form::ProtectedForm;
use crate::web::page::{RequestContext, Tone, see_other};
use crate::web::query::Query;
use crate::web::sign_in_page::{self, SignInForm};
use crate::web::state::State;

// The start of a path that continues an authorization request.
const AUTHORIZE: &str = "/auth/oauth/authorize?";

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
    let message = query.get("signed-out").map(|_| (Tone::Good, "You are signed out."));
    let may_sign_out_there = query.get("signed-out") == Some("provider");
    show(&request, &app, SignInForm { message, next, may_sign_out_there, ..SignInForm::default() }).await
}

async fn show(request: &HttpRequest, app: &web::Data<State>, mut form: SignInForm) -> Result<HttpResponse> {
    if let Some(id) = form.next.strip_prefix(AUTHORIZE).and_then(authorization_request::client_id) {
        let client = app.db.lookup(move |conn| Ok(Client::find_by_client_id(conn, &id)?)).await?;
        form.client = client.map(|client| client.name);
    }
    sign_in_page::show(request, app, form).await
}

/// Shows the form again, with what is wrong: 422.
pub(super) async fn refuse(
    request: &HttpRequest,
    app: &web::Data<State>,
    text: &'static str,
    (next, email): (String, String),
) -> Result<HttpResponse> {
    let form = SignInForm { message: Some((Tone::Bad, text)), next, email, ..SignInForm::default() };
    let mut page = show(request, app, form).await?;
    *page.status_mut() = actix_web::http::StatusCode::UNPROCESSABLE_ENTITY;
    Ok(page)
}

/// `POST /sign-in`
pub async fn sign_in(request: HttpRequest, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let next = local(form.get("next"), app.config.public_url.origin());
    let (email, given) = (form.get("email").trim(), form.get("password"));
    if email.is_empty() || given.is_empty() || email.chars().count() > 254 || email.contains('\0') {
        return refuse(&request, &app, "Enter your e-mail and your password.", (next, String::new())).await;
    }
    let client_ip = client_ip::address(&request, &app.config.trusted_proxies);
    let source = app.identity_source();
    let passwords = app.db.lookup(move |conn| identity::passwords(conn, source.borrowed())).await?;
    let device = new_session::known_device(&request, &app);
    let origin = employees::SignInOrigin { client_ip, device, passwords };
    let outcome = employees::sign_in(&app.db, &app.hasher, (email, given), origin, app.clock.now()).await;
    match &outcome {
        Ok(Some(_)) => app.metrics.sign_in(metrics::SignIn::Accepted),
        Ok(None) => app.metrics.sign_in(metrics::SignIn::Wrong),
        Err(Error::TooManyRequests(_)) => app.metrics.sign_in(metrics::SignIn::TooMany),
        Err(_) => {}
    }
    match outcome? {
        Some(employee) => steps::after_password(&request, &app, employee, &next).await,
        // The same text for a locked or archived employee, who would learn otherwise that the password is right.
        None => refuse(&request, &app, "Incorrect e-mail or password.", (next, email.to_string())).await,
    }
}

/// `POST /sign-out`
pub async fn sign_out(context: RequestContext, app: web::Data<State>, form: ProtectedForm) -> Result<HttpResponse> {
    let (id, session, client_ip, now) =
        (context.viewer.id, context.session_key, context.client_ip.clone(), context.now());
    let signed_out = app.db.write(move |conn| {
        let is_of_provider = identity::is_of_provider(conn, session)?;
        employees::sign_out(conn, id, session, &client_ip, now)?;
        Ok(is_of_provider)
    });
    let is_of_provider = signed_out.await?;
    context.forget();
    // "Not you?" on a consent page continues the authorization request with another employee.
    match local(form.get("next"), app.config.public_url.origin()) {
        next if next.starts_with(AUTHORIZE) => Ok(see_other(&next)),
        _ if is_of_provider => Ok(see_other("/sign-in?signed-out=provider")),
        _ => Ok(see_other("/sign-in?signed-out=1")),
    }
}

/// The path to continue at after signing in: `next` if it is a page of this server, otherwise what needs attention.
pub(super) fn local(next: &str, origin: &str) -> String {
    const HOME: &str = "/settings";
    // Browsers read `\` in a path as `/`. In a query it is a plain character, and authorization requests may contain it.
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

#[cfg(test)]
mod tests {
    use crate::pages::sign_in::sign_in::local;

    #[test]
    fn d8_the_way_back_stays_on_this_origin() {
        const HOME: &str = "/settings";
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
