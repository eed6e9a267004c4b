//! Sends a notice about API keys that expire within a week.

use crate::access::expiring_keys;
use crate::error::Result;
use crate::jobs::lease::with_lease;
use crate::web::state::State;

/// Sends one notice about all such keys that none was sent about.
pub(super) async fn run(app: &State) -> Result<()> {
    // A read first, so that nothing is written while there is no such key.
    let now = app.clock.now();
    let new = app.db.for_jobs().read(move |conn| expiring_keys::unannounced(conn, now)).await?;
    if !new.is_empty() {
        with_lease(app, "expiring keys", move |conn, now| expiring_keys::announce(conn, &new, now)).await?;
    }
    Ok(())
}
