//! One error type for the whole program. A handler returns it with `?`; `web::errors` turns it into a page in the same
//! layout as every other. Causes go to the log under an incident id; the reader sees the id only.

use std::fmt;

use actix_web::http::StatusCode;
use diesel::result::Error as DieselError;

use crate::db;

/// What every model function and handler returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something could not be done.
#[derive(Debug)]
pub enum Error {
    /// There is no such thing, or it does not belong where the link says.
    NotFound,
    /// It was there and has been revoked: who, what and when, in words.
    Gone(String),
    /// The viewer's role does not allow it; the sentence says what would.
    Forbidden(String),
    /// A form arrived without proof that it came from one of our own pages.
    ForgedForm,
    /// Nobody is signed in.
    SignInRequired,
    /// The input cannot be used; the sentence names what is wrong and how to mend it.
    Invalid(String),
    /// The method is not one this address answers; the ones it does.
    MethodNotAllowed(String),
    /// The body is longer than a form may be.
    TooLarge,
    /// The body is not a form.
    UnsupportedMediaType,
    /// Something else is going on with this very thing; the sentence says what.
    Conflict(String),
    /// Too many attempts; seconds to wait.
    TooManyRequests(i64),
    /// The database is away, full or busy: try again.
    Unavailable(&'static str),
    /// The database refused.
    Database(DieselError),
    /// A fault of ours.
    Internal(String),
}

impl Error {
    /// A fault of ours, for the log.
    pub fn internal(cause: impl fmt::Display) -> Error {
        Error::Internal(cause.to_string())
    }

    /// The HTTP status it is answered with.
    pub fn status(&self) -> StatusCode {
        match self {
            Error::NotFound | Error::Database(DieselError::NotFound) => StatusCode::NOT_FOUND,
            Error::Gone(_) => StatusCode::GONE,
            Error::Forbidden(_) | Error::ForgedForm => StatusCode::FORBIDDEN,
            Error::SignInRequired => StatusCode::SEE_OTHER,
            Error::Invalid(_) => StatusCode::BAD_REQUEST,
            Error::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Error::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Error::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Error::Conflict(_) => StatusCode::CONFLICT,
            Error::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Error::Database(error) if db::is_unavailable(error) => StatusCode::SERVICE_UNAVAILABLE,
            Error::Database(_) | Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether the connection died under it, so that another one may do better.
    pub(crate) fn is_lost_connection(&self) -> bool {
        matches!(self, Error::Database(error) if db::is_lost_connection(error))
    }

    /// Whether the database asked for the transaction to be tried again.
    pub(crate) fn is_retryable(&self) -> bool {
        matches!(self, Error::Database(error) if db::is_retryable(error))
    }

    /// Whether a UNIQUE constraint refused it.
    pub fn is_duplicate(&self) -> bool {
        use diesel::result::DatabaseErrorKind::UniqueViolation;
        matches!(self, Error::Database(DieselError::DatabaseError(UniqueViolation, _)))
    }
}

impl From<DieselError> for Error {
    fn from(error: DieselError) -> Error {
        match error {
            DieselError::NotFound => Error::NotFound,
            error => Error::Database(error),
        }
    }
}

impl fmt::Display for Error {
    /// For the log; no page prints this.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Database(error) => write!(f, "database: {error}"),
            Error::Internal(cause) => f.write_str(cause),
            Error::Unavailable(cause) => f.write_str(cause),
            other => write!(f, "{}", other.status()),
        }
    }
}

impl std::error::Error for Error {}

impl actix_web::ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    // The body is written by `web::errors`, which knows the viewer and the page around it.
    fn error_response(&self) -> actix_web::HttpResponse {
        actix_web::HttpResponse::new(self.status())
    }
}
