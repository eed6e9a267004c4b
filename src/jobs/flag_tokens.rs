//! Corrects the flags of the tokens of employees whose role or state has changed.

use crate::error::Result;
use crate::jobs::lease::with_lease;
use crate::jobs::{BATCH, PAUSE};
use crate::tokens::flags::{self, Progress};
use crate::web::state::State;

/// Goes through the tokens of each such employee in batches.
pub(super) async fn run(app: &State) -> Result<()> {
    while let Some(owner) = app.db.for_jobs().read(|conn| Ok(flags::due(conn)?)).await? {
        let mut from = Some(Progress::default());
        while let Some(start) = from {
            let batch = with_lease(app, "flags", move |conn, _| Ok(flags::update(conn, owner, start, BATCH)?));
            let Some(next) = batch.await? else { return Ok(()) };
            from = next;
            actix_web::rt::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}
