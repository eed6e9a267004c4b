//! Failed token requests and authorization requests, shown on the client's page: the error code and hint that were returned,
//! never a secret or token. Anybody can cause failures, so only so many are written between two runs of a job.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use diesel::prelude::*;

use crate::db::{Db, DbConnection};
use crate::error::Result;
use crate::id::ClientKey;
use crate::notices::{self, Notice, NoticeKind, NoticeMark};
use crate::schema::{clients, token_failures};
use crate::time::{DAY, HOUR, Timestamp};

/// How many failures are kept and shown per client.
pub const KEPT: i64 = 50;
const KEPT_FOR: i64 = 30 * DAY;
// Per client, between two runs of the job.
const MAX_RECORDED: usize = 20;
// Of all clients, between two runs of the job; further ones are buffered.
const MAX_WRITTEN_AT_ONCE: usize = 100;
// How long an answer waits for its failure to be written.
const WAIT: Duration = Duration::from_secs(1);

const REFRESH_TOKEN: &str = "refresh_token";
// Refused refreshes of a client within an hour that are worth a notice.
const MANY_REFUSED: i64 = 5;

/// The `grant_type` of a failed authorization request, which has none.
pub const AUTHORIZATION_REQUEST: &str = "authorize";

/// A row of `token_failures`.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = token_failures)]
pub struct TokenFailure {
    /// When the request failed.
    pub at: Timestamp,
    /// `authorization_code`, `refresh_token`, [`AUTHORIZATION_REQUEST`], or empty when a token request failed before its grant
    /// type was read.
    pub grant_type: String,
    /// The error code returned.
    pub error: String,
    /// The hint returned.
    pub hint: String,
    /// The IP address the request came from.
    pub client_ip: String,
}

impl TokenFailure {
    /// The latest failures of a client, newest first.
    pub fn of_client(conn: &mut DbConnection, client: ClientKey, limit: i64) -> QueryResult<Vec<TokenFailure>> {
        token_failures::table
            .filter(token_failures::client_id.eq(client))
            .order(token_failures::id.desc())
            .limit(limit)
            .select(TokenFailure::as_select())
            .load(conn)
    }

    /// Deletes a batch of failures older than 30 days.
    pub fn purge(conn: &mut DbConnection, now: Timestamp, batch: i64) -> QueryResult<usize> {
        let old = token_failures::table.filter(token_failures::at.lt(now.plus(-KEPT_FOR)));
        let ids: Vec<i64> = old.select(token_failures::id).limit(batch).load(conn)?;
        diesel::delete(token_failures::table.filter(token_failures::id.eq_any(ids))).execute(conn)
    }

    /// Inserts the failure.
    pub fn record(&self, conn: &mut DbConnection, client: ClientKey) -> QueryResult<usize> {
        diesel::insert_into(token_failures::table)
            .values((
                token_failures::client_id.eq(client),
                token_failures::at.eq(self.at),
                token_failures::grant_type.eq(&self.grant_type),
                token_failures::error.eq(&self.error),
                token_failures::hint.eq(&self.hint),
                token_failures::client_ip.eq(&self.client_ip),
            ))
            .execute(conn)
    }
}

/// Records failures: the first ones at once, so that the client's page shows them; during a flood a job writes the others.
#[derive(Default)]
pub struct Failures(Mutex<SinceFlush>);

// What was recorded since the job ran last.
#[derive(Default)]
struct SinceFlush {
    written: usize,
    of_client: HashMap<ClientKey, OfClient>,
}

#[derive(Default)]
struct OfClient {
    recorded: usize,
    buffered: Vec<TokenFailure>,
}

impl Failures {
    /// Records a failure of a client. Between two runs of the job, only the first few of a client are recorded, and only a
    /// limited number of all clients is written before this returns: whoever causes failures costs no more than that.
    pub async fn record(&self, db: &Db, client: ClientKey, failure: TokenFailure) {
        if !self.is_written_now(client, &failure) {
            return;
        }
        // The answer to the client does not wait long for this, and does not depend on it.
        let db = db.low_priority().with_timeout(WAIT);
        let new = vec![failure.clone()];
        if let Err(error) = db.write(move |conn| write(conn, client, &new)).await {
            log::debug!("a failure is recorded later: {error}");
            if let Ok(mut since) = self.0.lock() {
                since.of_client.entry(client).or_default().buffered.push(failure);
            }
        }
    }

    // Whether the caller writes the failure; otherwise it is buffered or dropped.
    fn is_written_now(&self, client: ClientKey, failure: &TokenFailure) -> bool {
        let Ok(mut since) = self.0.lock() else { return false };
        let is_within_budget = since.written < MAX_WRITTEN_AT_ONCE;
        let of_client = since.of_client.entry(client).or_default();
        if of_client.recorded >= MAX_RECORDED {
            return false;
        }
        of_client.recorded += 1;
        match is_within_budget {
            true => since.written += 1,
            false => of_client.buffered.push(failure.clone()),
        }
        is_within_budget
    }

    /// Writes the buffered failures.
    pub async fn flush(&self, db: &Db) -> Result<()> {
        let since = match self.0.lock() {
            Ok(mut since) => std::mem::take(&mut *since),
            Err(_) => return Ok(()),
        };
        for (client, OfClient { buffered, .. }) in since.of_client {
            if !buffered.is_empty() {
                db.write(move |conn| write(conn, client, &buffered)).await?;
            }
        }
        Ok(())
    }
}

fn write(conn: &mut DbConnection, client: ClientKey, failures: &[TokenFailure]) -> Result<()> {
    // The client may have been revoked and deleted meanwhile, together with its failures.
    let Some(name) = clients::table.find(client).select(clients::name).first::<String>(conn).optional()? else {
        return Ok(());
    };
    for failure in failures {
        failure.record(conn, client)?;
    }
    let of_client = token_failures::table.filter(token_failures::client_id.eq(client));
    let ids = of_client.order(token_failures::id.desc()).select(token_failures::id).offset(KEPT);
    if let Some(last) = ids.first::<i64>(conn).optional()? {
        let surplus = token_failures::id.le(last);
        diesel::delete(of_client.filter(surplus)).execute(conn)?;
    }
    match failures.iter().rfind(|failure| failure.grant_type == REFRESH_TOKEN) {
        Some(newest) => notify(conn, (client, &name), newest),
        None => Ok(()),
    }
}

// Sends a notice when refreshes of the client are refused again and again, at most once a day.
fn notify(conn: &mut DbConnection, client: (ClientKey, &str), newest: &TokenFailure) -> Result<()> {
    let now = newest.at;
    let refused: i64 = token_failures::table
        .filter(token_failures::client_id.eq(client.0))
        .filter(token_failures::grant_type.eq(REFRESH_TOKEN))
        .filter(token_failures::at.gt(now.plus(-HOUR)))
        .count()
        .get_result(conn)?;
    let kind = NoticeKind::RefreshesRefused;
    if refused < MANY_REFUSED || !notices::is_wanted(conn, kind)? {
        return Ok(());
    }
    match NoticeMark::set(conn, (kind, client.0.0), now.plus(DAY), now)? {
        true => notices::raise(conn, &Notice::refreshes_refused(client, refused, (&newest.error, &newest.hint)), now),
        false => Ok(()),
    }
}
