//! Deletes tokens that expired more than the configured number of days ago, and values of refresh tokens in the earlier
//! format.

use std::time::{Duration, Instant};

use diesel::QueryResult;

use crate::api_tokens;
use crate::db::DbConnection;
use crate::error::Result;
use crate::jobs::lease::with_lease;
use crate::jobs::{BATCH, PAUSE};
use crate::time::{DAY, Timestamp};
use crate::tokens::retention::{delete_api_key, delete_refresh_token, expired_api_keys, expired_refresh_tokens};
use crate::tokens::{EndedToken, RefreshToken};
use crate::web::state::State;

const LEASE: &str = "expired tokens";
// How long one transaction may occupy the writer.
const TIME_IN_WRITER: Duration = Duration::from_millis(20);

/// Deletes what is old enough, in batches.
pub(super) async fn run(app: &State) -> Result<()> {
    let values = |conn: &mut DbConnection, now: Timestamp| Ok(RefreshToken::purge_values(conn, now, BATCH)?);
    while with_lease(app, LEASE, values).await?.is_some_and(|n| n > 0) {
        actix_web::rt::time::sleep(PAUSE).await;
    }
    let cutoff = app.clock.now().plus(-app.config.keep_expired_days * DAY);
    delete_older(app, cutoff, EndedToken::older_than, EndedToken::delete).await?;
    delete_older(app, cutoff, expired_refresh_tokens, delete_refresh_token).await?;
    delete_older(app, cutoff, expired_api_keys, delete_api_key).await?;
    delete_older(app, cutoff, api_tokens::retention::ended, api_tokens::retention::delete_ended).await
}

type Find = fn(&mut DbConnection, Timestamp, i64) -> QueryResult<Vec<i64>>;
type Delete = fn(&mut DbConnection, i64, Timestamp) -> QueryResult<usize>;

// Deletes the rows that `find` finds. A read finds them, because usually there are none. A transaction deletes as many as
// fit into its time, because each refresh token has values that are deleted with it.
async fn delete_older(app: &State, cutoff: Timestamp, find: Find, delete: Delete) -> Result<()> {
    loop {
        let mut found = app.db.for_jobs().read(move |conn| Ok(find(conn, cutoff, BATCH)?)).await?;
        if found.is_empty() {
            return Ok(());
        }
        while !found.is_empty() {
            let ids = found.clone();
            let step = move |conn: &mut DbConnection, _| {
                let started = Instant::now();
                let mut done = 0;
                for id in &ids {
                    delete(conn, *id, cutoff)?;
                    done += 1;
                    if started.elapsed() >= TIME_IN_WRITER {
                        break;
                    }
                }
                Ok(done)
            };
            match with_lease(app, LEASE, step).await? {
                Some(done) => drop(found.drain(..done)),
                None => return Ok(()),
            }
            actix_web::rt::time::sleep(PAUSE).await;
        }
    }
}
