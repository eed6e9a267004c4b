//! Revocation: what it covers, its impact, the revocation itself, and the deletion of many rows afterwards.

mod deletion_job;
mod impact;
mod revoke;
mod revoke_by_value;
mod target;

pub use deletion_job::DeletionJob;
pub use impact::{NAME_REQUIRED_ABOVE, RevocationImpact, Seen, is_large};
pub use revoke::{MAX_AT_ONCE, Revoked, revoke, revoke_access_token, revoke_as};
pub use revoke_by_value::revoke_by_value;
pub use target::Target;
