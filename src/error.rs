//! The error type of the whole program. Model functions, services and handlers return it with `?`.
//!
//! `web::error_response` decides the HTTP status, `web::error_pages` writes the page. The cause goes to the log under an
//! incident id; the page shows only that id.

use std::error::Error as StdError;
use std::fmt;

/// What model functions, services and handlers return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a request or command failed.
#[derive(Debug)]
pub enum Error {
    /// The resource does not exist, or does not belong to the parent that the URL names.
    NotFound,
    /// The resource existed and has been revoked or deleted; the sentence says what, by whom and when.
    Gone(String),
    /// The caller's role does not allow it; the sentence says which role does.
    Forbidden(String),
    /// The CSRF token of a form is missing or wrong.
    ForgedForm,
    /// The page requires a signed-in employee.
    SignInRequired,
    /// The input is invalid; the sentence says what is wrong and how to fix it.
    Invalid(String),
    /// The URL does not support this method; holds the methods it supports.
    MethodNotAllowed(String),
    /// The request body exceeds the size limit of a form.
    TooLarge,
    /// The request body is not a form.
    UnsupportedMediaType,
    /// Another change to the same resource is in progress; the sentence says which.
    Conflict(String),
    /// Too many attempts; holds the seconds to wait.
    TooManyRequests(i64),
    /// The caller has reached a limit; the sentence says which, and when or how to go on.
    LimitReached(String),
    /// The database is unreachable, full or busy: retry later.
    Unavailable(&'static str),
    /// The request was not answered within its time limit. What it changes may still be completed.
    TimedOut,
    /// A query failed.
    Database(DatabaseError),
    /// An unexpected condition that anybody may read in these words; and its cause, for the log.
    Explained {
        /// What is wrong, in words without names, paths or secrets.
        shown: &'static str,
        /// The cause.
        cause: String,
    },
    /// A bug or an unexpected condition in this program.
    Internal(String),
}

/// A failed query, classified once by `db`.
#[derive(Debug)]
pub struct DatabaseError {
    /// What the caller can do about it.
    pub kind: DatabaseErrorKind,
    /// The error as the database library reported it.
    pub source: Box<dyn StdError + Send + Sync>,
}

/// What a caller can do about a failed query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseErrorKind {
    /// The database is unreachable, full or busy: the request may be sent again later.
    Unavailable,
    /// The query took longer than its time limit.
    TookTooLong,
    /// The connection was lost: another connection may succeed.
    LostConnection,
    /// The server takes no changes: it is a standby, or not the primary any more. Another connection may find the primary.
    ReadOnly,
    /// The transaction conflicted with another one: running it again may succeed.
    Retryable,
    /// A UNIQUE constraint rejected the row.
    Duplicate,
    /// PostgreSQL reported something that diesel has no name for, in words that this program does not know: perhaps in
    /// another language.
    Unknown,
    /// Anything else.
    Other,
}

impl Error {
    /// An internal error with this cause, for the log.
    pub fn internal(cause: impl fmt::Display) -> Error {
        Error::Internal(cause.to_string())
    }

    /// Whether the database is unreachable, full or busy, so that the request may be sent again later.
    pub fn is_unavailable(&self) -> bool {
        use DatabaseErrorKind::{LostConnection, ReadOnly, TookTooLong, Unavailable};
        let kind = self.kind();
        matches!(self, Error::Unavailable(_))
            || matches!(kind, Some(Unavailable | LostConnection | ReadOnly | TookTooLong))
    }

    /// A query took longer than its time limit.
    pub fn took_too_long() -> Error {
        let source = "the query took longer than its time limit".into();
        Error::Database(DatabaseError { kind: DatabaseErrorKind::TookTooLong, source })
    }

    /// Whether a query took longer than its time limit.
    pub fn is_too_slow(&self) -> bool {
        self.kind() == Some(DatabaseErrorKind::TookTooLong)
    }

    /// Whether the connection was lost, or leads to a server that takes no changes, so that another connection may succeed: with
    /// what to say if none does.
    pub(crate) fn lost_connection(&self) -> Option<Error> {
        match self.kind()? {
            DatabaseErrorKind::LostConnection => Some(Error::Unavailable("the connection to the database was lost")),
            DatabaseErrorKind::ReadOnly => Some(Error::Unavailable("the database is read-only")),
            _ => None,
        }
    }

    /// Whether running the transaction again may succeed.
    pub(crate) fn is_retryable(&self) -> bool {
        self.kind() == Some(DatabaseErrorKind::Retryable)
    }

    /// Whether the words of the error are unknown, so that it may be one that could be retried.
    pub(crate) fn is_unknown(&self) -> bool {
        self.kind() == Some(DatabaseErrorKind::Unknown)
    }

    /// The same error; if its words are unknown and the statement has used up its time, that was the reason.
    pub(crate) fn or_too_slow(self, is_time_up: bool) -> Error {
        match self {
            Error::Database(DatabaseError { kind: DatabaseErrorKind::Unknown, source }) if is_time_up => {
                Error::Database(DatabaseError { kind: DatabaseErrorKind::TookTooLong, source })
            }
            error => error,
        }
    }

    /// Whether a UNIQUE constraint rejected the row.
    pub fn is_duplicate(&self) -> bool {
        self.kind() == Some(DatabaseErrorKind::Duplicate)
    }

    fn kind(&self) -> Option<DatabaseErrorKind> {
        match self {
            Error::Database(error) => Some(error.kind),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    /// For the log and the console; pages never print this.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Database(error) => write!(f, "database: {}", error.source),
            Error::Internal(cause) | Error::Explained { cause, .. } => f.write_str(cause),
            Error::Unavailable(cause) => f.write_str(cause),
            Error::TimedOut => f.write_str("the request took longer than --handler-seconds"),
            Error::NotFound => f.write_str("not found"),
            Error::Gone(_) => f.write_str("already revoked or deleted"),
            Error::Forbidden(_) => f.write_str("not allowed"),
            Error::ForgedForm => f.write_str("CSRF token missing or wrong"),
            Error::SignInRequired => f.write_str("sign-in required"),
            Error::Invalid(_) => f.write_str("invalid input"),
            Error::MethodNotAllowed(_) => f.write_str("method not allowed"),
            Error::TooLarge => f.write_str("request body too large"),
            Error::UnsupportedMediaType => f.write_str("unsupported media type"),
            Error::Conflict(_) => f.write_str("conflict"),
            Error::TooManyRequests(_) | Error::LimitReached(_) => f.write_str("too many requests"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Database(error) => Some(&*error.source),
            _ => None,
        }
    }
}
