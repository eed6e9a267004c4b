//! API tokens: a person, or a service with a responsible person, calls the admin API with one. It does what its role and its
//! areas allow, and never more than its person may do now.

mod api_token;
mod area;
mod authenticate;
mod issue;
mod list;
pub mod retention;
mod revoke;

pub use api_token::{ApiToken, ApiTokenState};
pub use area::{Area, AreaAccess, Areas};
pub use authenticate::{Caller, Refusal, authenticate};
pub use issue::{IssueRefusal, LONGEST_LIFE, MOST_PER_PERSON, NewApiToken, issue};
pub use list::{ApiTokenFilter, ApiTokenSort};
pub use revoke::{revoke, revoke_all_of};
