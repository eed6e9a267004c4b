//! Finds a connection, or says who disconnected it and when.

use diesel::QueryResult;

use crate::account::revoked_error;
use crate::activity::Kind;
use crate::connections::{Connection, ServiceKey};
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::ConnectionKey;

/// What a query found. Errors: [`Error::Gone`] if the connection was disconnected, [`Error::NotFound`] if it never existed.
pub fn or_gone<T>(found: QueryResult<T>, conn: &mut DbConnection, id: ConnectionKey) -> Result<T> {
    match found.map_err(Error::from) {
        Err(Error::NotFound) => Err(revoked_error(conn, &[Kind::ConnectionDisconnected], "connection", id.0)?),
        found => found,
    }
}

/// The connection and its service keys. Errors: as [`or_gone`].
pub fn with_keys(conn: &mut DbConnection, id: ConnectionKey) -> Result<(Connection, Vec<ServiceKey>)> {
    let connection = or_gone(Connection::find(conn, id), conn, id)?;
    Ok((connection, ServiceKey::of_connection(conn, id)?))
}
