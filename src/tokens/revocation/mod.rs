//! Revocation: what it covers, its impact, the revocation itself, and the deletion of many rows afterwards.

mod deletion_job;
mod impact;
mod revoke;
mod target;

pub use deletion_job::{DeletionJob, purge_expired};
pub use impact::{NAME_REQUIRED_ABOVE, RevocationImpact, Seen, is_large};
pub use revoke::{MAX_AT_ONCE, Revoked, revoke, revoke_access_token, revoke_as};
pub use target::Target;
