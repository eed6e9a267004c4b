//! Finding a client for a page or an act: when it has been revoked, the error says by whom and when.

use crate::account;
use crate::activity::Kind;
use crate::clients::client::Client;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::ClientKey;

/// Finds a client, also while its rows are being deleted. Errors: [`Error::Gone`] with who revoked it and when.
pub fn find_or_gone(conn: &mut DbConnection, id: ClientKey) -> Result<Client> {
    Client::find(conn, id).map_err(Error::from).or_else(|error| match error {
        Error::NotFound => Err(account::revoked_error(conn, &[Kind::ClientRevoked], "client", id.0)?),
        error => Err(error),
    })
}

/// Finds a client that an act is about to change. Errors: [`Error::Gone`] when it was revoked and deleted,
/// [`Error::Conflict`] while its rows are being deleted.
pub fn find_for_update(conn: &mut DbConnection, id: ClientKey) -> Result<Client> {
    find_or_gone(conn, id)?.require_unrevoked()
}
