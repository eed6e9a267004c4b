//! Sends the weekly digest of what needs attention.

use crate::access::digest;
use crate::error::Result;
use crate::web::state::State;

/// Sends it if it is due and no other node has sent it.
pub(super) async fn run(app: &State) -> Result<()> {
    let now = app.clock.now();
    let Some((due, notice)) = app.db.for_jobs().read(move |conn| digest::compose(conn, now)).await? else {
        return Ok(());
    };
    app.db.write(move |conn| digest::send(conn, &due, &notice, now)).await
}
