//! Error pages: a heading, what to do, and a link back, in the frame of every other page.
//!
//! A server error shows an incident ID; the log has its cause under the same ID.

use std::panic::AssertUnwindSafe;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder};
use askama::Template;
use futures_util::FutureExt;

use crate::error::{Error, Result};
use crate::secrets::random_name;
use crate::text::one_line;
use crate::time::count;
use crate::web::handler_limit;
use crate::web::observe::Incident;
use crate::web::page::{Page, RequestContext, Section};

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    page: Page,
    icon: &'static str,
    heading: &'static str,
    sentence: String,
    incident: Option<String>,
    way_out: (&'static str, &'static str),
}

/// The handler of unknown URLs.
pub async fn not_found() -> Result<HttpResponse> {
    Err(Error::NotFound)
}

/// Middleware around every page: turns an error or a panic into an error page for the viewer.
pub async fn render(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> std::result::Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let kept = request.request().clone();
    let handled = handler_limit::within(request, &next);
    let page = match AssertUnwindSafe(handled).catch_unwind().await {
        Ok(Ok(response)) => match response.response().error() {
            None => return Ok(response.map_into_boxed_body()),
            Some(error) => {
                // A confirmation holds also when what was confirmed is refused.
                let mut page = error_page(&kept, error);
                for cookie in response.response().cookies() {
                    page.add_cookie(&cookie.into_owned()).map_err(Error::internal)?;
                }
                page
            }
        },
        Ok(Err(error)) => error_page(&kept, &error),
        Err(_) => page_for(Some(&kept), &Error::internal("a handler panicked")),
    };
    Ok(ServiceResponse::new(kept, page))
}

/// The error page when a middleware failed outside the handlers; only the session store can.
pub fn outside_handlers(error: &actix_web::Error) -> HttpResponse {
    match error.as_error::<Error>() {
        Some(error) => page_for(None, error),
        None => {
            log::warn!("the session could not be read or written: {}", shortened(error));
            page_for(None, &Error::Unavailable("the session store"))
        }
    }
}

fn error_page(request: &HttpRequest, error: &actix_web::Error) -> HttpResponse {
    match error.as_error::<Error>() {
        Some(error) => page_for(Some(request), error),
        None => match error.as_response_error().status_code().as_u16() {
            404 => page_for(Some(request), &Error::NotFound),
            413 => page_for(Some(request), &Error::TooLarge),
            400..=499 => page_for(Some(request), &Error::Invalid("The request could not be understood.".into())),
            _ => page_for(Some(request), &Error::internal(error)),
        },
    }
}

fn page_for(request: Option<&HttpRequest>, error: &Error) -> HttpResponse {
    if let (Error::SignInRequired, Some(request)) = (error, request) {
        return sign_in_first(request);
    }
    let pattern = request.and_then(HttpRequest::match_pattern);
    let (heading, sentence) = heading_and_sentence(error, pattern.as_deref());
    let incident = error.status().is_server_error().then(|| log_incident(request, error));
    let page = match request.and_then(|request| request.extensions().get::<RequestContext>().cloned()) {
        Some(context) => context.page(heading, Section::Settings),
        None => Page::outside(heading, "Client API Access", String::new()),
    };
    let way_out = match page.viewer {
        Some(_) => way_out(error, request.map_or("", HttpRequest::path)),
        None => ("/sign-in", "Sign in"),
    };
    let icon = icon(error.status());
    let mut response = response_with_headers(error);
    if let Some(id) = incident.clone() {
        response.extensions_mut().insert(Incident(id));
    }
    match (ErrorPage { page, icon, heading, sentence, incident, way_out }).render() {
        Ok(body) => response.body(body),
        Err(_) => response.content_type("text/plain; charset=utf-8").body(heading),
    }
}

// Logs the cause of a server error. Returns the incident id that the page shows.
fn log_incident(request: Option<&HttpRequest>, error: &Error) -> String {
    let id = random_name(10);
    let pattern = request.and_then(HttpRequest::match_pattern).unwrap_or_else(|| "(no page)".into());
    let method = request.map_or("", |request| request.method().as_str());
    log::error!(incident = id.as_str(); "incident {id}: {method} {pattern}: {}", shortened(error));
    id
}

// The link below the message. Rows that no longer exist lead back to their list.
fn way_out(error: &Error, path: &str) -> (&'static str, &'static str) {
    match error {
        Error::Gone(_) | Error::NotFound if path.starts_with("/settings/connections") => {
            ("/settings/connections", "All connections")
        }
        Error::Gone(_) | Error::NotFound => ("/settings/client-api-access", "All clients"),
        _ => ("/settings", "Back to Settings"),
    }
}

