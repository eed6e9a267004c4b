//! Refresh tokens. A refresh token is one row from consent to revocation, and only its value rotates. Every value starts
//! with the same seven characters, so pages show one row for each authorization instead of one for each refresh.

use std::net::IpAddr;

use diesel::prelude::*;

use crate::clients::Client;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::id::{ClientKey, EmployeeKey, RefreshTokenKey};
use crate::network;
use crate::schema::{refresh_token_values, refresh_tokens};
use crate::scopes::Scope;
use crate::secrets::{Mask, TokenHash};
use crate::time::{DAY, Timestamp};
use crate::tokens::status::TokenDates;

// For this long after a value of the earlier format expires, it is recognised as reuse; after that, it is unknown. In seconds.
const EXPIRED_VALUE_RETENTION: i64 = 30 * DAY;

/// A refresh token.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable, Associations)]
#[diesel(table_name = refresh_tokens, belongs_to(Client), belongs_to(Employee))]
pub struct RefreshToken {
    /// Its id.
    pub id: RefreshTokenKey,
    /// The client it belongs to.
    pub client_id: ClientKey,
    /// The employee who authorized it.
    pub employee_id: EmployeeKey,
    /// The first characters, which pages show; the same for all its values.
    #[diesel(column_name = prefix)]
    pub mask: Mask,
    /// What it may access.
    pub scope: Scope,
    /// When the employee allowed access.
    pub created_at: Timestamp,
    /// When it was last refreshed, or 0.
    pub last_used_at: Timestamp,
    /// When it expires if it is not refreshed before.
    pub expires_at: Timestamp,
    /// The number of the newest value, from 1.
    pub generation: i64,
    /// When the newest value was issued.
    pub rotated_at: Timestamp,
    /// When an access token of the newest generation was first used.
    pub generation_used_at: Option<Timestamp>,
    /// When it was revoked; set while its rows are still being deleted.
    pub revoked_at: Option<Timestamp>,
    /// How many pairs of the newest generation have been issued.
    pub pairs: i64,
    /// The client IP that requested the newest generation.
    pub rotated_from: String,
    /// The hash of its grant part; `None` until a token of the earlier format is refreshed for the first time.
    pub grant_hash: Option<TokenHash>,
}

impl RefreshToken {
    /// Finds a refresh token of this client by id.
    pub fn find(conn: &mut DbConnection, client: ClientKey, id: RefreshTokenKey) -> QueryResult<RefreshToken> {
        let row = refresh_tokens::table.find(id).filter(refresh_tokens::client_id.eq(client));
        row.select(RefreshToken::as_select()).first(conn)
    }

    /// Finds a refresh token by the hash of a value, or by that of the grant part that the value has; and whether the value
    /// is the current one.
    pub fn find_by_value(
        conn: &mut DbConnection,
        hash: &TokenHash,
        grant_hash: Option<&TokenHash>,
    ) -> QueryResult<Option<(RefreshToken, bool)>> {
        let row = refresh_token_values::table
            .inner_join(refresh_tokens::table)
            .filter(refresh_token_values::hash.eq(hash))
            .select((
                RefreshToken::as_select(),
                refresh_token_values::generation,
                refresh_token_values::replaced_at.nullable(),
            ))
            .first::<(RefreshToken, i64, Option<Timestamp>)>(conn)
            .optional()?;
        match (row, grant_hash) {
            (Some((token, generation, replaced)), _) => {
                let is_current = generation == token.generation && replaced.is_none();
                Ok(Some((token, is_current)))
            }
            (None, Some(hash)) => {
                let row = refresh_tokens::table.filter(refresh_tokens::grant_hash.eq(hash));
                let token = row.select(RefreshToken::as_select()).first(conn).optional()?;
                Ok(token.map(|token| (token, false)))
            }
            (None, None) => Ok(None),
        }
    }

    /// Marks it revoked; of two concurrent calls, one returns `true`.
    pub fn mark_revoked(conn: &mut DbConnection, id: RefreshTokenKey, now: Timestamp) -> QueryResult<bool> {
        let unrevoked = refresh_tokens::table.find(id).filter(refresh_tokens::revoked_at.is_null());
        diesel::update(unrevoked).set(refresh_tokens::revoked_at.eq(Some(now))).execute(conn).map(|n| n == 1)
    }

    /// The client IP that refreshed it last; empty if it is not known. Read by itself: a refresh does not need it.
    pub fn last_used_address(conn: &mut DbConnection, id: RefreshTokenKey) -> QueryResult<String> {
        refresh_tokens::table.find(id).select(refresh_tokens::last_used_address).first(conn)
    }

    /// Stores when it was last used, and from where.
    pub fn touch(
        conn: &mut DbConnection,
        id: RefreshTokenKey,
        at: Timestamp,
        from: Option<IpAddr>,
    ) -> QueryResult<usize> {
        let change = (refresh_tokens::last_used_at.eq(at), refresh_tokens::last_used_address.eq(network::stored(from)));
        diesel::update(refresh_tokens::table.find(id)).set(change).execute(conn)
    }

    /// Deletes a batch of values of the earlier format that expired more than 30 days ago. All other values are deleted when
    /// they are older than the previous one.
    pub fn purge_values(conn: &mut DbConnection, now: Timestamp, batch: i64) -> QueryResult<usize> {
        // The condition of the partial index.
        let earlier = refresh_token_values::table.filter(refresh_token_values::earlier_format);
        let old = earlier.filter(refresh_token_values::expires_at.lt(now.plus(-EXPIRED_VALUE_RETENTION)));
        let ids: Vec<i64> = old.select(refresh_token_values::id).limit(batch).load(conn)?;
        diesel::delete(refresh_token_values::table.filter(refresh_token_values::id.eq_any(ids))).execute(conn)
    }

    /// The dates its status depends on.
    pub fn dates(&self) -> TokenDates {
        TokenDates { created_at: self.created_at, last_used_at: self.last_used_at, expires_at: self.expires_at }
    }
}
