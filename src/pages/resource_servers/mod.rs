//! Settings › Resource servers.

pub mod resource_server_pages;
