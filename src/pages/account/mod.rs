//! Settings › Account.

pub mod account_page;
pub mod businesses;
pub mod confirm_removal;
pub mod notice_settings;
