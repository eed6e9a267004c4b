//! `GET /auth/oauth/authorize` (RFC 6749 section 4.1.1): the request, the sign-in leg, the consent page; and the answer.
//!
//! Client and redirect URI are checked before anything else: as long as they do not fit, nobody is sent anywhere. Consent
//! is asked for every time. Between the page and its answer nothing is stored: the form carries the request as it was, and
//! a signature over it that holds for this very session.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::clients::Client;
use crate::error::{Error, Result};
use crate::oauth::authorization_request::{AuthorizationRequest, ParsedRequest};
use crate::pages::clients::client_detail::ClientFacts;
use crate::pages::sign_in::sign_in_page;
use crate::scopes::ScopeGroup;
use crate::time::{DAY, count};
use crate::tokens::authorization_code::{AuthorizationCode, NewAuthorizationCode};
use crate::web::form::ProtectedForm;
use crate::web::oauth_error::OAuthError;
use crate::web::page::{Page, RequestContext, Section, html, see_other};
use crate::web::state::State;
use crate::web::{form, headers};

const PATH: &str = "/auth/oauth/authorize";

#[derive(Template)]
#[template(path = "oauth/consent.html")]
struct Consent {
    page: Page,
    client: ClientFacts,
    shop: String,
    employee: String,
    email: String,
    role: &'static str,
    groups: Vec<ScopeGroup>,
    missing: Vec<String>,
    host: String,
    refresh_token: String,
    ends_after: Option<String>,
    query: String,
    signature: String,
    back: String,
}

/// `GET /auth/oauth/authorize`
pub async fn authorize(
    request: HttpRequest,
    app: web::Data<State>,
    context: Option<RequestContext>,
) -> Result<HttpResponse> {
    let query = request.query_string();
    let asking = AuthorizationRequest::read(&app, query).await?;
    let asked = match asking.check(query) {
        Ok(asked) => asked,
        Err(error) => return Ok(asking.refuse(&app, &error)),
    };
    let here = format!("{PATH}?{query}");
    let Some(context) = context else {
        return sign_in_page::leg(&request, &app, here).await;
    };
    consent(&app, &context, &asking, &asked, (query, here))
}

fn consent(
    app: &State,
    context: &RequestContext,
    asking: &AuthorizationRequest,
    asked: &ParsedRequest,
    (query, here): (&str, String),
) -> Result<HttpResponse> {
    let client = &asking.client;
    let (groups, missing) = asked.scope.for_consent(context.viewer.role);
    let mut page = context.page(format!("Let {} in?", client.name), Section::Settings);
    page.viewer = None;
    let mut response = html(Consent {
        page,
        client: ClientFacts::of(client),
        shop: context.account.name.clone(),
        employee: context.viewer.name.clone(),
        email: context.email().to_string(),
        role: context.viewer.role.name(),
        groups,
        missing,
        host: destination(&asking.redirect_uri),
        refresh_token: lasting(app.config.lifetimes.refresh_token),
        ends_after: client.grants_end_after.map(lasting),
        query: query.to_string(),
        signature: sign(app, context, query),
        back: here,
    })?;
    let policy = headers::policy_for_forms_that_lead_to(&form_targets(&asking.redirect_uri));
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy.parse().map_err(Error::internal)?);
    Ok(response)
}

/// `POST /auth/oauth/consent`: lets the client in, or keeps it out. When the session ended meanwhile, the request begins
/// again with the sign-in.
pub async fn decide(
    request: HttpRequest,
    app: web::Data<State>,
    context: Option<RequestContext>,
    form: std::result::Result<ProtectedForm, Error>,
) -> Result<HttpResponse> {
    let Some(context) = context else {
        return match form::is_from_us(&request, app.config.public_url.origin()) {
            true => Ok(see_other(&format!("{PATH}?{}", request.query_string()))),
            false => Err(Error::ForgedForm),
        };
    };
    let form = form?;
    let query = form.get("request");
    if !app.keys.consent.verifies(&format!("{} {query}", context.session_key), form.get("signature")) {
        return Err(Error::ForgedForm);
    }
    let asking = AuthorizationRequest::read(&app, query).await?;
    let asked = match asking.check(query) {
        Ok(asked) => asked,
        Err(error) => return Ok(asking.refuse(&app, &error)),
    };
    match form.get("decision") {
        "approve" => mark_lightspeed_approved(&app, &context, asking, asked).await,
        "deny" => deny(&app, &context, asking, asked).await,
        _ => Err(Error::Invalid("Choose one of the two buttons.".into())),
    }
}

async fn mark_lightspeed_approved(
    app: &State,
    context: &RequestContext,
    asking: AuthorizationRequest,
    asked: ParsedRequest,
) -> Result<HttpResponse> {
    let (client, employee, now) = (asking.client.id, context.viewer.id, context.now());
    let redirect_uri = asking.is_redirect_uri_given.then(|| asking.redirect_uri.clone());
    let code = app
        .db
        .write(move |conn| {
            let client = Client::find_unrevoked(conn, client)?;
            let new = NewAuthorizationCode {
                client: client.id,
                employee,
                scope: &asked.scope,
                redirect_uri: redirect_uri.as_deref(),
                code_challenge: asked.code_challenge.as_deref(),
            };
            Ok(AuthorizationCode::issue(conn, &new, now)?)
        })
        .await?;
    Ok(asking.answer(app, &[("code", code.expose())]))
}

async fn deny(
    app: &State,
    context: &RequestContext,
    asking: AuthorizationRequest,
    asked: ParsedRequest,
) -> Result<HttpResponse> {
    let (viewer, client_ip, now) = (context.viewer.clone(), context.client_ip.clone(), context.now());
    let client = asking.client.clone();
    app.db
        .write(move |conn| {
            NewActivity::new(Kind::ConsentDenied, Actor::person(viewer.id, &viewer.name), client.subject())
                .from(&client_ip)
                .with(Detail::note(asked.scope.in_words().join(", ")))
                .record(conn, now)
        })
        .await?;
    Ok(asking.refuse(app, &OAuthError::access_denied()))
}

fn sign(app: &State, context: &RequestContext, query: &str) -> String {
    app.keys.consent.sign(&format!("{} {query}", context.session_key))
}

// Where the browser goes afterwards, in a word: the host, or the scheme of an app.
fn destination(redirect_uri: &str) -> String {
    let url = url::Url::parse(redirect_uri).ok();
    let host = url.as_ref().and_then(|url| url.host_str()).map(str::to_string);
    host.unwrap_or_else(|| redirect_uri.split(':').next().unwrap_or_default().to_string())
}

// What the consent form may lead to. Chromium holds form-action against every redirect that follows the POST, also those
// the client makes on its own side, so it is the scheme: with the one origin alone, a client that sends people from its
// callback to another host would leave them on this page after the code was spent.
fn form_targets(redirect_uri: &str) -> String {
    match redirect_uri.split(':').next().unwrap_or_default() {
        // A program on this machine often ends on a page of its website.
        "http" => "http: https:".into(),
        scheme => format!("{scheme}:"),
    }
}

fn lasting(seconds: i64) -> String {
    match seconds {
        s if s >= DAY && s % DAY == 0 => count(s / DAY, "day"),
        s if s >= 3600 && s % 3600 == 0 => count(s / 3600, "hour"),
        s => count(s / 60, "minute"),
    }
}
