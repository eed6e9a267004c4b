//! Writes what was buffered in memory: when sessions, tokens and connections were last used, how
//! often clients were used, and failed requests.

use crate::error::Result;
use crate::web::state::State;

/// Writes all buffers to the database.
pub async fn flush(app: &State) -> Result<()> {
    app.seen_sessions.flush(&app.db).await?;
    app.last_used_buffer.flush(&app.db).await?;
    app.failures.flush(&app.db).await
}
