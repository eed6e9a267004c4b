//! Refresh tokens, access tokens, API keys and authorization codes: issue, rotate, list, revoke.

mod access_token;
mod api_key;
mod api_key_value;
pub mod authorization_code;
pub mod client_counters;
pub mod employee_counters;
mod ended_token;
pub mod flags;
pub mod issue;
pub mod listing;
mod presented;
mod refresh_token;
pub mod retention;
pub mod revocation;
pub mod rotation;
mod status;
mod valid_refresh_token;

pub use access_token::AccessToken;
pub use api_key::{KeyRefusal, NewApiKey, create_api_key, key_owner};
pub use api_key_value::{KEY_OVERLAPS, NewKeyValue, Replaced, replace_value, revoke_previous_value};
pub use ended_token::EndedToken;
pub use refresh_token::RefreshToken;
pub use status::{TokenDates, TokenStatus};
pub use valid_refresh_token::ValidRefreshToken;
