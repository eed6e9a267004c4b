//! The consent page, and `POST /auth/oauth/consent`: the user allows or denies access (RFC 6749 section 4.1.2).
//!
//! Nothing is stored between the page and the decision. The form carries the authorization request with a signature that
//! is only valid for the session that was shown the page.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::activity::{Detail, Kind, NewActivity};
use crate::clients::{Client, RedirectUri, Website};
use crate::error::{Error, Result};
use crate::oauth::authorization_request::{AuthorizationRequest, ParsedRequest};
use crate::oauth::authorize::PATH;
use crate::scopes::{EffectiveAccess, Right};
use crate::time::{DAY, HOUR, MINUTE, count};
use crate::tokens::authorization_code::{AuthorizationCode, NewAuthorizationCode};
use crate::web::badge::Badge;
use crate::web::form::ProtectedForm;
use crate::web::oauth_error::OAuthError;
use crate::web::page::{Page, Section, html, see_other};
use crate::web::request_context::RequestContext;
use crate::web::state::State;
use crate::web::{form, headers};

#[derive(Template)]
#[template(path = "oauth/consent.html")]
struct Consent {
    page: Page,
    client: ClientSummary,
    employee: String,
    email: String,
    role: &'static str,
    shop: String,
    access: EffectiveAccess,
    redirect_host: String,
    expires_unused: String,
    expires: Option<String>,
    query: String,
    signature: String,
    authorize_url: String,
}

// What the page shows of the client.
struct ClientSummary {
    name: String,
    website: Website,
    lightspeed_approved: Badge,
    is_lightspeed_approved: bool,
    state: Option<Badge>,
}

impl Consent {
    // What a scope lets the client do, said to the person who decides.
    fn words(&self, right: &Right) -> String {
        right.words.replace("the employee’s role", "your role")
    }
}

/// The consent page.
pub fn page(
    app: &State,
    context: &RequestContext,
    authorization: &AuthorizationRequest,
    parsed: &ParsedRequest,
    query: &str,
) -> Result<HttpResponse> {
    let client = &authorization.client;
    let title = format!("Allow {} to access {}?", client.name, context.account.name);
    let mut page = context.page(title, Section::Settings);
    // Without the menu: the user came from the client.
    page.viewer = None;
    let mut response = html(Consent {
        page,
        client: ClientSummary {
            name: client.name.clone(),
            website: client.website.clone(),
            lightspeed_approved: Badge::lightspeed_approved(client),
            is_lightspeed_approved: client.lightspeed_approved_at.is_some(),
            state: Badge::client_state(client),
        },
        employee: context.viewer.name.clone(),
        email: context.email().to_string(),
        role: context.viewer.role.name(),
        shop: context.account.name.clone(),
        access: EffectiveAccess::of(&parsed.scope, context.viewer.role),
        redirect_host: RedirectUri::host_or_scheme(&authorization.redirect_uri),
        expires_unused: duration(app.config.lifetimes.refresh_token),
        expires: client.grants_end_after.map(duration),
        query: query.to_string(),
        signature: app.keys.consent.sign(&signed_text(context, query)),
        authorize_url: format!("{PATH}?{query}"),
    })?;
    let policy = headers::policy_for_forms_that_lead_to(&form_targets(&authorization.redirect_uri));
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy.parse().map_err(Error::internal)?);
    Ok(response)
}

/// `POST /auth/oauth/consent`: allows or denies access. If the session has ended, the request starts again with sign-in.
pub async fn decide(
    request: HttpRequest,
    app: web::Data<State>,
    context: Option<RequestContext>,
    form: std::result::Result<ProtectedForm, Error>,
) -> Result<HttpResponse> {
    let Some(context) = context else {
        return match form::is_same_origin(&request, app.config.public_url.origin()) {
            true => Ok(see_other(&format!("{PATH}?{}", request.query_string()))),
            false => Err(Error::ForgedForm),
        };
    };
    let form = form?;
    let query = form.get("request");
    if !app.keys.consent.verifies(&signed_text(&context, query), form.get("signature")) {
        return Err(Error::ForgedForm);
    }
    let authorization = AuthorizationRequest::read(&app, query).await?;
    let parsed = match authorization.check(query) {
        Ok(parsed) => parsed,
        Err(error) => return Ok(authorization.refuse(&app, &request, &error).await),
    };
    match form.get("decision") {
        "allow" => allow(&app, &context, authorization, parsed).await,
        "deny" => deny(&app, &context, authorization, parsed).await,
        _ => Err(Error::Invalid("Choose Allow or Deny.".into())),
    }
}

async fn allow(
    app: &State,
    context: &RequestContext,
    authorization: AuthorizationRequest,
    parsed: ParsedRequest,
) -> Result<HttpResponse> {
    let (client, employee, now) = (authorization.client.id, context.viewer.id, context.now());
    let redirect_uri = authorization.is_redirect_uri_given.then(|| authorization.redirect_uri.clone());
    let code = app
        .db
        .write(move |conn| {
            let client = Client::find_unrevoked(conn, client)?;
            let new = NewAuthorizationCode {
                client: client.id,
                employee,
                scope: &parsed.scope,
                redirect_uri: redirect_uri.as_deref(),
                code_challenge: parsed.code_challenge.as_deref(),
            };
            Ok(AuthorizationCode::issue(conn, &new, now)?)
        })
        .await?;
    Ok(authorization.redirect(app, &[("code", code.expose())]))
}

async fn deny(
    app: &State,
    context: &RequestContext,
    authorization: AuthorizationRequest,
    parsed: ParsedRequest,
) -> Result<HttpResponse> {
    let (viewer, client_ip, now) = (context.viewer.clone(), context.client_ip.clone(), context.now());
    let client = authorization.client.clone();
    app.db
        .write(move |conn| {
            NewActivity::new(Kind::ConsentDenied, viewer.actor(), client.subject())
                .from(&client_ip)
                .with(Detail::note(parsed.scope.in_words().join(", ")))
                .record(conn, now)
        })
        .await?;
    Ok(authorization.redirect_with_error(app, &OAuthError::access_denied()))
}

// The session is signed too, so that nobody can submit the form of another session.
fn signed_text(context: &RequestContext, query: &str) -> String {
    format!("{} {query}", context.session_key)
}

// The CSP source list of the form. Chromium applies `form-action` to every redirect after the POST, also to those of the
// client. A single origin would block a client that redirects from its callback to another host, after it has used the
// code; so the whole scheme is allowed.
fn form_targets(redirect_uri: &str) -> String {
    match redirect_uri.split(':').next().unwrap_or_default() {
        // A program on this computer often ends on a page of its website.
        "http" => "http: https:".into(),
        scheme => format!("{scheme}:"),
    }
}

fn duration(seconds: i64) -> String {
    match seconds {
        s if s >= DAY && s % DAY == 0 => count(s / DAY, "day"),
        s if s >= HOUR && s % HOUR == 0 => count(s / HOUR, "hour"),
        s => count(s / MINUTE, "minute"),
    }
}
