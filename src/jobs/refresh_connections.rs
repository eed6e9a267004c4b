//! Refreshes the connections that are due.

use crate::connections::refresh::keep_fresh;
use crate::error::Result;
use crate::web::state::State;

/// Refreshes every connection that is due, several at a time. It waits for other servers.
pub(super) async fn run(app: &State) -> Result<()> {
    keep_fresh(&app.connections).await
}
