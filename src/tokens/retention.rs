//! Deletes refresh tokens and API keys that expired long ago. [`EndedToken::delete`](crate::tokens::EndedToken::delete)
//! deletes expired access tokens.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::id::ClientKey;
use crate::schema::{access_tokens, clients, refresh_tokens};
use crate::time::Timestamp;

/// Up to `most` refresh tokens that expired before `cutoff`. It reads the index of each client, so that it needs no
/// index of its own.
pub fn expired_refresh_tokens(conn: &mut DbConnection, cutoff: Timestamp, most: i64) -> QueryResult<Vec<i64>> {
    let expired = refresh_tokens::table.filter(refresh_tokens::expires_at.lt(cutoff));
    let owners: Vec<ClientKey> = clients::table
        .filter(diesel::dsl::exists(expired.filter(refresh_tokens::client_id.eq(clients::id))))
        .limit(most)
        .select(clients::id)
        .load(conn)?;
    let mut found = Vec::new();
    for owner in owners {
        let theirs = expired.filter(refresh_tokens::client_id.eq(owner)).order(refresh_tokens::expires_at);
        let room = most - found.len() as i64;
        found.extend(theirs.limit(room).select(refresh_tokens::id).load::<i64>(conn)?);
        if found.len() as i64 >= most {
            break;
        }
    }
    Ok(found)
}

/// Deletes a refresh token that expired before `cutoff`, with its values; does nothing when it was refreshed since.
pub fn delete_refresh_token(conn: &mut DbConnection, id: i64, cutoff: Timestamp) -> QueryResult<usize> {
    let expired = refresh_tokens::table.find(id).filter(refresh_tokens::expires_at.lt(cutoff));
    diesel::delete(expired).execute(conn)
}

/// Up to `most` API keys that expired before `cutoff`.
pub fn expired_api_keys(conn: &mut DbConnection, cutoff: Timestamp, most: i64) -> QueryResult<Vec<i64>> {
    access_tokens::table
        .filter(access_tokens::refresh_token_id.is_null())
        .filter(access_tokens::expires_at.lt(cutoff))
        .order((access_tokens::expires_at, access_tokens::id))
        .limit(most)
        .select(access_tokens::id)
        .load(conn)
}

/// Deletes an API key that expired before `cutoff`.
pub fn delete_api_key(conn: &mut DbConnection, id: i64, cutoff: Timestamp) -> QueryResult<usize> {
    let expired = access_tokens::table.find(id).filter(access_tokens::expires_at.lt(cutoff));
    diesel::delete(expired).execute(conn)
}
