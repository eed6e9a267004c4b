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
            // Diesel reads SQLSTATE 08… and the state of the connection; libpq refuses to use a connection that is dead.
            DieselKind::ClosedConnection | DieselKind::UnableToSendCommand => DatabaseErrorKind::LostConnection,
            // SQLSTATE 25006: the server is not the primary (any more). Another connection finds the one that is.
            DieselKind::ReadOnlyTransaction => DatabaseErrorKind::ReadOnly,
            DieselKind::UniqueViolation => DatabaseErrorKind::Duplicate,
            // A foreign key fails when another transaction deleted the parent row after this one had read it: the next
            // attempt no longer finds the row.
            DieselKind::SerializationFailure | DieselKind::ForeignKeyViolation => DatabaseErrorKind::Retryable,
            DieselKind::Unknown => classify_by_message(info.message()),
            _ => DatabaseErrorKind::Other,
        },
        _ => DatabaseErrorKind::Other,
    }
}

// Why by message: diesel reads the SQLite result code and the SQLSTATE, but keeps neither. What it does not map to a kind
// of its own (SQLITE_BUSY, SQLITE_FULL, 40P01, 53…, 55P03, 57014) arrives as `Unknown` with nothing but the message. SQLite
// speaks English only; PostgreSQL speaks the language of `lc_messages`, so nothing may depend on its words alone: what is
// `Unknown` here is retried a few times when it changes something, and counts as too slow once its time is up.
fn classify_by_message(message: &str) -> DatabaseErrorKind {
    const UNAVAILABLE: [&str; 12] = [
        "database is locked",
        "database table is locked",
        "database or disk is full",
        "disk I/O error",
        "readonly database",
        "unable to open database",
        "the database system is",
        "lock timeout",
        "No space left on device",
        "could not extend file",
        "out of memory",
        "out of shared memory",
    ];
    let says = |signs: &[&str]| signs.iter().any(|sign| message.contains(sign));
    match message {
        _ if says(&["terminating connection"]) => DatabaseErrorKind::LostConnection,
        _ if says(&["statement timeout"]) => DatabaseErrorKind::TookTooLong,
        _ if says(&UNAVAILABLE) => DatabaseErrorKind::Unavailable,
        _ if says(&["deadlock detected"]) => DatabaseErrorKind::Retryable,
        _ => DatabaseErrorKind::Unknown,
    }
}
