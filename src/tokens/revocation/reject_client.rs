//! Rejects a client that is pending approval: it is revoked, unless an admin approved it in the meantime.

use crate::activity::Actor;
use crate::clients::Client;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::ClientKey;
use crate::time::Timestamp;
use crate::tokens::revocation::Target;
use crate::tokens::revocation::revoke::revoke_as;

const NOTE: &str = "rejected while pending approval";

/// What became of a client that was to be rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// It was rejected; holds its name.
    Rejected(String),
    /// It is approved, and was kept; holds its name.
    Approved(String),
    /// There is no such client, or it was rejected already.
    Gone,
}

/// Revokes a client if it is pending approval, and records it as a rejection.
pub fn reject_client(
    conn: &mut DbConnection,
    id: ClientKey,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<Rejection> {
    let is_pending = Client::lock_pending(conn, id)?;
    let client = match Client::find(conn, id).map_err(Error::from) {
        Err(Error::NotFound) => return Ok(Rejection::Gone),
        found => found?,
    };
    if client.revoked_at.is_some() {
        return Ok(Rejection::Gone);
    }
    if !is_pending {
        return Ok(Rejection::Approved(client.name));
    }
    let (name, target) = (client.name.clone(), Target::Client(client));
    revoke_as(conn, &target, (target.kind(), NOTE), None, (actor, client_ip), now)?;
    Ok(Rejection::Rejected(name))
}
