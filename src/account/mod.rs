//! The account the deployment serves: its name and time zone, its businesses and their locations.

mod account;
mod location;
pub mod pages;

pub use account::Account;
pub use location::{Business, Location};
