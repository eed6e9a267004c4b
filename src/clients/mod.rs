//! Clients: third-party apps that may request tokens. Their registration, state, redirect URIs, secrets and failed token
//! requests.

mod access_level;
pub mod authentication;
mod client;
mod client_list;
mod client_secret;
pub mod client_state;
pub mod failed_secret_count;
pub mod failed_secrets;
mod find_client;
mod held_by;
mod pending_client;
pub mod rates;
mod redirect_uri;
mod registration;
pub mod rules;
pub mod token_failure;
mod website;

pub use access_level::AccessLevel;
pub use client::{Client, ClientState};
pub use client_list::{ClientEdge, ClientFilter, ClientSort};
pub use client_secret::{ClientSecret, OVERLAPS, regenerate_secret, revoke_previous_secret};
pub use find_client::{find_for_update, find_or_gone};
pub use pending_client::PendingClient;
pub use rates::Rates;
pub use redirect_uri::{RedirectUri, WrongRedirectUri, is_lightspeed};
pub use registration::{
    ClientDetails, Contact, NewClient, Registration, edit_client, register_client, registered_from,
};
pub use website::Website;
