//! Problem details (RFC 9457): how the API says that a request failed. Each type has a stable address below
//! `/api/v1/problems`, which says in words what it means.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError, web};
use serde::Serialize;
use utoipa::ToSchema;

pub use crate::api::problem_kind::Kind;
use crate::error::Error;
use crate::secrets::random_name;
use crate::text::one_line;
use crate::web::observe::{Incident, RefusedFor};

/// What a handler of the API returns.
pub type Answer = std::result::Result<HttpResponse, Failure>;

/// Problem details (RFC 9457).
#[derive(Clone, Debug)]
pub struct Problem(Box<Details>);

/// Problem details (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Details {
    /// Which kind of problem: a stable address.
    #[serde(rename = "type")]
    #[schema(example = "/api/v1/problems/not-found")]
    kind: String,
    /// A summary, the same for each problem of this type.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong this time, as sentences for people.
    detail: String,
    /// The area that the API token lacks, with `area-missing` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "clients:write")]
    required_area: Option<String>,
    /// The ID under which the log has the cause, with server errors only.
    #[serde(skip_serializing_if = "Option::is_none")]
    incident: Option<String>,
    #[serde(skip)]
    #[schema(ignore)]
    of: Kind,
    // Seconds to wait.
    #[serde(skip)]
    #[schema(ignore)]
    retry_after: Option<i64>,
    #[serde(skip)]
    #[schema(ignore)]
    allow: Option<String>,
}

impl Problem {
    /// A problem of this type, in words of this time.
    pub fn new(of: Kind, detail: impl Into<String>) -> Problem {
        Problem(Box::new(Details {
            kind: format!("{}/problems/{}", crate::api::BASE, of.word()),
            title: of.title(),
            status: of.status(),
            detail: detail.into(),
            required_area: None,
            incident: None,
            of,
            retry_after: None,
            allow: None,
        }))
    }

    /// The API token lacks an area, such as `clients:write`.
    pub fn area_missing(area: String) -> Problem {
        let detail = format!("This request needs an API token with {area}.");
        Problem::new(Kind::AreaMissing, detail).with(|problem| problem.required_area = Some(area))
    }

    /// The caller must wait so many seconds.
    pub fn rate_limited(seconds: i64) -> Problem {
        let detail = format!("Repeat the request in {}.", crate::time::count(seconds, "second"));
        Problem::new(Kind::RateLimited, detail).with(|problem| problem.retry_after = Some(seconds))
    }

    fn with(mut self, change: impl FnOnce(&mut Details)) -> Problem {
        change(&mut self.0);
        self
    }

    // Of an error of the domain. The cause of a server error goes to the log.
    fn of(error: &Error, request: &HttpRequest) -> Problem {
        match error {
            Error::NotFound => Problem::new(Kind::NotFound, "It does not exist. It may have been deleted."),
            Error::Gone(how) => Problem::new(Kind::Gone, how),
            Error::Forbidden(why) => Problem::new(Kind::Forbidden, why),
            Error::Invalid(why) => Problem::new(Kind::InvalidRequest, why),
            Error::MethodNotAllowed(allow) => {
                let problem = Problem::new(Kind::MethodNotAllowed, format!("This address supports: {allow}."));
                problem.with(|problem| problem.allow = Some(allow.clone()))
            }
            Error::TooLarge => Problem::new(Kind::TooLarge, "The body is larger than 16 KB."),
            Error::UnsupportedMediaType => {
                Problem::new(Kind::UnsupportedMediaType, "Send JSON, with Content-Type: application/json.")
            }
            Error::Conflict(why) => Problem::new(Kind::Conflict, why),
            Error::TooManyRequests(seconds) => Problem::rate_limited(*seconds),
            Error::LimitReached(why) => Problem::new(Kind::RateLimited, why),
            Error::TimedOut => Problem::new(
                Kind::Unavailable,
                "The server could not answer in time. It may still complete the request: repeat it with the same Idempotency-Key.",
            ),
            _ if error.status() == StatusCode::SERVICE_UNAVAILABLE => {
                Problem::new(Kind::Unavailable, "The database is busy or cannot be reached.")
            }
            _ => Problem::server_error(request, error),
        }
    }

