//! An access token, or an API key: what a client shows to reach the shop's data.

use diesel::prelude::*;

use crate::clients::Client;
use crate::db::DbConnection;
use crate::employees::Employee;
use crate::id::{AccessTokenKey, ClientKey, EmployeeKey, RefreshTokenKey};
use crate::schema::{access_tokens, employees};
use crate::scopes::Scope;
use crate::secrets::{Mask, TokenHash};
use crate::time::Timestamp;
use crate::tokens::refresh_token::RefreshToken;

/// One row.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable, Associations)]
#[diesel(table_name = access_tokens, belongs_to(Client), belongs_to(Employee), belongs_to(RefreshToken))]
pub struct AccessToken {
    /// Its id.
    pub id: AccessTokenKey,
    /// Whose it is.
    pub client_id: ClientKey,
    /// Whose rights it carries.
    pub employee_id: EmployeeKey,
    /// The refresh token that made it; empty for an API key.
    pub refresh_token_id: Option<RefreshTokenKey>,
    /// What is shown of it.
    #[diesel(column_name = prefix)]
    pub mask: Mask,
    /// What it may reach.
    pub scope: Scope,
    /// What an admin called it; API keys only.
    pub label: String,
    /// Which generation of its refresh token it came with; 0 for an API key.
    pub generation: i64,
    /// When it was issued.
    pub created_at: Timestamp,
    /// When it was last used, or 0.
    pub last_used_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

impl AccessToken {
    /// The token with this id, if it is this client's.
    pub fn find(conn: &mut DbConnection, client: ClientKey, id: AccessTokenKey) -> QueryResult<AccessToken> {
        let row = access_tokens::table.find(id).filter(access_tokens::client_id.eq(client));
        row.select(AccessToken::as_select()).first(conn)
    }

    /// Whether there is a token with this id, whosever it is.
    pub fn exists(conn: &mut DbConnection, id: AccessTokenKey) -> QueryResult<bool> {
        diesel::select(diesel::dsl::exists(access_tokens::table.find(id))).get_result(conn)
    }

    /// The token with this hash.
    pub fn find_by_value(conn: &mut DbConnection, hash: &TokenHash) -> QueryResult<Option<AccessToken>> {
        access_tokens::table
            .filter(access_tokens::hash.eq(hash))
            .select(AccessToken::as_select())
            .first(conn)
            .optional()
    }

    /// The rows with these ids in the same order, each with its employee.
    pub fn with_employees(conn: &mut DbConnection, ids: &[i64]) -> QueryResult<Vec<(AccessToken, Employee)>> {
        let mut rows: Vec<(AccessToken, Employee)> = access_tokens::table
            .inner_join(employees::table)
            .filter(access_tokens::id.eq_any(ids))
            .select((AccessToken::as_select(), Employee::as_select()))
            .load(conn)?;
        rows.sort_by_key(|(token, _)| ids.iter().position(|id| *id == token.id.0));
        Ok(rows)
    }

    /// Deletes it; false when it was gone already.
    pub fn delete(conn: &mut DbConnection, id: AccessTokenKey) -> QueryResult<bool> {
        diesel::delete(access_tokens::table.find(id)).execute(conn).map(|n| n == 1)
    }

    /// Notes that it was used.
    pub fn touch(conn: &mut DbConnection, id: AccessTokenKey, at: Timestamp) -> QueryResult<usize> {
        let older = access_tokens::table.find(id).filter(access_tokens::last_used_at.lt(at));
        diesel::update(older).set(access_tokens::last_used_at.eq(at)).execute(conn)
    }

    /// Whether it is an API key.
    pub fn is_api_key(&self) -> bool {
        self.refresh_token_id.is_none()
    }

    /// Its type, in Lightspeed's words.
    pub fn type_name(&self) -> &'static str {
        if self.is_api_key() { "API Key" } else { "Access Token" }
    }
}
