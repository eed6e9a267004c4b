//! The numbers of the client list: counted in the background, because counting a big client takes longer than a page may.

use diesel::prelude::*;

use crate::db::DbConnection;
use crate::id::ClientKey;
use crate::schema::{access_tokens, clients, refresh_tokens};
use crate::time::Timestamp;
use crate::tokens::scan;

/// Counts of one client as they were found.
#[derive(Debug)]
pub struct Counted {
    id: ClientKey,
    refresh_tokens: i64,
    access_tokens: i64,
    employee_count: i64,
    live_from: i64,
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

/// Counts what is live of one client. A read: however large the client, no writer waits for it.
pub fn count(conn: &mut DbConnection, id: ClientKey, now: Timestamp) -> QueryResult<Counted> {
    let live_refresh = refresh_tokens::table
        .filter(refresh_tokens::client_id.eq(id))
        .filter(refresh_tokens::expires_at.gt(now))
        .filter(refresh_tokens::revoked_at.is_null());
    let live_access =
        access_tokens::table.filter(access_tokens::client_id.eq(id)).filter(access_tokens::expires_at.gt(now));
    let keys =
        live_access.filter(access_tokens::refresh_token_id.is_null()).select(access_tokens::employee_id).distinct();
    let mut employee_count: Vec<i64> = live_refresh.select(refresh_tokens::employee_id).distinct().load(conn)?;
    employee_count.extend(keys.load::<i64>(conn)?);
    employee_count.sort_unstable();
    employee_count.dedup();
    Ok(Counted {
        id,
        refresh_tokens: live_refresh.count().get_result(conn)?,
        access_tokens: live_access.count().get_result(conn)?,
        employee_count: employee_count.len() as i64,
        live_from: scan::live_from(conn, id, now)?,
    })
}

impl Counted {
    /// Keeps the counts for the list.
    pub fn store(&self, conn: &mut DbConnection, now: Timestamp) -> QueryResult<usize> {
        diesel::update(clients::table.find(self.id))
            .set((
                clients::valid_refresh_tokens.eq(self.refresh_tokens),
                clients::valid_access_tokens.eq(self.access_tokens),
                clients::employee_count.eq(self.employee_count),
                clients::counted_at.eq(now),
                clients::live_from.eq(self.live_from),
            ))
            .execute(conn)
    }
}

/// Makes the next round count this client again: its tokens have changed.
pub fn recount(conn: &mut DbConnection, id: ClientKey) -> QueryResult<usize> {
    diesel::update(clients::table.find(id)).set(clients::counted_at.eq(Timestamp(0))).execute(conn)
}
