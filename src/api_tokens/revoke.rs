//! Revoking API tokens: effective on the next request. The row stays for a while, so that its page says when it was revoked.

use diesel::prelude::*;

use crate::activity::{Actor, Detail, Kind, NewActivity};
use crate::api_tokens::api_token::ApiToken;
use crate::db::DbConnection;
use crate::error::Result;
use crate::id::{ApiTokenKey, EmployeeKey};
use crate::schema::api_tokens;
use crate::time::Timestamp;

/// Revokes an API token and records it; `false` when it was revoked already. Errors:
/// [`Error::NotFound`](crate::error::Error::NotFound) when it does not exist.
pub fn revoke(
    conn: &mut DbConnection,
    id: ApiTokenKey,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<bool> {
    let token = ApiToken::find(conn, id)?;
    let unrevoked = api_tokens::table.find(id).filter(api_tokens::revoked_at.is_null());
    if diesel::update(unrevoked).set(api_tokens::revoked_at.eq(now)).execute(conn)? == 0 {
        return Ok(false);
    }
    let detail = Detail { for_employee: Some(token.employee_id), ..Detail::default() };
    NewActivity::new(Kind::ApiTokenRevoked, actor.clone(), token.subject())
        .from(client_ip)
        .with(detail)
        .record(conn, now)?;
    Ok(true)
}

/// Revokes the valid API tokens of a person and of the services they are responsible for, and records each. Returns them.
pub fn revoke_all_of(
    conn: &mut DbConnection,
    employee: EmployeeKey,
    (actor, client_ip): (&Actor, &str),
    now: Timestamp,
) -> Result<Vec<ApiToken>> {
    let mut revoked = Vec::new();
    for token in ApiToken::valid_of(conn, employee, now)? {
        if revoke(conn, token.id, (actor, client_ip), now)? {
            revoked.push(token);
        }
    }
    Ok(revoked)
}
