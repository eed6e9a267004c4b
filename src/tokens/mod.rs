//! Refresh tokens, access tokens and API keys: issued, listed, revoked.

mod access_token;
pub mod api_key;
pub mod find_token;
pub mod issue;
pub mod list;
pub mod pages;
pub mod panel;
mod refresh_token;
pub mod revoke;
pub mod rotation;
pub mod scan;
mod status;

pub use access_token::AccessToken;
pub use refresh_token::RefreshToken;
pub use status::{Badge, TokenStatus};