fn icon(status: StatusCode) -> &'static str {
    match status.as_u16() {
        404 | 410 => "search",
        403 => "lock",
        429 | 503 => "clock",
        _ => "alert-triangle",
    }
}

fn response_with_headers(error: &Error) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(error.status());
    let retry_after = match error {
        Error::TooManyRequests(seconds) => Some(seconds.to_string()),
        _ => (error.status() == StatusCode::SERVICE_UNAVAILABLE).then(|| "5".to_string()),
    };
    if let Some(seconds) = retry_after {
        response.insert_header((header::RETRY_AFTER, seconds));
    }
    if let Error::MethodNotAllowed(allow) = error {
        response.insert_header((header::ALLOW, allow.as_str()));
    }
    response.content_type("text/html; charset=utf-8");
    if let Some(reason) = error.reason() {
        response.extensions_mut().insert(reason);
    }
    response
}

fn sign_in_first(request: &HttpRequest) -> HttpResponse {
    let mut to = String::from("/sign-in");
    let here = request.uri().path_and_query().map_or("/", |path| path.as_str());
    if matches!(*request.method(), Method::GET | Method::HEAD) && here != "/" && here.len() < 1000 {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", here).finish();
        to = format!("{to}?{query}");
    }
    HttpResponse::SeeOther().insert_header((header::LOCATION, to)).finish()
}

fn heading_and_sentence(error: &Error, pattern: Option<&str>) -> (&'static str, String) {
    const TOO_LARGE: &str =
        "The form is larger than this page accepts. Nothing was saved. Shorten it and send it again.";
    match error {
        Error::Gone(how) => (gone_heading(pattern.unwrap_or_default()), how.clone()),
        Error::Forbidden(why) => ("Not allowed", why.clone()),
        Error::ForgedForm => (
            "This form has expired",
            "The page was open too long, or the form was not sent from this site. Nothing was saved. Go back, reload the \
             page and send the form again."
                .into(),
        ),
        Error::Invalid(why) => ("This request could not be processed", why.clone()),
        Error::Conflict(why) => ("Try again", why.clone()),
        Error::LimitReached(why) => ("Try again later", why.clone()),
        Error::MethodNotAllowed(_) => {
            ("Method not allowed", "This page does not accept this kind of request. Nothing was saved.".into())
        }
        Error::TooLarge => ("Form too large", TOO_LARGE.into()),
        Error::UnsupportedMediaType => {
            ("Unsupported format", "This page only accepts forms from its own site. Nothing was saved.".into())
        }
        Error::TooManyRequests(seconds) => ("Too many attempts", format!("Wait {} and try again.", count(*seconds, "second"))),
        Error::TimedOut => (
            "This took too long",
            "The server could not answer in time. It may still complete what you sent: check before you send it again.".into(),
        ),
        _ if error.status() == StatusCode::NOT_FOUND => {
            ("Page not found", "Check the address. If it was correct, what it showed may have been deleted.".into())
        }
        _ if error.is_too_slow() => (
            "This page took too long",
            "The database took too long to find what this page shows. Narrow the filters, or try again in a few seconds."
                .into(),
        ),
        _ if error.status() == StatusCode::SERVICE_UNAVAILABLE => {
            ("Temporarily unavailable", "The database is busy or cannot be reached. Try again in a few seconds.".into())
        }
        _ => ("Something went wrong", "We logged the error. Try again; if it happens again, tell an admin the incident ID.".into()),
    }
}

// What has been done to the row that the page was about.
fn gone_heading(pattern: &str) -> &'static str {
    match pattern {
        "/set-up/{secret}" | "/welcome/{secret}" => "Link no longer valid",
        "/settings/connections/{connection}/account" => "Confirmation expired",
        "/settings/connections/{connection}/keys/{service_key}/revoke" => "Already revoked",
        connection if connection.starts_with("/settings/connections/{connection}") => "Already disconnected",
        app_credential if app_credential.starts_with("/settings/connections/clients") => "Already deleted",
        server if server.starts_with("/settings/resource-servers") => "Already deleted",
        _ => "Already revoked",
    }
}

// For the log. A cause may quote what was sent.
fn shortened(cause: impl std::fmt::Display) -> String {
    one_line(&cause.to_string()).chars().take(500).collect()
}
