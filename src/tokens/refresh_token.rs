//! A refresh token is one row for the life of a grant; only its value rotates, and every value begins with the same seven
//! characters. So its page keeps its address, and an employee sees one line per authorization instead of one per hour.

use diesel::prelude::*;

use crate::clients::Client;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::id::{ClientKey, EmployeeKey, RefreshTokenKey};
use crate::schema::{employees, refresh_token_values, refresh_tokens};
use crate::scopes::Scope;
use crate::secrets::{Mask, TokenHash};
use crate::time::{DAY, Timestamp};

// A value is refused as expired, with the date, for this long; then it is unknown. In seconds.
const KEPT_AFTER_END: i64 = 30 * DAY;

/// One row.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable, Associations)]
#[diesel(table_name = refresh_tokens, belongs_to(Client), belongs_to(Employee))]
pub struct RefreshToken {
    /// Its id.
    pub id: RefreshTokenKey,
    /// Whose it is.
    pub client_id: ClientKey,
    /// Who let the client in.
    pub employee_id: EmployeeKey,
    /// What is shown of every value of it.
    #[diesel(column_name = prefix)]
    pub mask: Mask,
    /// What it may reach.
    pub scope: Scope,
    /// When the employee consented.
    pub created_at: Timestamp,
    /// When it was last refreshed, or 0.
    pub last_used_at: Timestamp,
    /// When it lapses unless it is used before.
    pub expires_at: Timestamp,
    /// Which value is the newest, from 1.
    pub generation: i64,
    /// When that value was issued.
    pub rotated_at: Timestamp,
    /// When an access token of the newest generation was first used.
    pub generation_used_at: Option<Timestamp>,
    /// Since when all its access has ended, while its rows are still being deleted.
    pub revoked_at: Option<Timestamp>,
    /// How many pairs of the newest generation have been issued.
    pub pairs: i64,
    /// The address that asked for the newest generation first.
    pub rotated_from: String,
}

impl RefreshToken {
    /// The refresh token with this id, if it is this client's.
    pub fn find(conn: &mut DbConnection, client: ClientKey, id: RefreshTokenKey) -> QueryResult<RefreshToken> {
        let row = refresh_tokens::table.find(id).filter(refresh_tokens::client_id.eq(client));
        row.select(RefreshToken::as_select()).first(conn)
    }

    /// The refresh token one of whose values, current or earlier, has this hash; and whether it is the newest.
    pub fn find_by_value(conn: &mut DbConnection, hash: &TokenHash) -> QueryResult<Option<(RefreshToken, bool)>> {
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
        Ok(row.map(|(token, generation, replaced)| {
            let newest = generation == token.generation && replaced.is_none();
            (token, newest)
        }))
    }

    /// The rows with these ids in the same order, each with its employee.
    pub fn with_employees(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<(RefreshToken, Employee)>> {
        let mut rows: Vec<(RefreshToken, Employee)> = refresh_tokens::table
            .inner_join(employees::table)
            .filter(refresh_tokens::id.eq_any(ids))
            .select((RefreshToken::as_select(), Employee::as_select()))
            .load(conn)?;
        rows.sort_by_key(|(token, _)| ids.iter().position(|id| *id == token.id.0));
        Ok(rows)
    }

    /// Ends all its access at once; of two who try, one succeeds.
    pub fn mark_revoked(conn: &mut DbConnection, id: RefreshTokenKey, now: Timestamp) -> QueryResult<bool> {
        let find_unrevoked = refresh_tokens::table.find(id).filter(refresh_tokens::revoked_at.is_null());
        diesel::update(find_unrevoked).set(refresh_tokens::revoked_at.eq(Some(now))).execute(conn).map(|n| n == 1)
    }

    /// Notes that it was used.
    pub fn touch(conn: &mut DbConnection, id: RefreshTokenKey, at: Timestamp) -> QueryResult<usize> {
        diesel::update(refresh_tokens::table.find(id)).set(refresh_tokens::last_used_at.eq(at)).execute(conn)
    }

    /// Deletes a batch of values that are past their own end and old enough that nobody asks why.
    pub fn purge_values(conn: &mut DbConnection, now: Timestamp, batch: i64) -> QueryResult<usize> {
        let old = refresh_token_values::table.filter(refresh_token_values::expires_at.lt(now.plus(-KEPT_AFTER_END)));
        let ids: Vec<i64> = old.select(refresh_token_values::id).limit(batch).load(conn)?;
        diesel::delete(refresh_token_values::table.filter(refresh_token_values::id.eq_any(ids))).execute(conn)
    }
}
