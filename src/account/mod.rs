//! The account the deployment serves: its name and time zone, its businesses and their locations.

#[expect(clippy::module_inception, reason = "a model file is named after its concept")]
mod account;
mod location;
pub mod pages;

pub use account::Account;
pub use location::{Business, Location};
