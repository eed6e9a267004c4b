//! Delivers the notices that are due.

use crate::error::Result;
use crate::notices::Delivery;
use crate::web::state::State;

/// Delivers every notice that is due, several at a time. It waits for other servers.
pub(super) async fn run(app: &State) -> Result<()> {
    let delivery = Delivery {
        db: &app.db,
        clock: &app.clock,
        http: &app.connections.http,
        notices: &app.config.notices,
        authorities: &app.config.outbound.authorities,
    };
    delivery.deliver_due().await
}
