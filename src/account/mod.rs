//! The shop's account: its name and time zone, its businesses and their locations.

#[expect(clippy::module_inception, reason = "a model file is named after its concept")]
mod account;
mod business;
mod change_account;
pub mod installation;
mod revoked_error;
mod secret_key;
mod time_zone;

pub use account::Account;
pub use business::{Business, Location};

/// The id of the account at the API. A deployment serves one account.
pub const ACCOUNT_ID: &str = "1";
pub use change_account::{AccountChange, change_account};
pub use revoked_error::revoked_error;
pub use secret_key::OpenedAccount;
pub use time_zone::{time_zone, time_zones};
