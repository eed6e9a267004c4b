//! The HTTP status of each error. `error_pages` writes the page, `oauth_error` the JSON body of an OAuth endpoint.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};

use crate::error::Error;

impl Error {
    /// The HTTP status that this error is answered with.
    pub fn status(&self) -> StatusCode {
        match self {
            Error::NotFound => StatusCode::NOT_FOUND,
            Error::Gone(_) => StatusCode::GONE,
            Error::Forbidden(_) | Error::ForgedForm => StatusCode::FORBIDDEN,
            Error::SignInRequired => StatusCode::SEE_OTHER,
            Error::Invalid(_) => StatusCode::BAD_REQUEST,
            Error::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Error::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Error::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Error::Conflict(_) => StatusCode::CONFLICT,
            Error::TooManyRequests(_) | Error::LimitReached(_) => StatusCode::TOO_MANY_REQUESTS,
            Error::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
            Error::Unavailable(_) | Error::Database(_) if self.is_unavailable() => StatusCode::SERVICE_UNAVAILABLE,
            Error::Unavailable(_) | Error::Database(_) | Error::Internal(_) | Error::Explained { .. } => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    // `error_pages` replaces this empty body: it knows who is signed in and renders the page frame.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status())
    }
}
