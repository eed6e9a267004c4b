//! What is counted and logged of each request: its area, status and time, why it was refused, and the incident it ended in.

use std::time::Instant;

use actix_web::{HttpRequest, HttpResponse};

use crate::error::Error;
use crate::metrics::Area;
use crate::web::state::State;

/// Why a request is refused, in the extensions of its answer: one of few texts of this program.
#[derive(Clone, Copy, Debug)]
pub struct RefusedFor(pub &'static str);

/// The incident ID under which the log has the cause, in the extensions of the answer.
#[derive(Clone, Debug)]
pub struct Incident(pub String);

/// Counts a request that was answered.
pub fn count<B>(app: Option<&State>, area: Area, answer: &HttpResponse<B>, started: Instant) {
    let Some(app) = app else { return };
    app.metrics.request(area, answer.status().as_u16(), started.elapsed().as_secs_f64());
    if let Some(RefusedFor(reason)) = answer.extensions().get::<RefusedFor>() {
        app.metrics.refused(area, reason);
    }
}

/// Logs a request at `debug`, with the incident it ended in.
pub fn log<B>(request: &HttpRequest, answer: &HttpResponse<B>, started: Instant) {
    if !log::log_enabled!(log::Level::Debug) {
        return;
    }
    // The route's pattern, not its path: a path may hold a one-time secret.
    let route = request.match_pattern().unwrap_or_else(|| "(no page)".into());
    let (method, route, status) = (request.method().as_str(), route.as_str(), answer.status().as_u16());
    let micros = started.elapsed().as_micros() as u64;
    match answer.extensions().get::<Incident>() {
        None => log::debug!(method, route, status, micros; "{method} {route} {status} {micros} us"),
        Some(Incident(incident)) => {
            let incident = incident.as_str();
            log::debug!(
                method, route, status, micros, incident;
                "{method} {route} {status} {micros} us, incident {incident}"
            );
        }
    }
}

impl Error {
    /// Why a request is refused, for metrics; none for the way to the sign-in page.
    pub fn reason(&self) -> Option<RefusedFor> {
        Some(RefusedFor(match self {
            Error::SignInRequired => return None,
            Error::NotFound => "not_found",
            Error::Gone(_) => "gone",
            Error::Forbidden(_) => "forbidden",
            Error::ForgedForm => "forged_form",
            Error::Invalid(_) => "invalid",
            Error::MethodNotAllowed(_) => "method_not_allowed",
            Error::TooLarge => "too_large",
            Error::UnsupportedMediaType => "unsupported_media_type",
            Error::Conflict(_) => "conflict",
            Error::TooManyRequests(_) | Error::LimitReached(_) => "too_many_requests",
            Error::TimedOut => "timed_out",
            Error::Unavailable(_) | Error::Database(_) if self.is_unavailable() => "unavailable",
            Error::Unavailable(_) | Error::Database(_) | Error::Internal(_) | Error::Explained { .. } => "server_error",
        }))
    }
}

// In the order in which they are compared: the first that the path begins with. Endpoints come first, because they are called
// most often.
const AREAS: &[(&str, Area)] = &[
    ("/auth/oauth/verify", Area::Verify),
    ("/auth/oauth/introspect", Area::Introspect),
    ("/auth/oauth/token", Area::Token),
    ("/auth/oauth/revoke", Area::Revoke),
    ("/auth/oauth/", Area::Authorize),
    ("/connect/", Area::Connect),
    ("/API/", Area::Resources),
    ("/f/data/", Area::Resources),
    ("/api/", Area::Api),
    ("/oauth/userinfo", Area::Resources),
    ("/oauth/", Area::Registration),
    ("/static/", Area::Static),
    ("/healthz", Area::Health),
    ("/readyz", Area::Health),
    ("/settings/client-api-access", Area::Clients),
    ("/settings/access", Area::Access),
    ("/settings/connections", Area::Connections),
    ("/settings/employees", Area::Employees),
    ("/settings/activity", Area::Activity),
    ("/settings/account", Area::Account),
    ("/settings/resource-servers", Area::Account),
    ("/settings/api-tokens", Area::Account),
    ("/settings/profile", Area::Account),
    ("/settings", Area::Home),
    ("/forgot-password", Area::SignIn),
    ("/sign-", Area::SignIn),
    ("/set-up/", Area::SignIn),
    ("/welcome/", Area::SignIn),
    ("/demo/", Area::Demo),
    ("/.well-known/", Area::Metadata),
];

/// The area of a path or of a route's pattern. By the path, because finding the pattern again takes longer than all the rest
/// of counting.
pub fn area(path: &str) -> Area {
    if path == "/" {
        return Area::Home;
    }
    AREAS.iter().find(|(start, _)| path.starts_with(start)).map_or(Area::Other, |(_, area)| *area)
}
