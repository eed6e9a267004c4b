//! Moves access tokens that have expired to the table of ended tokens.

use std::time::{Duration, Instant};

use crate::error::Result;
use crate::jobs::lease::with_lease;
use crate::tokens::EndedToken;
use crate::web::state::State;

const LEASE: &str = "ended tokens";
// How long one transaction may occupy the writer, and how many tokens it moves at most.
const TIME_IN_WRITER: Duration = Duration::from_millis(20);
const MOST: usize = 2_000;
// The time is read after each so many tokens.
const STEP: usize = 50;
// As long as a transaction, so that requests have at least half of the writer while a backlog is moved.
const PAUSE: Duration = TIME_IN_WRITER;

/// Moves every expired access token, those that expired first first.
pub(super) async fn run(app: &State) -> Result<()> {
    let now = app.clock.now();
    // A read looks first: most of the time nothing has expired.
    while app.db.for_jobs().read(move |conn| Ok(EndedToken::is_due(conn, now)?)).await? {
        if next_batch(app).await?.is_none_or(|moved| moved == 0) {
            return Ok(());
        }
        actix_web::rt::time::sleep(PAUSE).await;
    }
    Ok(())
}

// `None` when another node moves them.
async fn next_batch(app: &State) -> Result<Option<usize>> {
    with_lease(app, LEASE, |conn, now| {
        let (started, mut moved) = (Instant::now(), 0);
        while moved < MOST && started.elapsed() < TIME_IN_WRITER {
            let step = EndedToken::move_expired(conn, now, STEP as i64)?;
            moved += step;
            if step < STEP {
                break;
            }
        }
        Ok(moved)
    })
    .await
}