    fn server_error(request: &HttpRequest, cause: impl std::fmt::Display) -> Problem {
        let id = random_name(10);
        let pattern = request.match_pattern().unwrap_or_else(|| "(no route)".into());
        let cause: String = one_line(&cause.to_string()).chars().take(500).collect();
        log::error!(incident = id.as_str(); "incident {id}: {} {pattern}: {cause}", request.method());
        let problem = Problem::new(Kind::ServerError, "The error was logged. Tell an admin its ID.");
        problem.with(|problem| problem.incident = Some(id))
    }

    /// The response.
    pub fn response(&self) -> HttpResponse {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        self.add_headers(&mut response);
        response.extensions_mut().insert(RefusedFor(self.0.of.word()));
        if let Some(id) = &self.0.incident {
            response.extensions_mut().insert(Incident(id.clone()));
        }
        let body = serde_json::to_string(&self.0).unwrap_or_default();
        response.content_type("application/problem+json").body(body)
    }

    fn add_headers(&self, response: &mut HttpResponseBuilder) {
        let wait = self.0.retry_after.or_else(|| (self.0.of == Kind::Unavailable).then_some(5));
        if let Some(seconds) = wait {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if let Some(allow) = &self.0.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        let challenge = match (self.0.of, &self.0.required_area) {
            // RFC 6750 section 3.1: without a token there is no error code.
            (Kind::TokenMissing, _) => "Bearer realm=\"admin API\"".to_string(),
            (_, Some(area)) => format!("Bearer realm=\"admin API\", error=\"insufficient_scope\", scope=\"{area}\""),
            _ if self.0.status == 401 => "Bearer realm=\"admin API\", error=\"invalid_token\"".to_string(),
            _ => return,
        };
        response.insert_header((header::WWW_AUTHENTICATE, challenge));
    }
}

/// Why a request is not answered: an error of the domain, or a problem that only the API knows.
#[derive(Debug)]
pub enum Failure {
    /// An error of the domain.
    Error(Error),
    /// A problem of the request itself.
    Problem(Problem),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Error(error)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure::Problem(problem)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Error(error) => error.fmt(f),
            Failure::Problem(problem) => f.write_str(problem.0.title),
        }
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match self {
            Failure::Error(error) => error.status(),
            Failure::Problem(problem) => {
                StatusCode::from_u16(problem.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }

    // `guard` replaces this empty body.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

/// The problem details for whatever went wrong in a request.
pub fn response_to(error: &actix_web::Error, request: &HttpRequest) -> HttpResponse {
    if let Some(Failure::Problem(problem)) = error.as_error() {
        return problem.response();
    }
    let known = match error.as_error() {
        Some(Failure::Error(error)) => Some(error),
        _ => error.as_error::<Error>(),
    };
    let problem = match (known, error.as_response_error().status_code().as_u16()) {
        (Some(error), _) => Problem::of(error, request),
        (None, 404) => Problem::of(&Error::NotFound, request),
        (None, 413) => Problem::of(&Error::TooLarge, request),
        (None, 400..=499) => Problem::new(Kind::InvalidRequest, "The request could not be understood."),
        (None, _) => Problem::server_error(request, error),
    };
    problem.response()
}

/// What a type of problem means.
#[utoipa::path(
    get, path = "/api/v1/problems/{problem}", tag = "about",
    params(("problem" = String, Path, description = "The last part of a problem's `type`")),
    responses((status = 200, description = "What the problem means", body = String, content_type = "text/plain")),
)]
pub async fn explain(word: web::Path<String>) -> Answer {
    let kind = Kind::ALL.iter().find(|kind| kind.word() == word.as_str()).ok_or(Error::NotFound)?;
    let text = format!("{} {}\n\n{}\n", kind.status(), kind.title(), kind.meaning());
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(text))
}
