//! Authorization codes (RFC 6749 section 1.3.1). A code is valid for sixty seconds and for one use, by one client, with one
//! redirect URI and one code verifier.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::id::{AuthorizationCodeKey, ClientKey, EmployeeKey, RefreshTokenKey};
use crate::schema::authorization_codes;
use crate::scopes::Scope;
use crate::secrets::{PlainToken, TokenHash, TokenKind};
use crate::time::{DAY, MINUTE, Timestamp};

/// How long a code is valid, in seconds.
pub const LIFETIME: i64 = MINUTE;
/// How long a row is kept, in seconds: when a code is used again, the tokens issued from it are revoked.
pub const RETENTION: i64 = 30 * DAY;

/// An authorization code.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable)]
#[diesel(table_name = authorization_codes)]
pub struct AuthorizationCode {
    /// Its id.
    pub id: AuthorizationCodeKey,
    /// The client that may redeem it.
    pub client_id: ClientKey,
    /// The employee who allowed access.
    pub employee_id: EmployeeKey,
    /// The scope the employee allowed.
    pub scope: Scope,
    /// The `redirect_uri` of the authorization request, if it had one.
    pub redirect_uri: Option<String>,
    /// The S256 `code_challenge` of the authorization request, if it had one.
    pub code_challenge: Option<String>,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it was redeemed.
    pub redeemed_at: Option<Timestamp>,
    /// The refresh token issued from it.
    pub refresh_token_id: Option<RefreshTokenKey>,
}

/// The values of a new authorization code.
#[derive(Debug)]
pub struct NewAuthorizationCode<'a> {
    /// The client that requested it.
    pub client: ClientKey,
    /// The employee who allowed access.
    pub employee: EmployeeKey,
    /// The scope the employee allowed.
    pub scope: &'a Scope,
    /// The `redirect_uri` of the request, if it had one.
    pub redirect_uri: Option<&'a str>,
    /// The S256 `code_challenge` of the request, if it had one.
    pub code_challenge: Option<&'a str>,
}

impl AuthorizationCode {
    /// Issues a code.
    pub fn issue(conn: &mut DbConnection, new: &NewAuthorizationCode<'_>, now: Timestamp) -> QueryResult<PlainToken> {
        let code = PlainToken::generate(TokenKind::AuthorizationCode);
        diesel::insert_into(authorization_codes::table)
            .values((
                authorization_codes::client_id.eq(new.client),
                authorization_codes::employee_id.eq(new.employee),
                authorization_codes::hash.eq(code.hash()),
                authorization_codes::scope.eq(new.scope),
                authorization_codes::redirect_uri.eq(new.redirect_uri),
                authorization_codes::code_challenge.eq(new.code_challenge),
                authorization_codes::created_at.eq(now),
                authorization_codes::expires_at.eq(now.plus(LIFETIME)),
            ))
            .execute(conn)?;
        Ok(code)
    }

    /// Finds a code by its hash.
    pub fn find(conn: &mut DbConnection, hash: &TokenHash) -> QueryResult<Option<AuthorizationCode>> {
        let row = authorization_codes::table.filter(authorization_codes::hash.eq(hash));
        row.select(AuthorizationCode::as_select()).get_result(conn).optional()
    }

    /// Redeems a code; of several concurrent calls, one returns `true`.
    pub fn redeem(conn: &mut DbConnection, id: AuthorizationCodeKey, now: Timestamp) -> QueryResult<bool> {
        let unused = authorization_codes::table.find(id).filter(authorization_codes::redeemed_at.is_null());
        diesel::update(unused).set(authorization_codes::redeemed_at.eq(Some(now))).execute(conn).map(|n| n == 1)
    }

    /// Locks the row until the transaction ends; `false` when it no longer exists.
    pub fn lock(conn: &mut DbConnection, id: AuthorizationCodeKey) -> QueryResult<bool> {
        let row = authorization_codes::table.find(id);
        let unchanged = authorization_codes::redeemed_at.eq(authorization_codes::redeemed_at);
        diesel::update(row).set(unchanged).execute(conn).map(|n| n == 1)
    }

    /// Stores the refresh token issued from a code.
    pub fn set_refresh_token(
        conn: &mut DbConnection,
        id: AuthorizationCodeKey,
        grant: RefreshTokenKey,
    ) -> QueryResult<usize> {
        let row = authorization_codes::table.find(id);
        diesel::update(row).set(authorization_codes::refresh_token_id.eq(Some(grant))).execute(conn)
    }

    /// Deletes the codes that an employee allowed and that can still be redeemed.
    pub fn withdraw(conn: &mut DbConnection, employee: EmployeeKey, now: Timestamp) -> QueryResult<usize> {
        // The clocks of two nodes may differ a little.
        let valid = authorization_codes::expires_at.ge(now.plus(-MINUTE));
        let codes = authorization_codes::table.filter(authorization_codes::employee_id.eq(employee)).filter(valid);
        diesel::delete(codes.filter(authorization_codes::redeemed_at.is_null())).execute(conn)
    }

    /// Deletes the codes of a client that can still be redeemed.
    pub fn withdraw_of_client(conn: &mut DbConnection, client: ClientKey, now: Timestamp) -> QueryResult<usize> {
        // The clocks of two nodes may differ a little.
        let valid = authorization_codes::expires_at.ge(now.plus(-MINUTE));
        let codes = authorization_codes::table.filter(authorization_codes::client_id.eq(client)).filter(valid);
        diesel::delete(codes.filter(authorization_codes::redeemed_at.is_null())).execute(conn)
    }

    /// Deletes a batch of codes that expired more than 30 days ago.
    pub fn purge(conn: &mut DbConnection, now: Timestamp, batch: i64) -> QueryResult<usize> {
        let old = authorization_codes::table.filter(authorization_codes::expires_at.lt(now.plus(-RETENTION)));
        let ids: Vec<AuthorizationCodeKey> = old.select(authorization_codes::id).limit(batch).load(conn)?;
        diesel::delete(authorization_codes::table.filter(authorization_codes::id.eq_any(ids))).execute(conn)
    }
}
