//! Classifies the errors of diesel, so that no other module has to know them.

use diesel::result::{DatabaseErrorKind as DieselKind, Error as DieselError};

use crate::error::{DatabaseError, DatabaseErrorKind, Error};

impl From<DieselError> for Error {
    fn from(error: DieselError) -> Error {
        match error {
            DieselError::NotFound => Error::NotFound,
            error => Error::Database(DatabaseError { kind: classify(&error), source: Box::new(error) }),
        }
    }
}

fn classify(error: &DieselError) -> DatabaseErrorKind {
    match error {
        DieselError::BrokenTransactionManager => DatabaseErrorKind::LostConnection,
        DieselError::DatabaseError(kind, info) => match kind {
            DieselKind::ClosedConnection => DatabaseErrorKind::LostConnection,
            DieselKind::UniqueViolation => DatabaseErrorKind::Duplicate,
            // A foreign key fails when another transaction deleted the parent row after this one had read it: the next
            // attempt no longer finds the row.
            DieselKind::SerializationFailure | DieselKind::ForeignKeyViolation => DatabaseErrorKind::Retryable,
            // PostgreSQL takes no changes: it is a replica, or was set read-only.
            DieselKind::ReadOnlyTransaction => DatabaseErrorKind::Unavailable,
            DieselKind::Unknown | DieselKind::UnableToSendCommand => classify_by_message(info.message()),
            _ => DatabaseErrorKind::Other,
        },
        _ => DatabaseErrorKind::Other,
    }
}

// Why by message: diesel reads the SQLite result code and the SQLSTATE, but keeps neither. What it does not map to a kind
// of its own (SQLITE_BUSY, SQLITE_FULL, 40P01, 55P03, 57014, and whatever libpq reports without a SQLSTATE) arrives as
// `Unknown` with nothing but the message.
fn classify_by_message(message: &str) -> DatabaseErrorKind {
    const LOST_CONNECTION: [&str; 5] = [
        "server closed the connection",
        "no connection to the server",
        "terminating connection",
        "connection to server",
        "could not receive data",
    ];
    const UNAVAILABLE: [&str; 9] = [
        "database is locked",
        "database table is locked",
        "database or disk is full",
        "disk I/O error",
        "readonly database",
        "unable to open database",
        "could not connect",
        "the database system is",
        "lock timeout",
    ];
    let says = |signs: &[&str]| signs.iter().any(|sign| message.contains(sign));
    match message {
        _ if says(&LOST_CONNECTION) => DatabaseErrorKind::LostConnection,
        _ if says(&["statement timeout"]) => DatabaseErrorKind::TookTooLong,
        _ if says(&UNAVAILABLE) => DatabaseErrorKind::Unavailable,
        _ if says(&["deadlock detected"]) => DatabaseErrorKind::Retryable,
        _ => DatabaseErrorKind::Other,
    }
}
