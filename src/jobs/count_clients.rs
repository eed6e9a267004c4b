//! Recounts the tokens of clients for the client list.

use crate::error::Result;
use crate::time::{MINUTE, Timestamp};
use crate::tokens::client_counters;
use crate::web::state::State;

// Maximum age of a count in seconds, if nothing of the client was revoked.
const MAX_AGE: i64 = MINUTE;

/// Recounts clients with recent revocations first, then the clients whose counts are oldest.
pub(super) async fn run(app: &State) -> Result<()> {
    let now = app.clock.now();
    // A revocation sets the time of the last count to zero, so Timestamp(1) finds exactly those clients.
    for (older_than, most) in [(Timestamp(1), 20), (now.plus(-MAX_AGE), 40)] {
        for client in app.db.read(move |conn| Ok(client_counters::stalest(conn, older_than, most)?)).await? {
            let counted = app.db.read(move |conn| Ok(client_counters::count(conn, client, now)?)).await?;
            app.db.write(move |conn| Ok(counted.store(conn, now)?)).await?;
        }
    }
    Ok(())
}
