//! The counts in the client list. A background job counts, because counting a large client takes too long for a page.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::id::ClientKey;
use crate::schema::{access_tokens, clients, refresh_tokens};
use crate::time::Timestamp;

/// The counts of one client.
#[derive(Debug)]
pub struct ClientCounts {
    id: ClientKey,
    refresh_tokens: i64,
    access_tokens: i64,
    employee_count: i64,
}

/// The clients whose counts are the oldest.
pub fn stalest(conn: &mut DbConnection, counted_before: Timestamp, limit: i64) -> QueryResult<Vec<ClientKey>> {
    clients::table
        .filter(clients::revoked_at.is_null())
        .filter(clients::counted_at.lt(counted_before))
        .order((clients::counted_at, clients::id))
        .limit(limit)
        .select(clients::id)
        .load(conn)
}

/// Counts the live tokens of one client and their employees. A read: no writer waits for it.
pub fn count(conn: &mut DbConnection, id: ClientKey, now: Timestamp) -> QueryResult<ClientCounts> {
    let live_refresh = refresh_tokens::table
        .filter(refresh_tokens::client_id.eq(id))
        .filter(refresh_tokens::expires_at.gt(now))
        .filter(refresh_tokens::revoked_at.is_null());
    let live_access =
        access_tokens::table.filter(access_tokens::client_id.eq(id)).filter(access_tokens::expires_at.gt(now));
    let keys =
        live_access.filter(access_tokens::refresh_token_id.is_null()).select(access_tokens::employee_id).distinct();
    let mut employee_ids: Vec<i64> = live_refresh.select(refresh_tokens::employee_id).distinct().load(conn)?;
    employee_ids.extend(keys.load::<i64>(conn)?);
    employee_ids.sort_unstable();
    employee_ids.dedup();
    Ok(ClientCounts {
        id,
        refresh_tokens: live_refresh.count().get_result(conn)?,
        access_tokens: live_access.count().get_result(conn)?,
        employee_count: employee_ids.len() as i64,
    })
}

impl ClientCounts {
    /// Stores the counts for the client list.
    pub fn store(&self, conn: &mut DbConnection, now: Timestamp) -> QueryResult<usize> {
        diesel::update(clients::table.find(self.id))
            .set((
                clients::valid_refresh_tokens.eq(self.refresh_tokens),
                clients::valid_access_tokens.eq(self.access_tokens),
                clients::employee_count.eq(self.employee_count),
                clients::counted_at.eq(now),
            ))
            .execute(conn)
    }
}

/// Marks the counts of a client as out of date, so that the next run counts it first.
pub fn recount(conn: &mut DbConnection, id: ClientKey) -> QueryResult<usize> {
    diesel::update(clients::table.find(id)).set(clients::counted_at.eq(Timestamp(0))).execute(conn)
}
