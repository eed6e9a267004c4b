//! Counts the tokens of employees for the list of employees.

use crate::error::Result;
use crate::jobs::PAUSE;
use crate::jobs::lease::with_lease;
use crate::tokens::employee_counters;
use crate::web::state::State;

const LEASE: &str = "count employees";
// About how many rows one run reads.
const ROWS_PER_RUN: i64 = 200_000;
// Added for each employee, so that a run also ends if there are many without tokens.
const COST: i64 = 5;

/// Counts the employees whose counts are out of date, in batches of one read and one write.
pub(super) async fn run(app: &State) -> Result<()> {
    let mut left = ROWS_PER_RUN;
    while left > 0 {
        let now = app.clock.now();
        let due = app.db.for_jobs().read(move |conn| Ok(employee_counters::due(conn, now)?)).await?;
        // One node counts; the others need not read.
        if due.is_empty() || with_lease(app, LEASE, |_, _| Ok(())).await?.is_none() {
            return Ok(());
        }
        left -= due.len() as i64 * COST;
        let (counts, read) = app.db.for_jobs().read(move |conn| Ok(employee_counters::count(conn, &due, now)?)).await?;
        app.db.write(move |conn| Ok(employee_counters::store(conn, &counts, now)?)).await?;
        left -= read;
        actix_web::rt::time::sleep(PAUSE).await;
    }
    Ok(())
}
