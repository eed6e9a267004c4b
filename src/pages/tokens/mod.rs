//! Settings › Client API Access: the pages of refresh tokens, access tokens and API keys.

pub mod access_token_detail;
pub mod find_token;
pub mod key_expiry;
pub mod refresh_token_detail;
pub mod replace_key_value;
pub mod revoke_access_token;
pub mod revoke_refresh_token;
pub mod scope_chips;
mod token_facts;
mod token_filters;
mod token_lookup;
pub mod token_paths;
pub mod token_rows;
pub mod token_table;
