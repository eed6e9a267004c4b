//! Keeps the statistics of SQLite's planner current.

use crate::db::update_statistics;
use crate::error::Result;
use crate::web::state::State;

/// Updates statistics that are out of date.
pub(super) async fn run(app: &State) -> Result<()> {
    app.db.write(update_statistics).await
}
