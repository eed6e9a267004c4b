//! An authorization code (RFC 6749 section 1.3.1): sixty seconds, once, for one client, one redirect URI, one verifier.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::id::{AuthorizationCodeKey, ClientKey, EmployeeKey, RefreshTokenKey};
use crate::schema::authorization_codes;
use crate::scopes::Scope;
use crate::secrets::{PlainToken, TokenHash, TokenKind};
use crate::time::{DAY, MINUTE, Timestamp};

/// How long a code can be redeemed, in seconds.
pub const LIFETIME: i64 = MINUTE;
/// How long its row is kept, in seconds: a replay finds what it issued.
pub const KEPT: i64 = 30 * DAY;

/// One row.
#[derive(Clone, Debug, Queryable, Selectable, Identifiable)]
#[diesel(table_name = authorization_codes)]
pub struct AuthorizationCode {
    /// Its id.
    pub id: AuthorizationCodeKey,
    /// Who may redeem it.
    pub client_id: ClientKey,
    /// Who consented.
    pub employee_id: EmployeeKey,
    /// To what.
    pub scope: Scope,
    /// The redirect URI, as the authorization request had it; nothing when it had none.
    pub redirect_uri: Option<String>,
    /// The S256 challenge of the request; nothing when it had none.
    pub code_challenge: Option<String>,
    /// The last moment it can be redeemed.
    pub expires_at: Timestamp,
    /// When it was redeemed.
    pub redeemed_at: Option<Timestamp>,
    /// The grant that came of it.
    pub refresh_token_id: Option<RefreshTokenKey>,
}

/// What a consent leads to.
#[derive(Debug)]
pub struct NewAuthorizationCode<'a> {
    /// The client that asked.
    pub client: ClientKey,
    /// Who consented.
    pub employee: EmployeeKey,
    /// To what.
    pub scope: &'a Scope,
    /// The redirect URI of the request, if it had one.
    pub redirect_uri: Option<&'a str>,
    /// Its S256 challenge, if it had one.
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

    /// The code with this hash.
    pub fn find(conn: &mut DbConnection, hash: &TokenHash) -> QueryResult<Option<AuthorizationCode>> {
        let row = authorization_codes::table.filter(authorization_codes::hash.eq(hash));
        row.select(AuthorizationCode::as_select()).get_result(conn).optional()
    }

    /// Redeems it: of many who try at once, one succeeds.
    pub fn redeem(conn: &mut DbConnection, id: AuthorizationCodeKey, now: Timestamp) -> QueryResult<bool> {
        let unused = authorization_codes::table.find(id).filter(authorization_codes::redeemed_at.is_null());
        diesel::update(unused).set(authorization_codes::redeemed_at.eq(Some(now))).execute(conn).map(|n| n == 1)
    }

    /// Keeps everybody else off it until the transaction ends; false when it is gone.
    pub fn hold(conn: &mut DbConnection, id: AuthorizationCodeKey) -> QueryResult<bool> {
        let row = authorization_codes::table.find(id);
        let unchanged = authorization_codes::redeemed_at.eq(authorization_codes::redeemed_at);
        diesel::update(row).set(unchanged).execute(conn).map(|n| n == 1)
    }

    /// Notes what it issued.
    pub fn issued(conn: &mut DbConnection, id: AuthorizationCodeKey, grant: RefreshTokenKey) -> QueryResult<usize> {
        let row = authorization_codes::table.find(id);
        diesel::update(row).set(authorization_codes::refresh_token_id.eq(Some(grant))).execute(conn)
    }

    /// Deletes a batch of those that nothing can come of any more.
    pub fn purge(conn: &mut DbConnection, now: Timestamp, batch: i64) -> QueryResult<usize> {
        let old = authorization_codes::table.filter(authorization_codes::expires_at.lt(now.plus(-KEPT)));
        let ids: Vec<AuthorizationCodeKey> = old.select(authorization_codes::id).limit(batch).load(conn)?;
        diesel::delete(authorization_codes::table.filter(authorization_codes::id.eq_any(ids))).execute(conn)
    }
}
