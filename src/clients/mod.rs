//! Clients: the integrations that may ask for tokens.

mod client;
mod list;
pub mod pages;
pub mod summary;
mod website;

pub use client::{Client, ClientState, NewClient};
pub use list::{ClientEdge, ClientFilter, ClientSort};
pub use summary::recount;
pub use website::Website;
