//! Clients: the integrations that may ask for tokens.

mod client;
mod client_secret;
mod facts;
mod failures;
mod list;
pub mod manage;
pub mod pages;
pub mod public;
mod redirect_uri;
pub mod register;
mod registration;
pub mod secrets;
pub mod summary;
pub mod update;
mod website;

pub use client::{Client, ClientState, Contact, NewClient, Registration};
pub use client_secret::{ClientSecret, OVERLAPS};
pub use list::{ClientEdge, ClientFilter, ClientSort};
pub use redirect_uri::{RedirectUri, WrongRedirectUri, is_lightspeed};
pub use summary::recount;
pub use website::Website;
