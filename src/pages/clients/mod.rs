//! Settings › Client API Access: clients.

mod authorized_by;
pub mod change_client_state;
mod client_access;
pub mod client_detail;
pub mod client_list;
pub mod edit_client;
mod hand_over_sheet;
pub mod integration_guide;
pub mod new_api_key;
pub mod pending_clients;
pub mod public_registration;
pub mod public_update;
pub mod rate_fields;
pub mod recent_failures;
pub mod regenerate_secret;
pub mod register_client;
pub mod registration_details;
pub mod registration_form;
pub mod reject_clients;
pub mod revoke_client;
pub mod revoke_client_tokens;

pub use crate::web::client_facts::{CLIENTS as HOME, client_path as path};
