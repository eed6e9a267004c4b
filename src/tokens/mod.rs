//! Refresh tokens, access tokens, API keys and authorization codes: issue, rotate, list, revoke.

mod access_token;
pub mod authorization_code;
pub mod client_counters;
pub mod issue;
mod refresh_token;
pub mod revocation;
pub mod rotation;
pub mod scan;
mod status;
pub mod token_list;

pub use access_token::AccessToken;
pub use refresh_token::RefreshToken;
pub use status::{Life, TokenStatus};
