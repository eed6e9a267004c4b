//! Adds new activity entries to the hash chain.

use crate::activity::seal;
use crate::error::{Error, Result};
use crate::jobs::PAUSE;
use crate::jobs::lease::with_lease;
use crate::web::state::State;

/// Seals every entry that has no seal yet and logs the new head of the chain. Errors: an entry that waits for its
/// seal was deleted, or no server recorded it.
pub(super) async fn run(app: &State) -> Result<()> {
    while app.db.lookup(seal::is_due).await? {
        let key = app.chain_key.clone();
        let Some(Some(head)) = with_lease(app, "seal", move |conn, now| seal::advance(conn, &key, now)).await? else {
            return Ok(());
        };
        log::info!("activity sealed up to {head}");
        actix_web::rt::time::sleep(PAUSE).await;
    }
    match app.db.lookup(seal::refused).await? {
        None => Ok(()),
        Some(id) => Err(Error::Explained {
            shown: "an activity entry cannot be sealed: run verify-activity",
            cause: format!(
                "activity entry {id} cannot be sealed: it was deleted, or not recorded by the server. Run verify-activity"
            ),
        }),
    }
}
