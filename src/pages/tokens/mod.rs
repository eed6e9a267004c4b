//! Settings › Client API Access: tokens.

pub mod find_token;
pub mod token_detail;
pub mod token_table;
