//! Moves expired access tokens to the table of ended tokens.

use std::time::{Duration, Instant};

use crate::error::Result;
use crate::jobs::lease::with_lease;
use crate::tokens::EndedToken;
use crate::web::state::State;

const LEASE: &str = "ended tokens";
// How long one transaction may occupy the writer, and how many tokens it moves at most.
const TIME_IN_WRITER: Duration = Duration::from_millis(20);
const MOST: usize = 2_000;
// How many tokens are moved before the time is checked again.
const STEP: usize = 50;
// As long as one transaction, so that requests get at least half of the writer's time while the job moves a backlog.
const PAUSE: Duration = TIME_IN_WRITER;

/// Moves every expired access token, in the order in which they expired.
pub(super) async fn run(app: &State) -> Result<()> {
    let now = app.clock.now();
    // A read comes first, because usually nothing has expired.
    while app.db.lookup(move |conn| Ok(EndedToken::is_due(conn, now)?)).await? {
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
