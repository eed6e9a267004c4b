//! Signing in through the identity provider: the redirect to it, and its answer.

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::form_urlencoded;

use crate::account::Account;
use crate::employees::ProviderSession;
use crate::error::{Error, Result};
use crate::identity::{self, Answer, Asking, Attempt, IdentityProvider, ProviderCache, Purpose, Refusal};
use crate::metrics;
use crate::pages::sign_in::confirmed::confirmed_at_provider;
use crate::pages::sign_in::new_session;
use crate::pages::sign_in::sign_in::local;
use crate::web::client_ip;
use crate::web::page::{Page, RequestContext, html, see_other};
use crate::web::sign_in_page::provider_path;
use crate::web::state::State;

const COOKIE: &str = "provider";
const COOKIE_SECONDS: i64 = 600;
// The codes of some providers are long.
const LONGEST_QUERY: usize = 8 * 1024;
const NOT_BEGUN: &str = "This sign-in was not begun in this browser within the last ten minutes, or it is already complete. \
     Open the sign-in page and begin again.";

#[derive(Template)]
#[template(path = "sign_in/provider_failed.html")]
struct ProviderFailed {
    page: Page,
    provider: String,
    reason: String,
    may_pass: bool,
    again: String,
    is_signed_in: bool,
}

/// The path that leads somebody who is signed in to the provider to sign in again (`prompt=login`, `max_age=0`), and back to
/// `next`. The provider's answer must be about the same employee and must say that they signed in after that
/// (`auth_time`); then the session counts as confirmed.
pub fn confirm_path(next: &str) -> String {
    format!("{}&again=1", provider_path(next))
}

/// `GET /sign-in/provider`: redirects to the provider.
pub async fn begin(
    request: HttpRequest,
    app: web::Data<State>,
    cache: web::Data<ProviderCache>,
    context: Option<RequestContext>,
) -> Result<HttpResponse> {
    let query = Parameters::read(&request)?;
    let next = local(query.get("next"), app.config.public_url.origin());
    let purpose = match (&context, query.get("again")) {
        (Some(context), "1") => Purpose::Again(context.viewer.id),
        (Some(_), _) => return Ok(see_other(&next)),
        (None, _) => Purpose::SignIn,
    };
    let provider = provider(&app).await?;
    match identity::begin(asking(&app, &cache, &provider), purpose, &next).await {
        Ok((url, attempt)) => {
            let mut response = see_other(url.as_str());
            response.add_cookie(&attempt_cookie(&app, &attempt)?).map_err(Error::internal)?;
            Ok(response)
        }
        Err(refusal) => refuse(&request, &app, (&provider, &next, purpose), refusal).await,
    }
}

/// `GET /sign-in/callback`: the redirect URI.
pub async fn callback(
    request: HttpRequest,
    app: web::Data<State>,
    cache: web::Data<ProviderCache>,
    context: Option<RequestContext>,
) -> Result<HttpResponse> {
    let query = Parameters::read(&request)?;
    let provider = provider(&app).await?;
    let now = app.clock.now();
    let attempt =
        kept_attempt(&request, &app).filter(|kept| kept.is_answered_by(query.get("state"), &provider.issuer, now));
    let attempt = attempt.ok_or_else(|| Error::Invalid(NOT_BEGUN.into()))?;
    // Signed out, or somebody else, since it began.
    if let Purpose::Again(employee) = attempt.purpose
        && context.as_ref().is_none_or(|context| context.viewer.id != employee)
    {
        return Err(Error::Invalid(NOT_BEGUN.into()));
    }
    let mut response = match complete(&request, &app, (&cache, &provider), (&attempt, query.answer())).await? {
        Ok((employee, session)) => {
            app.metrics.sign_in(metrics::SignIn::Accepted);
            match (attempt.purpose, &context) {
                (Purpose::Again(_), Some(context)) => confirmed_at_provider(&app, context, &attempt.next).await?,
                _ => new_session::start_through(&request, &app, (employee, session), see_other(&attempt.next))?,
            }
        }
        Err(refusal) => {
            app.metrics.sign_in(metrics::SignIn::Wrong);
            refuse(&request, &app, (&provider, &attempt.next, attempt.purpose), refusal).await?
        }
    };
    let mut gone = cookie(&app, String::new());
    gone.make_removal();
    response.add_cookie(&gone).map_err(Error::internal)?;
    Ok(response)
}

