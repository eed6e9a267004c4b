//! Carries out bulk revocations: counts dry runs, ends access, and deletes rows, each in small steps that take turns.
//!
//! Every step is stored with its result, so that after a restart this or another node continues where it stopped.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::access::bulk_revocation::{BulkRevocation, BulkState, candidates, count_some, delete_step, revoke_step};
use crate::error::{Error, Result};
use crate::jobs::delete_revoked::{BUDGET, Batch, FIRST_BATCH, next_room};
use crate::jobs::lease::with_lease;
use crate::web::state::State;

const LEASE: &str = "bulk revocation";

/// Takes steps until nothing is left to do. One that fails is left for the next run.
pub(super) async fn run(app: &State) -> Result<()> {
    let (mut last, mut room, mut failed, mut error) = (0, FIRST_BATCH, HashSet::new(), None);
    loop {
        let skipped = failed.clone();
        let next = app.db.lookup(move |conn| Ok(BulkRevocation::next_after(conn, last, &skipped)?)).await?;
        let Some(bulk) = next else { break };
        let (id, begun) = (bulk.id, Instant::now());
        last = id.0;
        match step(app, bulk, &mut room).await {
            // Another node holds the lease.
            Ok(None) => break,
            Ok(Some(took)) => {
                let batch = Batch { took, waited: begun.elapsed().saturating_sub(took) };
                actix_web::rt::time::sleep(batch.pause()).await;
            }
            Err(Error::Unavailable(why)) => return Err(Error::Unavailable(why)),
            Err(why) => {
                failed.insert(id);
                error = Some(why);
            }
        }
    }
    error.map_or(Ok(()), Err)
}

// How long the step occupied the writer.
async fn step(app: &State, bulk: BulkRevocation, room: &mut i64) -> Result<Option<Duration>> {
    match bulk.state {
        BulkState::Counting => {
            let read = bulk.clone();
            let progress = app.db.for_jobs().read(move |conn| count_some(conn, &read)).await?;
            with_lease(app, LEASE, move |conn, _| timed(|| progress.store(conn, &bulk))).await
        }
        BulkState::Revoking => {
            let read = bulk.clone();
            let found = app.db.for_jobs().read(move |conn| candidates(conn, &read)).await?;
            with_lease(app, LEASE, move |conn, now| timed(|| revoke_step(conn, &bulk, &found, now))).await
        }
        BulkState::Deleting => {
            let most = *room;
            let took = with_lease(app, LEASE, move |conn, now| timed(|| delete_step(conn, &bulk, most, now).map(drop)))
                .await?;
            *room = took.map_or(most, |took| next_room(most, took.max(BUDGET / 100)));
            Ok(took)
        }
        BulkState::Counted | BulkState::Finished => Ok(Some(Duration::ZERO)),
    }
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed())
}
