//! Settings › Access inventory: the refresh tokens and API keys of all clients.

pub mod begin_revocation;
pub mod inventory;
pub mod inventory_api_tokens;
pub mod inventory_export;
pub mod inventory_filters;
mod inventory_rows;
pub mod revocation;

/// The path of the inventory.
pub const HOME: &str = "/settings/access";
/// The path of bulk revocations.
pub const REVOCATIONS: &str = "/settings/access/revocations";
