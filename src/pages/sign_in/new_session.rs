//! Starting the session of somebody who signed in, and the cookie by which their browser is known at the next sign-in.

use actix_session::SessionExt;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};

use crate::employees::{KnownDevice, NewSession, Proof, ProviderSession};
use crate::error::{Error, Result};
use crate::id::EmployeeKey;
use crate::pages::sign_in::pending;
use crate::time::DAY;
use crate::web::client_ip;
use crate::web::session_store::SIGN_IN;
use crate::web::state::State;

const DEVICE_LIFETIME: i64 = 180 * DAY;

/// Signs the employee in with the response, which is where they continue. The session store writes the row and gives the browser
/// a new key, so that a cookie somebody else planted is never used.
pub fn start(
    request: &HttpRequest,
    app: &State,
    (employee, proof): (EmployeeKey, Proof),
    response: HttpResponse,
) -> Result<HttpResponse> {
    start_with(request, app, (employee, proof, None), response)
}

/// As [`start`], for somebody who signed in through an identity provider.
pub fn start_through(
    request: &HttpRequest,
    app: &State,
    (employee, provider): (EmployeeKey, ProviderSession),
    response: HttpResponse,
) -> Result<HttpResponse> {
    start_with(request, app, (employee, Proof::Provider, Some(provider)), response)
}

fn start_with(
    request: &HttpRequest,
    app: &State,
    (employee, proof, provider): (EmployeeKey, Proof, Option<ProviderSession>),
    mut response: HttpResponse,
) -> Result<HttpResponse> {
    let agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let user_agent = agent.chars().filter(|c| !c.is_control()).take(300).collect();
    let client_ip = client_ip::address(request, &app.config.trusted_proxies);
    let session = request.get_session();
    session.clear();
    session.renew();
    session
        .insert(SIGN_IN, NewSession { employee, client_ip, user_agent, proof, provider })
        .map_err(Error::internal)?;
    log::info!("employee {employee} signed in");
    response.add_cookie(&device_cookie(app, employee)).map_err(Error::internal)?;
    if request.cookie(&pending::cookie_name(app)).is_some() {
        response.add_cookie(&pending::removal(app)).map_err(Error::internal)?;
    }
    Ok(response)
}

/// The device in the request's cookie: employee, nonce and signature. None when the signature is wrong.
pub fn known_device(request: &HttpRequest, app: &State) -> Option<KnownDevice> {
    let cookie = request.cookie(&app.config.public_url.cookie_name("device"))?;
    let (device, signature) = cookie.value().rsplit_once('.')?;
    let (employee, nonce) = device.split_once('.')?;
    let employee = EmployeeKey(employee.parse().ok()?);
    app.keys.device.verifies(device, signature).then(|| KnownDevice { employee, nonce: nonce.to_string() })
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
