//! Acts that span areas: find a token, revoke all access of a person, record what was last used.

pub mod last_used;
pub mod token_access;
