//! Settings › Resource servers.

pub mod regenerate_secret;
pub mod remove_resource_server;
pub mod resource_server_list;

/// The address of the list.
pub const HOME: &str = "/settings/resource-servers";
