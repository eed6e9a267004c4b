//! Acts that span areas: check a token, find a token, record what was last used.

pub mod erasure;
pub mod find_token;
pub mod last_used;
pub mod offboarding;
pub mod overview;
pub mod token_access;
