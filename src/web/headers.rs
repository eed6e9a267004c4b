//! Security headers on every response, error pages and static files included; every request is also counted and logged.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web;

use crate::web::error_pages;
use crate::web::observe;
use crate::web::state::State;

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The Content-Security-Policy of a page whose form redirects to another site. `targets` is a CSP source list.
pub fn policy_for_forms_that_lead_to(targets: &str) -> String {
    POLICY.replace("form-action 'self'", &format!("form-action 'self' {targets}"))
}

/// Middleware around the whole application.
pub async fn add(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let started = std::time::Instant::now();
    let app = request.app_data::<web::Data<State>>().cloned();
    let https = app.as_ref().is_some_and(|app| app.config.public_url.is_https());
    // Before the routes are tried, because a request that was cloned by then cannot be routed.
    let area = observe::area(request.path());
    let mut response = match next.call(request).await {
        Ok(response) => response,
        Err(error) => {
            let mut page = error_pages::outside_handlers(&error);
            set_all(page.headers_mut(), https);
            observe::count(app.as_deref().map(|app| &**app), area, &page, started);
            return Err(InternalError::from_response("the error page was rendered", page).into());
        }
    };
    observe::count(app.as_deref().map(|app| &**app), area, response.response(), started);
    observe::log(response.request(), response.response(), started);
    set_all(response.headers_mut(), https);
    Ok(response)
}

fn set_all(headers: &mut HeaderMap, https: bool) {
    let mut set = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
    set(header::CACHE_CONTROL, "no-store");
    if https {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains");
    }
}
