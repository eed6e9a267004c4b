//! Errors as pages: in the same layout as every other, with a sentence and a way out. A fault of ours shows an incident id
//! and nothing else; the cause stands in the log beside the same id.

use std::panic::AssertUnwindSafe;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use askama::Template;
use futures_util::FutureExt;

use crate::error::{Error, Result};
use crate::pages;
use crate::secrets::random_name;
use crate::web::page::{Page, RequestContext, Section};
use crate::web::state::State;

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

/// What is answered where no route fits, signed in or not.
pub async fn not_found() -> Result<HttpResponse> {
    Err(Error::NotFound)
}

/// Middleware around every handler: turns its error, or its panic, into a page for the one who is signed in.
pub async fn render(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> std::result::Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let kept = request.request().clone();
    let page = match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(Ok(response)) => match response.response().error() {
            None => return Ok(response.map_into_boxed_body()),
            Some(error) => answer(&kept, error),
        },
        Ok(Err(error)) => answer(&kept, &error),
        Err(_) => of(Some(&kept), &Error::internal("a handler panicked")),
    };
    Ok(ServiceResponse::new(kept, page))
}

/// The answer when something failed around the handlers; only the session's read or write can.
pub fn around(error: &actix_web::Error) -> HttpResponse {
    match error.as_error::<Error>() {
        Some(error) => of(None, error),
        None => {
            log::warn!("the session could not be read or written: {}", clean(&error.to_string()));
            of(None, &Error::Unavailable("the session store"))
        }
    }
}

fn answer(request: &HttpRequest, error: &actix_web::Error) -> HttpResponse {
    match error.as_error::<Error>() {
        Some(error) => of(Some(request), error),
        None => match error.as_response_error().status_code().as_u16() {
            404 => of(Some(request), &Error::NotFound),
            413 => of(Some(request), &Error::TooLarge),
            400..=499 => of(Some(request), &Error::Invalid("The request could not be understood.".into())),
            _ => of(Some(request), &Error::internal(error)),
        },
    }
}

fn of(request: Option<&HttpRequest>, error: &Error) -> HttpResponse {
    if let (Error::SignInRequired, Some(request)) = (error, request) {
        return sign_in_first(request);
    }
    let status = error.status();
    let (heading, sentence) = words(error);
    let incident = status.is_server_error().then(|| {
        let id = random_name(10);
        let pattern = request.and_then(HttpRequest::match_pattern).unwrap_or_else(|| "(no page)".into());
        let method = request.map_or("", |request| request.method().as_str());
        log::error!("incident {id}: {method} {pattern}: {}", clean(&error.to_string()));
        id
    });
    let page = match request.and_then(|request| request.extensions().get::<RequestContext>().cloned()) {
        Some(context) => context.page(heading, Section::Settings),
        None => Page::outside(heading, "Client API Access", String::new()),
    };
    let way_out = match (error, page.viewer.is_some()) {
        (Error::Gone(_) | Error::NotFound, true) => {
            match request.is_some_and(|request| request.path().starts_with(pages::connections::HOME)) {
                true => (pages::connections::HOME, "All connections"),
                false => ("/settings/client-api-access", "All clients"),
            }
        }
        (_, true) => ("/settings", "Back to Settings"),
        (_, false) => ("/sign-in", "Sign in"),
    };
    let icon = match status.as_u16() {
        404 | 410 => "search",
        403 => "lock",
        429 | 503 => "clock",
        _ => "alert-triangle",
    };
    let mut response = HttpResponse::build(status);
    match error {
        Error::MethodNotAllowed(allow) => drop(response.insert_header((header::ALLOW, allow.as_str()))),
        Error::TooManyRequests(seconds) => drop(response.insert_header((header::RETRY_AFTER, seconds.to_string()))),
        _ if status.as_u16() == 503 => drop(response.insert_header((header::RETRY_AFTER, "5"))),
        _ => {}
    }
    response.content_type("text/html; charset=utf-8");
    match (ErrorPage { page, icon, heading, sentence, incident, way_out }).render() {
        Ok(body) => response.body(body),
        Err(_) => response.content_type("text/plain; charset=utf-8").body(heading),
    }
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

fn words(error: &Error) -> (&'static str, String) {
    let status = error.status().as_u16();
    match error {
        Error::Gone(what) => ("Already gone", what.clone()),
        Error::Forbidden(why) => ("Not allowed", why.clone()),
        Error::ForgedForm => (
            "This form could not be checked",
            "It was open for too long, or was not sent from one of our own pages. Nothing was changed. Go back, reload the \
             page and send it again."
                .into(),
        ),
        Error::Invalid(what) => ("That did not work", what.clone()),
        Error::Conflict(what) => ("Not right now", what.clone()),
        Error::MethodNotAllowed(_) => ("Not like this", "This address cannot be called that way. Nothing was changed.".into()),
        Error::TooLarge => ("Too much at once", "The form is larger than any of ours. Nothing was changed.".into()),
        Error::UnsupportedMediaType => ("Not a form", "Only forms from our own pages are read here. Nothing was changed.".into()),
        Error::TooManyRequests(seconds) => {
            ("Too many attempts", format!("Wait {} and try again.", crate::time::count(*seconds, "second")))
        }
        _ if status == 404 => (
            "No such page",
            "The address may be mistyped, or what stood here was revoked. Nothing else is wrong.".into(),
        ),
        _ if status == 503 => (
            "Not available right now",
            "The database is busy or away. Nothing was changed that you were not told of. Try again in a few seconds.".into(),
        ),
        _ => ("Something went wrong", "It is our fault, and it has been written down. Nothing was left half done.".into()),
    }
}

// A cause may quote what somebody sent: one line, nothing a terminal would obey.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect()
}

/// `GET /healthz`: the process runs.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// `GET /readyz`: and its database answers.
pub async fn readyz(app: web::Data<State>) -> HttpResponse {
    match app.db.is_ready().await {
        true => HttpResponse::Ok().content_type("text/plain").body("ready\n"),
        false => HttpResponse::ServiceUnavailable().content_type("text/plain").body("the database does not answer\n"),
    }
}
