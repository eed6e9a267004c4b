//! Wrong client secrets, counted in the database for all nodes together: the limit holds across nodes and restarts.
//!
//! A node reads these counts only after a secret was wrong, so that a right secret costs no query. A caller that has
//! reached the limit is refused by reads alone.

use diesel::prelude::*;

use crate::clients::failed_secrets::{Caller, MAX_FAILURES, WINDOW};
use crate::db::{Db, DbConnection};
use crate::error::Result;
use crate::schema::failed_secrets;
use crate::secrets::TokenHash;
use crate::time::Timestamp;

/// The most rows. Beyond it, the oldest ones are deleted.
pub const MOST_ROWS: i64 = 10_000;
const EVICTED_AT_ONCE: i64 = 100;

/// A row of `failed_secrets`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = failed_secrets)]
pub struct FailedSecretCount {
    /// The beginning of the hash of the client ID that was sent.
    pub client: String,
    /// The network of the caller.
    pub network: String,
    /// When its minute began.
    pub since: Timestamp,
    /// Wrong secrets in this minute.
    pub failures: i64,
}

/// The name under which the client ID of a caller is stored.
pub fn stored_client(client_id: &str) -> String {
    TokenHash::of(client_id).short_hex()
}

/// Counts a wrong secret for all nodes. Returns when the minute of the caller began, if it had reached the limit already;
/// then nothing is counted.
pub async fn count(db: &Db, (client_id, network): &Caller, now: Timestamp) -> Result<Option<Timestamp>> {
    let caller = (stored_client(client_id), network.clone());
    let same = caller.clone();
    if let Some(since) = db.lookup(move |conn| Ok(limit_reached(conn, &same, now)?)).await? {
        return Ok(Some(since));
    }
    db.write(move |conn| match add(conn, &caller, now)? {
        true => Ok(None),
        // On PostgreSQL another node counted the last one in the meantime.
        false => Ok(limit_reached(conn, &caller, now)?),
    })
    .await
}

fn limit_reached(conn: &mut DbConnection, caller: &(String, String), now: Timestamp) -> QueryResult<Option<Timestamp>> {
    failed_secrets::table
        .find((&caller.0, &caller.1))
        .filter(failed_secrets::since.gt(now.plus(-WINDOW)))
        .filter(failed_secrets::failures.ge(i64::from(MAX_FAILURES)))
        .select(failed_secrets::since)
        .first(conn)
        .optional()
}

// False when the limit was reached already. Conditional updates decide, so that each of parallel failures is counted.
fn add(conn: &mut DbConnection, caller: &(String, String), now: Timestamp) -> QueryResult<bool> {
    let values = (
        failed_secrets::client.eq(&caller.0),
        failed_secrets::network.eq(&caller.1),
        failed_secrets::since.eq(now),
        failed_secrets::failures.eq(1),
    );
    let inserted = crate::db::on_each!(conn, |inner| {
        diesel::insert_into(failed_secrets::table).values(values).on_conflict_do_nothing().execute(inner)
    })?;
    if inserted == 1 {
        evict(conn)?;
        return Ok(true);
    }
    let row = failed_secrets::table.find((&caller.0, &caller.1));
    let anew = (failed_secrets::since.eq(now), failed_secrets::failures.eq(1));
    let over = row.filter(failed_secrets::since.le(now.plus(-WINDOW)));
    if diesel::update(over).set(anew).execute(conn)? == 1 {
        return Ok(true);
    }
    let counted = diesel::update(row.filter(failed_secrets::failures.lt(i64::from(MAX_FAILURES))))
        .set(failed_secrets::failures.eq(failed_secrets::failures + 1))
        .execute(conn)?;
    Ok(counted == 1)
}

// Deletes the oldest rows if there are too many.
fn evict(conn: &mut DbConnection) -> QueryResult<usize> {
    let newest = failed_secrets::table.order((
        failed_secrets::since.desc(),
        failed_secrets::client.desc(),
        failed_secrets::network.desc(),
    ));
    match newest.select(failed_secrets::since).offset(MOST_ROWS).first::<Timestamp>(conn).optional()? {
        Some(_) => delete_oldest(conn, Timestamp::NO_END, EVICTED_AT_ONCE),
        None => Ok(0),
    }
}

fn delete_oldest(conn: &mut DbConnection, before: Timestamp, limit: i64) -> QueryResult<usize> {
    let oldest = failed_secrets::table
        .filter(failed_secrets::since.le(before))
        .order((failed_secrets::since, failed_secrets::client, failed_secrets::network))
        .limit(limit)
        .select(FailedSecretCount::as_select());
    let oldest: Vec<FailedSecretCount> = oldest.load(conn)?;
    let mut deleted = 0;
    for row in oldest {
        deleted += diesel::delete(failed_secrets::table.find((row.client, row.network))).execute(conn)?;
    }
    Ok(deleted)
}

impl FailedSecretCount {
    /// The callers that have to wait now.
    pub fn waiting(conn: &mut DbConnection, now: Timestamp) -> QueryResult<Vec<FailedSecretCount>> {
        failed_secrets::table
            .filter(failed_secrets::since.gt(now.plus(-WINDOW)))
            .filter(failed_secrets::failures.ge(i64::from(MAX_FAILURES)))
            .limit(MOST_ROWS)
            .select(FailedSecretCount::as_select())
            .load(conn)
    }

    /// Deletes some of the counts whose minute is over. Returns how many.
    pub fn purge(conn: &mut DbConnection, now: Timestamp, limit: i64) -> QueryResult<usize> {
        delete_oldest(conn, now.plus(-WINDOW), limit)
    }
}
