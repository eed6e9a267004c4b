//! Settings › Account.

pub mod account_page;
pub mod businesses;
pub mod notice_settings;
