//! Adds new activity entries to the hash chain.

use crate::activity::seal;
use crate::error::Result;
use crate::jobs::PAUSE;
use crate::jobs::lease::with_lease;
use crate::web::state::State;

/// Seals every entry that has no seal yet and logs the new head of the chain.
pub(super) async fn run(app: &State) -> Result<()> {
    while app.db.lookup(seal::is_due).await? {
        let Some(Some(head)) = with_lease(app, "seal", |conn, _| seal::advance(conn)).await? else {
            return Ok(());
        };
        log::info!("activity sealed up to {head}");
        actix_web::rt::time::sleep(PAUSE).await;
    }
    Ok(())
}
