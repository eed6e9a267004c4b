//! Records the failed sign-ins that were only counted, as one entry per network and hour.

use crate::employees::failed_sign_ins;
use crate::error::Result;
use crate::jobs::lease::with_lease;
use crate::web::state::State;

/// Records those of the hours that are over.
pub(super) async fn run(app: &State) -> Result<()> {
    with_lease(app, "failed sign-ins", failed_sign_ins::record_rest).await.map(drop)
}
