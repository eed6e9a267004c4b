//! Settings › Connections.

pub mod app_credential_form;
pub mod app_credential_list;
pub mod authorize_connection;
pub mod confirm_account;
pub mod connection_detail;
pub mod connection_form;
pub mod connection_list;
pub mod connection_summary;
pub mod delete_app_credential;
pub mod disconnect_connection;
pub mod edit_app_credential;
pub mod edit_connection;
pub mod pause_connection;
mod problems;
pub mod refresh_connection;
pub mod revocation_message;
pub mod service_keys;
pub mod test_connection;

pub use crate::connections::{LIST_PATH as HOME, page_path as path};

use crate::connections::Requester;
use crate::web::page::RequestContext;

/// The path of the app credentials.
const APP_CREDENTIALS: &str = "/settings/connections/clients";

// The viewer as the employee who performs an act.
fn requester(context: &RequestContext) -> Requester {
    let (viewer, client_ip) = (&context.viewer, context.client_ip.clone());
    Requester { id: viewer.id, name: viewer.name.clone(), through: String::new(), client_ip }
}
