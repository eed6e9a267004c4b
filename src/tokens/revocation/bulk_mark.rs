//! What a bulk revocation does to the tokens it selected: access ends first, the rows of refresh tokens are deleted afterwards.

use diesel::prelude::*;

use crate::db::{DbConnection, tally};
use crate::id::{BulkRevocationKey, ClientKey};
use crate::metrics::Act;
use crate::schema::{access_tokens, refresh_tokens};
use crate::time::Timestamp;
use crate::tokens::client_counters;
use crate::tokens::listing::ListedToken;
use crate::tokens::listing::inventory::tokens_with;
use crate::tokens::revocation::batch::{Batch, delete_some};
use crate::tokens::revocation::rows::{Owner, Rows};

/// Ends the access of those of these tokens that `accept` still takes, and returns them. Refresh tokens are marked as revoked
/// and are deleted by [`delete_marked`]; an API key is one row, so deleting it is no more work than marking it.
///
/// Each row is locked before it is judged: on PostgreSQL a client may be using or refreshing it at this moment.
pub fn revoke_selected(
    conn: &mut DbConnection,
    bulk: BulkRevocationKey,
    tokens: &[ListedToken],
    accept: impl Fn(&ListedToken) -> bool,
    now: Timestamp,
) -> QueryResult<Vec<ListedToken>> {
    let (keys, grants): (Vec<&ListedToken>, Vec<&ListedToken>) =
        tokens.iter().partition(|token| token.refresh_token.is_none());
    let [keys, grants] = [keys, grants].map(|some| some.iter().map(|token| token.id).collect::<Vec<i64>>());
    let unrevoked = refresh_tokens::table.filter(refresh_tokens::id.eq_any(&grants));
    let unrevoked = unrevoked.filter(refresh_tokens::revoked_at.is_null());
    let mark = (refresh_tokens::revoked_at.eq(Some(now)), refresh_tokens::bulk_revocation_id.eq(Some(bulk.0)));
    diesel::update(unrevoked).set(mark).execute(conn)?;
    let marked = refresh_tokens::table.filter(refresh_tokens::id.eq_any(&grants));
    let marked = marked.filter(refresh_tokens::bulk_revocation_id.eq(bulk.0));
    let grants: Vec<i64> = marked.select(refresh_tokens::id).load(conn)?;
    // Changes nothing: on PostgreSQL an update locks the row.
    let locked = access_tokens::table.filter(access_tokens::id.eq_any(&keys));
    diesel::update(locked).set(access_tokens::generation.eq(access_tokens::generation)).execute(conn)?;

    let (revoked, others): (Vec<ListedToken>, Vec<ListedToken>) =
        tokens_with(conn, &grants, &keys)?.into_iter().partition(accept);
    let ids = |tokens: &[ListedToken], is_key: bool| -> Vec<i64> {
        let own = tokens.iter().filter(|token| token.refresh_token.is_none() == is_key);
        own.map(|token| token.id).collect()
    };
    let spared = refresh_tokens::table.filter(refresh_tokens::id.eq_any(ids(&others, false)));
    let unmark = (refresh_tokens::revoked_at.eq(None::<Timestamp>), refresh_tokens::bulk_revocation_id.eq(None::<i64>));
    diesel::update(spared).set(unmark).execute(conn)?;
    let keys = access_tokens::table.filter(access_tokens::id.eq_any(ids(&revoked, true)));
    let deleted = diesel::delete(keys).execute(conn)?;
    tally(conn, Act::ApiKeyRevoked, deleted as i64);
    let mut clients: Vec<ClientKey> = revoked.iter().map(|token| token.client).collect();
    clients.sort_unstable();
    clients.dedup();
    client_counters::recount_all(conn, &clients)?;
    Ok(revoked)
}

/// Deletes at most `room` rows of the refresh tokens that a bulk revocation marked, what belongs to them included.
pub fn delete_marked(conn: &mut DbConnection, bulk: BulkRevocationKey, room: i64) -> QueryResult<Batch> {
    delete_some(conn, &Rows::all(Owner::Bulk(bulk)), room)
}
