//! Erases what other tables and earlier activity entries say about employees whose personal data was erased.

use crate::access::erasure::{Erasure, Progress};
use crate::error::Result;
use crate::jobs::PAUSE;
use crate::jobs::lease::with_lease;
use crate::web::state::State;

/// Continues every erasure until it is finished or an entry is not sealed yet.
pub(super) async fn run(app: &State) -> Result<()> {
    while app.db.lookup(Erasure::next).await?.is_some() {
        let key = app.chain_key.clone();
        // Read again with the lease, because another node may have continued it.
        let step = with_lease(app, "erasures", move |conn, now| match Erasure::next(conn)? {
            Some(erasure) => erasure.step(conn, &key, now),
            None => Ok(Progress::Finished),
        });
        match step.await? {
            None | Some(Progress::WaitsForSeal) => return Ok(()),
            Some(_) => actix_web::rt::time::sleep(PAUSE).await,
        }
    }
    Ok(())
}