async fn complete(
    request: &HttpRequest,
    app: &web::Data<State>,
    (cache, provider): (&ProviderCache, &IdentityProvider),
    (attempt, answer): (&Attempt, Answer),
) -> Result<std::result::Result<(crate::id::EmployeeKey, ProviderSession), Refusal>> {
    let state = attempt.state.clone();
    app.db.lookup(move |conn| identity::require_unused(conn, &state)).await?;
    let verified = match identity::finish(asking(app, cache, provider), attempt, &answer).await {
        Ok(verified) => verified,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let session = (verified.session.clone(), verified.authenticated_at);
    let (client_ip, now) = (client_ip::address(request, &app.config.trusted_proxies), app.clock.now());
    let (settings, attempt) = (provider.clone(), attempt.clone());
    let admitted =
        app.db.write(move |conn| identity::admit(conn, &settings, (&attempt, &verified), &client_ip, now)).await?;
    Ok(admitted.map(|admitted| {
        let provider = provider.name.clone();
        let session =
            ProviderSession { identity: admitted.identity, provider, session: session.0, authenticated_at: session.1 };
        (admitted.employee, session)
    }))
}

async fn provider(app: &State) -> Result<IdentityProvider> {
    let source = app.identity_source();
    app.db.lookup(move |conn| identity::current(conn, source.borrowed())).await?.ok_or(Error::NotFound)
}

fn asking<'a>(app: &'a State, cache: &'a ProviderCache, provider: &'a IdentityProvider) -> Asking<'a> {
    let origin = app.config.public_url.origin();
    Asking { provider, cache, http: &app.connections.http, origin, now: app.clock.now() }
}

/// `GET /sign-in/provider/sign-out`: redirects to the provider's sign-out page.
pub async fn sign_out_there(app: web::Data<State>, cache: web::Data<ProviderCache>) -> Result<HttpResponse> {
    let provider = provider(&app).await?;
    let signed_out = Ok(see_other("/sign-in?signed-out=1"));
    match asking(&app, &cache, &provider).logout_url().await {
        Ok(Some(url)) => Ok(see_other(url.as_str())),
        Ok(None) => signed_out,
        Err(refusal) => {
            log::warn!("nobody can sign out of {}: {}", provider.name, refusal.reason);
            signed_out
        }
    }
}

// The page of a sign-in that failed, which the activity log has too.
async fn refuse(
    request: &HttpRequest,
    app: &web::Data<State>,
    (provider, next, purpose): (&IdentityProvider, &str, Purpose),
    refusal: Refusal,
) -> Result<HttpResponse> {
    let (client_ip, now) = (client_ip::address(request, &app.config.trusted_proxies), app.clock.now());
    let (noted, name) = (refusal.clone(), provider.name.clone());
    let shop = app
        .db
        .write(move |conn| {
            noted.record(conn, &name, &client_ip, now)?;
            Ok(Account::get(conn)?.name)
        })
        .await?;
    log::warn!("sign-in through {} failed: {}", provider.name, refusal.reason);
    let is_signed_in = purpose != Purpose::SignIn;
    let mut response = html(ProviderFailed {
        page: Page::outside("You are not signed in", &shop, String::new()),
        provider: provider.name.clone(),
        again: if is_signed_in { confirm_path(next) } else { provider_path(next) },
        reason: refusal.reason,
        may_pass: refusal.may_pass,
        is_signed_in,
    })?;
    *response.status_mut() = match refusal.may_pass {
        true => StatusCode::SERVICE_UNAVAILABLE,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Ok(response)
}

// The query of a provider's answer. It may be longer than that of a page.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn read(request: &HttpRequest) -> Result<Parameters> {
        let unreadable =
            || Error::Invalid("The address is not complete. Open the sign-in page and begin again.".into());
        let query = request.query_string();
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().take(40).collect();
        let is_doubled =
            |(at, (name, _)): (usize, &(String, String))| pairs[..at].iter().any(|(other, _)| other == name);
        match query.len() > LONGEST_QUERY || pairs.iter().enumerate().any(is_doubled) {
            true => Err(unreadable()),
            false => Ok(Parameters(pairs)),
        }
    }

    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    fn answer(&self) -> Answer {
        let get = |name: &str| self.get(name).to_string();
        Answer { code: get("code"), error: get("error"), error_description: get("error_description"), iss: get("iss") }
    }
}

fn attempt_cookie(app: &State, attempt: &Attempt) -> Result<Cookie<'static>> {
    let kept = URL_SAFE_NO_PAD.encode(serde_json::to_vec(attempt).map_err(Error::internal)?);
    let signature = app.keys.provider_sign_in.sign(&kept);
    Ok(cookie(app, format!("{kept}.{signature}")))
}

fn cookie(app: &State, value: String) -> Cookie<'static> {
    Cookie::build(app.config.public_url.cookie_name(COOKIE), value)
        .path("/")
        .http_only(true)
        .secure(app.config.public_url.is_https())
        .same_site(SameSite::Lax)
        .max_age(Duration::seconds(COOKIE_SECONDS))
        .finish()
}

// The attempt that this browser keeps. None when the signature is wrong.
fn kept_attempt(request: &HttpRequest, app: &State) -> Option<Attempt> {
    let cookie = request.cookie(&app.config.public_url.cookie_name(COOKIE))?;
    let (kept, signature) = cookie.value().rsplit_once('.')?;
    let is_ours = app.keys.provider_sign_in.verifies(kept, signature);
    is_ours.then(|| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(kept).ok()?).ok()).flatten()
}
