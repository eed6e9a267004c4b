//! Settings › Account.

pub mod account_page;
pub mod businesses;
pub mod confirm_removal;
pub mod identity_form;
pub mod mail_form;
pub mod notice_channel;
pub mod notice_settings;
pub mod rename;
pub mod second_factors;
pub mod webhook_form;
