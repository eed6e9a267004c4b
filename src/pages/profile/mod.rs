//! Settings › Profile.

pub mod profile_page;
