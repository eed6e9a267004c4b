//! Refresh tokens and API keys by their ids.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::db::DbConnection;
use crate::schema::{access_tokens, refresh_tokens};
use crate::tokens::listing::index_read::listed;
use crate::tokens::listing::row::ListedToken;

/// The refresh tokens and the API keys with these ids, also those that are revoked and being deleted.
pub fn tokens_with(conn: &mut DbConnection, grants: &[i64], keys: &[i64]) -> QueryResult<Vec<ListedToken>> {
    use access_tokens as ak;
    use refresh_tokens as rt;
    let found = rt::table
        .filter(rt::id.eq_any(grants))
        .order(rt::id)
        .select((
            (rt::id, rt::client_id, rt::employee_id, rt::id.nullable(), rt::prefix, "".into_sql::<Text>(), rt::scope),
            (rt::created_at, rt::last_used_at, rt::expires_at),
        ))
        .load(conn)?;
    let others = ak::table
        .filter(ak::id.eq_any(keys))
        .filter(ak::refresh_token_id.is_null())
        .order(ak::id)
        .select((
            (ak::id, ak::client_id, ak::employee_id, ak::refresh_token_id, ak::prefix, ak::label, ak::scope),
            (ak::created_at, ak::last_used_at, ak::expires_at),
        ))
        .load(conn)?;
    Ok(listed(found.into_iter().chain(others).collect()))
}

/// The refresh tokens and API keys that were given more than their owner's role includes; `None` if there are more than `most`.
/// From the stored flag, which a background job corrects soon after a role changed.
pub fn beyond_role(conn: &mut DbConnection, most: i64) -> QueryResult<Option<Vec<ListedToken>>> {
    let grants = refresh_tokens::table.filter(refresh_tokens::beyond_role).order(refresh_tokens::id);
    let grants: Vec<i64> = grants.select(refresh_tokens::id).limit(most + 1).load(conn)?;
    let keys = access_tokens::table
        .filter(access_tokens::beyond_role)
        .filter(access_tokens::refresh_token_id.is_null())
        .order(access_tokens::id);
    let keys: Vec<i64> = keys.select(access_tokens::id).limit(most + 1).load(conn)?;
    match (grants.len() + keys.len()) as i64 > most {
        true => Ok(None),
        false => tokens_with(conn, &grants, &keys).map(Some),
    }
}

/// Refresh tokens and API keys with ids above these, up to `limit` of each.
pub fn newer_than(conn: &mut DbConnection, (grants, keys): (i64, i64), limit: i64) -> QueryResult<Vec<ListedToken>> {
    let newer = refresh_tokens::table.filter(refresh_tokens::id.gt(grants)).order(refresh_tokens::id);
    let grants: Vec<i64> = newer.select(refresh_tokens::id).limit(limit).load(conn)?;
    // By creation time, which is the order of their index.
    let newest = access_tokens::table.filter(access_tokens::refresh_token_id.is_null());
    let newest = newest.order((access_tokens::created_at.desc(), access_tokens::id.desc()));
    let newest: Vec<i64> = newest.select(access_tokens::id).limit(limit).load(conn)?;
    let keys: Vec<i64> = newest.into_iter().filter(|id| *id > keys).collect();
    tokens_with(conn, &grants, &keys)
}
