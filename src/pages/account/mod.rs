//! Settings › Account.

pub mod account_settings;
pub mod notice_settings;
