//! Access tokens that have expired. A background job moves them out of the table of valid tokens, so that its size follows
//! what is valid; they are kept for some days, so that "expired" and "revoked" can be told apart.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::id::{AccessTokenKey, ClientKey, EmployeeKey, RefreshTokenKey};
use crate::schema::{access_tokens, ended_tokens};
use crate::secrets::{Mask, TokenHash};
use crate::time::Timestamp;
use crate::tokens::status::TokenDates;

/// An access token that has expired. Its client, employee and refresh token may be gone.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable)]
#[diesel(table_name = ended_tokens)]
pub struct EndedToken {
    /// The id it had as an access token.
    pub id: AccessTokenKey,
    /// The client it belonged to.
    pub client_id: ClientKey,
    /// The employee it acted for.
    pub employee_id: EmployeeKey,
    /// The refresh token it was issued with.
    pub refresh_token_id: RefreshTokenKey,
    /// The first characters, which pages show.
    #[diesel(column_name = prefix)]
    pub mask: Mask,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last used, or 0.
    pub last_used_at: Timestamp,
    /// When it expired.
    pub expires_at: Timestamp,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = ended_tokens)]
struct Moved {
    id: i64,
    client_id: i64,
    employee_id: i64,
    refresh_token_id: i64,
    hash: TokenHash,
    prefix: String,
    created_at: i64,
    last_used_at: i64,
    expires_at: i64,
}

impl EndedToken {
    /// Finds an ended token of this client by its id.
    pub fn find(conn: &mut DbConnection, client: ClientKey, id: AccessTokenKey) -> QueryResult<Option<EndedToken>> {
        let row = ended_tokens::table.find(id).filter(ended_tokens::client_id.eq(client));
        row.select(EndedToken::as_select()).first(conn).optional()
    }

    /// Finds an ended token by the hash of its value.
    pub fn find_by_value(conn: &mut DbConnection, hash: &TokenHash) -> QueryResult<Option<EndedToken>> {
        let row = ended_tokens::table.filter(ended_tokens::hash.eq(hash));
        row.select(EndedToken::as_select()).first(conn).optional()
    }

    /// The client of the token with this hash, if there is one that has expired.
    pub fn client_of(conn: &mut DbConnection, hash: &TokenHash) -> QueryResult<Option<ClientKey>> {
        crate::db::on_each!(conn, |conn| {
            let row = ended_tokens::table.filter(ended_tokens::hash.eq(hash));
            row.select(ended_tokens::client_id).get_result(conn).optional()
        })
    }

    /// Whether any access token is to be moved.
    pub fn is_due(conn: &mut DbConnection, now: Timestamp) -> QueryResult<bool> {
        Ok(!expired(conn, now, 1)?.is_empty())
    }

    /// How many expired access tokens wait to be moved; counting stops at `most`.
    pub fn waiting(conn: &mut DbConnection, now: Timestamp, most: i64) -> QueryResult<usize> {
        expired(conn, now, most).map(|ids| ids.len())
    }

    /// Moves up to `most` expired access tokens, those that expired first; returns how many.
    pub fn move_expired(conn: &mut DbConnection, now: Timestamp, most: i64) -> QueryResult<usize> {
        let ids = expired(conn, now, most)?;
        crate::db::on_each!(conn, |conn| {
            // What is deleted is what is inserted: on PostgreSQL a revocation may delete some of them first.
            let moved: Vec<Moved> = diesel::delete(access_tokens::table.filter(access_tokens::id.eq_any(&ids)))
                .returning((
                    access_tokens::id,
                    access_tokens::client_id,
                    access_tokens::employee_id,
                    access_tokens::refresh_token_id.assume_not_null(),
                    access_tokens::hash,
                    access_tokens::prefix,
                    access_tokens::created_at,
                    access_tokens::last_used_at,
                    access_tokens::expires_at,
                ))
                .load(conn)?;
            diesel::insert_into(ended_tokens::table).values(&moved).execute(conn)
        })
    }

    /// Up to `most` tokens that expired before `cutoff`.
    pub fn older_than(conn: &mut DbConnection, cutoff: Timestamp, most: i64) -> QueryResult<Vec<i64>> {
        let old = ended_tokens::table.filter(ended_tokens::expires_at.lt(cutoff));
        let oldest = old.order((ended_tokens::expires_at, ended_tokens::id)).limit(most);
        oldest.select(ended_tokens::id).load(conn)
    }

    /// Deletes a token that expired before `cutoff`.
    pub fn delete(conn: &mut DbConnection, id: i64, cutoff: Timestamp) -> QueryResult<usize> {
        diesel::delete(ended_tokens::table.find(id).filter(ended_tokens::expires_at.lt(cutoff))).execute(conn)
    }

    /// The dates its status depends on.
    pub fn dates(&self) -> TokenDates {
        TokenDates { created_at: self.created_at, last_used_at: self.last_used_at, expires_at: self.expires_at }
    }
}

// The condition of the partial index, in its order.
fn expired(conn: &mut DbConnection, now: Timestamp, most: i64) -> QueryResult<Vec<i64>> {
    access_tokens::table
        .filter(access_tokens::refresh_token_id.is_not_null())
        .filter(access_tokens::expires_at.le(now))
        .order((access_tokens::expires_at, access_tokens::id))
        .limit(most)
        .select(access_tokens::id)
        .load(conn)
}
