//! Counts the tokens of clients for the client list.

use crate::error::Result;
use crate::id::ClientKey;
use crate::jobs::PAUSE;
use crate::jobs::lease::with_lease;
use crate::tokens::client_counters::{self, Due};
use crate::web::state::State;

const LEASE: &str = "count";
// About how many tokens one run reads, which is a million a minute.
const TOKENS_PER_RUN: i64 = 50_000;
// Added for each client, so that a run also ends if there are many clients without tokens.
const COST: i64 = 5;

/// Counts the clients whose counts are out of date, in batches of one read and one write.
pub(super) async fn run(app: &State) -> Result<()> {
    let mut left = TOKENS_PER_RUN;
    while left > 0 {
        let now = app.clock.now();
        let due = app.db.for_jobs().read(move |conn| Ok(client_counters::due(conn, left, now)?)).await?;
        // One node counts; the others need not read.
        if due.is_empty() || with_lease(app, LEASE, |_, _| Ok(())).await?.is_none() {
            return Ok(());
        }
        let ids: Vec<ClientKey> = due.iter().map(|client| client.id).collect();
        let counts = app.db.for_jobs().read(move |conn| Ok(client_counters::count(conn, &ids, now)?)).await?;
        app.db.write(move |conn| Ok(client_counters::store(conn, &counts, now)?)).await?;
        left -= due.iter().map(|Due { tokens, .. }| tokens + COST).sum::<i64>();
        actix_web::rt::time::sleep(PAUSE).await;
    }
    Ok(())
}
