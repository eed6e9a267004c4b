//! Settings › Connections.

pub mod app_credential_form;
pub mod app_credentials;
pub mod authorize_connection;
pub mod confirm_account;
pub mod connection_actions;
pub mod connection_detail;
pub mod connection_form;
pub mod connection_list;
pub mod connection_summary;
pub mod disconnect_connection;
pub mod edit_connection;
pub mod service_keys;

use crate::id::ConnectionKey;

/// The URL of Settings › Connections.
pub const HOME: &str = "/settings/connections";

/// The URL of a connection's page.
pub fn path(id: ConnectionKey) -> String {
    format!("{HOME}/{id}")
}
