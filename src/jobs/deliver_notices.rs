//! Delivers the notices that are due.

use crate::error::Result;
use crate::web::state::State;

/// Delivers every notice that is due, several at a time. It waits for other servers.
pub(super) async fn run(app: &State) -> Result<()> {
    app.delivery().deliver_due().await
}
