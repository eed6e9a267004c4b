//! Why the broker refuses a call, as JSON with an error code (RFC 6750 for authentication).

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use serde_json::json;

use crate::connections::ready::NotReady;
use crate::error::Error;
use crate::http::RequestFailure;
use crate::time::Timestamp;

/// The reason that a call is refused, and the answer to the program that made it.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    error: &'static str,
    description: String,
    retry_after: Option<i64>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, error: &'static str, description: impl Into<String>) -> Refusal {
        Refusal { status, error, description: description.into(), retry_after: None }
    }

    /// The service key is missing or invalid.
    pub(super) fn unauthorized(error: &'static str, description: &str) -> Refusal {
        Self::new(StatusCode::UNAUTHORIZED, error, description)
    }

    /// The provider set a rate limit that ends in `remaining` seconds.
    pub(super) fn rate_limited(remaining: i64) -> Refusal {
        let description = "The provider set a rate limit. The call was not sent.";
        Refusal {
            retry_after: Some(remaining),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", description)
        }
    }

    /// The HTTP answer.
    pub(super) fn response(self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(seconds) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds.max(1).to_string()));
        }
        // RFC 6750 section 3.1: no error code if the request has no credentials.
        match (self.status, self.error) {
            (StatusCode::UNAUTHORIZED, "access_denied") => {
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"api\""));
            }
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, error) => {
                let challenge = format!("Bearer realm=\"api\", error=\"{error}\"");
                response.insert_header((header::WWW_AUTHENTICATE, challenge));
            }
            _ => {}
        }
        response.json(json!({ "error": self.error, "error_description": self.description }))
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        match error {
            Error::NotFound => {
                Self::new(StatusCode::NOT_FOUND, "unknown_connection", "This connection does not exist.")
            }
            Error::Invalid(why) => Self::new(StatusCode::BAD_REQUEST, "invalid_request", why),
            error if error.status() == StatusCode::SERVICE_UNAVAILABLE => Refusal {
                retry_after: Some(5),
                ..Self::new(
                    error.status(),
                    "temporarily_unavailable",
                    "The server is temporarily unavailable. Try again.",
                )
            },
            error => {
                log::error!("broker call failed: {error}");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "Something went wrong on this server.")
            }
        }
    }
}

impl Refusal {
    /// The connection has no usable access token.
    pub(super) fn not_ready(why: NotReady, now: Timestamp) -> Refusal {
        let unavailable = |error, why: String| Self::new(StatusCode::SERVICE_UNAVAILABLE, error, why);
        match why {
            NotReady::Paused => unavailable("connection_paused", "This connection is paused.".into()),
            NotReady::NeedsAuthorization(reason) => {
                unavailable("needs_authorization", format!("An admin must authorize this connection first. {reason}"))
            }
            NotReady::Retrying(cause, until) => {
                Refusal { retry_after: Some(until.since(now)), ..unavailable("temporarily_unavailable", cause) }
            }
            NotReady::JustRefreshed => Refusal {
                retry_after: Some(1),
                ..unavailable(
                    "temporarily_unavailable",
                    "The tokens of this connection were refreshed seconds ago. Try again.".into(),
                )
            },
            NotReady::Busy => Refusal {
                retry_after: Some(1),
                ..unavailable(
                    "temporarily_unavailable",
                    "The tokens of this connection are being refreshed. Try again.".into(),
                )
            },
        }
    }

    /// The provider did not answer.
    pub(super) fn no_answer(why: RequestFailure) -> Refusal {
        let status = match why {
            RequestFailure::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::BAD_GATEWAY,
        };
        Self::new(status, "provider_unreachable", format!("No answer from the provider: {why}."))
    }
}
