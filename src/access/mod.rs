//! Acts that span areas: check a token, find a token, revoke many, record what was last used.

pub mod bulk_revocation;
pub mod erasure;
pub mod find_token;
pub mod last_used;
pub mod offboarding;
pub mod overview;
pub mod token_access;
