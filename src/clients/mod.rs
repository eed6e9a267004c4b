//! Clients: third-party apps that may ask for tokens.

mod client;
mod client_list;
mod client_secret;
pub mod failed_secrets;
mod redirect_uri;
pub mod token_failure;
mod website;

pub use client::{Client, ClientState, Contact, NewClient, Registration};
pub use client_list::{ClientEdge, ClientFilter, ClientSort};
pub use client_secret::{ClientSecret, OVERLAPS};
pub use redirect_uri::{RedirectUri, WrongRedirectUri, is_lightspeed};
pub use website::Website;
