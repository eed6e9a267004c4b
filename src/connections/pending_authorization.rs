//! One way to a provider and back. Its `state` belongs to one connection and to the browser session that set out, works
//! once, and for ten minutes (RFC 9700 section 4.7); the PKCE verifier waits here, sealed.

use diesel::prelude::*;

use crate::connections::connection::Connection;
use crate::connections::token_endpoint::TokenReply;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::{ConnectionKey, ConnectionRequestKey, SessionKey};
use crate::schema::connection_requests;
use crate::secrets::sealed::{Opened, Place, Sealed, Vault};
use crate::secrets::{RandomSecret, TokenHash};
use crate::time::{MINUTE, Timestamp};

const LIFE: i64 = 10 * MINUTE;

/// One row.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable, Associations)]
#[diesel(table_name = connection_requests, belongs_to(Connection))]
pub struct ConnectionRequest {
    /// Its id.
    pub id: ConnectionRequestKey,
    /// The connection it is for.
    pub connection_id: ConnectionKey,
    verifier: Option<Sealed>,
    held: Option<Sealed>,
}

fn verifier_place(id: ConnectionRequestKey) -> Place {
    Place::new("connection_requests.verifier", id.0)
}

fn held_place(id: ConnectionRequestKey) -> Place {
    Place::new("connection_requests.held", id.0)
}

impl ConnectionRequest {
    /// Sets out with `state` in this browser.
    pub fn begin(
        conn: &mut DbConnection,
        vault: &Vault,
        (connection, session): (ConnectionKey, SessionKey),
        state: &TokenHash,
        verifier: Option<&str>,
        now: Timestamp,
    ) -> Result<()> {
        let id = diesel::insert_into(connection_requests::table)
            .values((
                connection_requests::connection_id.eq(connection),
                connection_requests::session_id.eq(session),
                connection_requests::state_hash.eq(state),
                connection_requests::created_at.eq(now),
                connection_requests::expires_at.eq(now.plus(LIFE)),
            ))
            .returning(connection_requests::id)
            .get_result::<i64>(conn)?;
        if let Some(verifier) = verifier {
            let sealed = vault.seal(verifier, verifier_place(ConnectionRequestKey(id)))?;
            diesel::update(connection_requests::table.find(id))
                .set(connection_requests::verifier.eq(sealed))
                .execute(conn)?;
        }
        Ok(())
    }

    /// A new state: 256 random bits.
    pub fn new_state() -> RandomSecret {
        RandomSecret::generate()
    }

    /// Takes up the way back with a `state`, once. Nothing when it is unknown, used, too old, or another browser's.
    pub fn verify_callback(
        conn: &mut DbConnection,
        state: &TokenHash,
        session: SessionKey,
        now: Timestamp,
    ) -> QueryResult<Option<ConnectionRequest>> {
        let open = connection_requests::table
            .filter(connection_requests::state_hash.eq(state))
            .filter(connection_requests::session_id.eq(session))
            .filter(connection_requests::used_at.is_null())
            .filter(connection_requests::expires_at.gt(now));
        if diesel::update(open).set(connection_requests::used_at.eq(now)).execute(conn)? == 0 {
            return Ok(None);
        }
        let row = connection_requests::table.filter(connection_requests::state_hash.eq(state));
        row.select(ConnectionRequest::as_select()).first(conn).map(Some)
    }

    /// Its PKCE verifier, opened.
    pub fn verifier(&self, vault: &Vault) -> Result<Option<Opened>> {
        self.verifier.as_ref().map(|sealed| vault.open(sealed, verifier_place(self.id))).transpose()
    }

    /// Keeps what came back until it is known whose it is.
    pub fn hold(&self, conn: &mut DbConnection, vault: &Vault, reply: &TokenReply) -> Result<()> {
        let text = serde_json::to_string(reply).map_err(|_| Error::internal("tokens could not be kept"))?;
        let sealed = vault.seal(&text, held_place(self.id))?;
        diesel::update(connection_requests::table.find(self.id))
            .set(connection_requests::held.eq(sealed))
            .execute(conn)?;
        Ok(())
    }

    /// The request of this browser that holds tokens for a connection, if there is one.
    pub fn holding(
        conn: &mut DbConnection,
        (connection, session): (ConnectionKey, SessionKey),
        now: Timestamp,
    ) -> QueryResult<Option<ConnectionRequest>> {
        connection_requests::table
            .filter(connection_requests::connection_id.eq(connection))
            .filter(connection_requests::session_id.eq(session))
            .filter(connection_requests::held.is_not_null())
            .filter(connection_requests::expires_at.gt(now))
            .order(connection_requests::id.desc())
            .select(ConnectionRequest::as_select())
            .first(conn)
            .optional()
    }

    /// What it holds, opened.
    pub fn held(&self, vault: &Vault) -> Result<TokenReply> {
        let sealed = self.held.as_ref().ok_or(Error::NotFound)?;
        let text = vault.open(sealed, held_place(self.id))?;
        serde_json::from_str(text.expose()).map_err(|_| Error::internal("what was kept cannot be read"))
    }

    /// Lets go of it; false when that was done already.
    pub fn release(conn: &mut DbConnection, id: ConnectionRequestKey) -> QueryResult<bool> {
        let row = connection_requests::table.find(id).filter(connection_requests::held.is_not_null());
        diesel::delete(row).execute(conn).map(|n| n == 1)
    }

    /// Deletes what is too old to be of use.
    pub fn purge(conn: &mut DbConnection, now: Timestamp) -> QueryResult<usize> {
        diesel::delete(connection_requests::table.filter(connection_requests::expires_at.le(now))).execute(conn)
    }
}
