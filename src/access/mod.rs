//! Acts that span areas: check a token, find a token, find what needs attention, revoke many, record what was last used
//! and how much.

pub mod attention;
pub mod bulk_revocation;
pub mod change_employee;
pub mod client_access;
pub mod digest;
pub mod erasure;
pub mod expiring_keys;
pub mod find_token;
pub mod handover;
pub mod last_used;
pub mod named_token;
pub mod offboarding;
pub mod overview;
pub mod refused_token;
pub mod restore;
pub mod token_access;
mod token_row;
pub mod usage;
