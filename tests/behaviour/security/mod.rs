//! What must hold under attack and fault.

mod access_matrix;
mod authorize;
mod connection_times;
mod endpoint_access;
mod endpoint_input;
mod entries;
mod every_form;
mod failed_secrets;
mod faults;
mod forms;
mod headers;
mod input;
mod keys;
mod outbound;
mod outbound_crash;
mod outbound_refresh;
mod outbound_servers;
mod races;
mod refresh;
mod refresh_values;
mod sessions;
mod sign_in;
pub mod stored;
mod strangers;
mod token;
mod tokens_in_use;
