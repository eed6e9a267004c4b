//! Pending authorizations: from the redirect to a provider until its callback. The `state` is bound to one connection and
//! one browser session, works once, and expires after ten minutes (RFC 9700 section 4.7). The PKCE verifier is encrypted.

use diesel::prelude::*;

use crate::connections::connection::Connection;
use crate::connections::token_reply::TokenReply;
use crate::db::DbConnection;
use crate::error::{Error, Result};
use crate::id::{ConnectionKey, ConnectionRequestKey, SessionKey};
use crate::schema::connection_requests;
use crate::secrets::sealed::{Opened, Place, Sealed, Vault};
use crate::secrets::{RandomSecret, TokenHash};
use crate::time::{MINUTE, Timestamp};

const LIFETIME: i64 = 10 * MINUTE;

/// A row of `connection_requests`.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable, Associations)]
#[diesel(table_name = connection_requests, belongs_to(Connection))]
pub struct PendingAuthorization {
    /// Its id.
    pub id: ConnectionRequestKey,
    /// The connection to authorize.
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

impl PendingAuthorization {
    /// Stores a pending authorization for this browser session.
    pub fn create(
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
                connection_requests::expires_at.eq(now.plus(LIFETIME)),
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

    /// A new `state`: 256 random bits.
    pub fn new_state() -> RandomSecret {
        RandomSecret::generate()
    }

    /// Redeems a `state`, once. Returns nothing if it is unknown, used, expired, or of another browser session.
    pub fn redeem_state(
        conn: &mut DbConnection,
        state: &TokenHash,
        session: SessionKey,
        now: Timestamp,
    ) -> QueryResult<Option<PendingAuthorization>> {
        let open = connection_requests::table
            .filter(connection_requests::state_hash.eq(state))
            .filter(connection_requests::session_id.eq(session))
            .filter(connection_requests::used_at.is_null())
            .filter(connection_requests::expires_at.gt(now));
        if diesel::update(open).set(connection_requests::used_at.eq(now)).execute(conn)? == 0 {
            return Ok(None);
        }
        let row = connection_requests::table.filter(connection_requests::state_hash.eq(state));
        row.select(PendingAuthorization::as_select()).first(conn).map(Some)
    }

    /// Its PKCE verifier, decrypted.
    pub fn verifier(&self, vault: &Vault) -> Result<Option<Opened>> {
        self.verifier.as_ref().map(|sealed| vault.open(sealed, verifier_place(self.id))).transpose()
    }

    /// Stores the new tokens, encrypted, until the account is known or confirmed.
    pub fn store_tokens(&self, conn: &mut DbConnection, vault: &Vault, reply: &TokenReply) -> Result<()> {
        let text = serde_json::to_string(reply).map_err(|_| Error::internal("new tokens cannot be serialized"))?;
        let sealed = vault.seal(&text, held_place(self.id))?;
        diesel::update(connection_requests::table.find(self.id))
            .set(connection_requests::held.eq(sealed))
            .execute(conn)?;
        Ok(())
    }

    /// The pending authorization of this browser session that has new tokens for a connection.
    pub fn find_with_tokens(
        conn: &mut DbConnection,
        (connection, session): (ConnectionKey, SessionKey),
        now: Timestamp,
    ) -> QueryResult<Option<PendingAuthorization>> {
        connection_requests::table
            .filter(connection_requests::connection_id.eq(connection))
            .filter(connection_requests::session_id.eq(session))
            .filter(connection_requests::held.is_not_null())
            .filter(connection_requests::expires_at.gt(now))
            .order(connection_requests::id.desc())
            .select(PendingAuthorization::as_select())
            .first(conn)
            .optional()
    }

    /// The new tokens, decrypted.
    pub fn tokens(&self, vault: &Vault) -> Result<TokenReply> {
        let sealed = self.held.as_ref().ok_or(Error::NotFound)?;
        let text = vault.open(sealed, held_place(self.id))?;
        serde_json::from_str(text.expose()).map_err(|_| Error::internal("stored tokens cannot be read"))
    }

    /// Deletes a pending authorization that has tokens; false if that was already done.
    pub fn delete_with_tokens(conn: &mut DbConnection, id: ConnectionRequestKey) -> QueryResult<bool> {
        let row = connection_requests::table.find(id).filter(connection_requests::held.is_not_null());
        diesel::delete(row).execute(conn).map(|n| n == 1)
    }

    /// Deletes expired rows.
    pub fn purge(conn: &mut DbConnection, now: Timestamp) -> QueryResult<usize> {
        diesel::delete(connection_requests::table.filter(connection_requests::expires_at.le(now))).execute(conn)
    }
}
