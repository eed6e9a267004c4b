//! Revocation: what it covers, its impact, the revocation itself, and the deletion of many rows afterwards.

mod batch;
mod bulk_mark;
mod deletion_job;
mod impact;
mod reject_client;
mod revoke;
mod revoke_by_value;
mod rows;
mod target;

pub use batch::{Batch, Deleted, MAX_AT_ONCE};
pub use bulk_mark::{delete_marked, revoke_selected};
pub use deletion_job::{CountedSoFar, DeletionJob, Step};
pub use impact::{NAME_REQUIRED_ABOVE, RevocationImpact, Seen, is_large};
pub use reject_client::{Rejection, reject_client};
pub use revoke::{Revoked, revoke, revoke_access_token, revoke_as};
pub use revoke_by_value::revoke_by_value;
pub use target::Target;
