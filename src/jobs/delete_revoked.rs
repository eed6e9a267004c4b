//! Deletes the rows of revoked tokens, in batches. The revocation itself took effect immediately.

use crate::error::Result;
use crate::jobs::lease::with_lease;
use crate::jobs::{BATCH, PAUSE};
use crate::tokens::revocation::DeletionJob;
use crate::web::state::State;

/// Deletes what is left to delete, with a pause between batches.
pub(super) async fn run(app: &State) -> Result<()> {
    while next_batch(app).await? {
        actix_web::rt::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// The same without pauses.
pub(super) async fn to_end(app: &State) -> Result<()> {
    while next_batch(app).await? {}
    Ok(())
}

async fn next_batch(app: &State) -> Result<bool> {
    let Some(next) = app.db.read(|conn| Ok(DeletionJob::next(conn)?)).await? else {
        return Ok(false);
    };
    // Count the rows before deleting the first, so that the page can show progress.
    if next.progress().0 == 0 {
        let (count, id) = (next.clone(), next.id);
        let total = app.db.read(move |conn| Ok(count.count(conn)?)).await?;
        app.db.write(move |conn| Ok(DeletionJob::set_total(conn, id, total)?)).await?;
    }
    let done = with_lease(app, "purge", move |conn, now| next.step(conn, BATCH, now)).await?;
    Ok(done.is_some())
}
