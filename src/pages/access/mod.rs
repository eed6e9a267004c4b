//! Settings › Access inventory: the refresh tokens and API keys of all clients.

pub mod inventory;
mod inventory_filters;
mod inventory_rows;

/// The path of the inventory.
pub const HOME: &str = "/settings/access";
