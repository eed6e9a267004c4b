//! The access inventory: the refresh tokens and API keys of all clients in one list.
//!
//! It is read as the other lists are: gathered from the index of a filter if there are few rows, otherwise searched in one
//! order. Both tables have the same indexes, and a page merges two reads.

mod by_id;
mod criteria;
mod filter;
mod find;
mod recent;
mod scan;

pub use by_id::tokens_with;
pub use criteria::{Criteria, Scoped};
pub use filter::{CreatedWithin, Expiry, InventoryFilter, Owner, Reach, TokenType, Usage};
pub use find::{InventoryRequest, find, read_on};
pub use recent::{Holder, RecentTokens};
pub use scan::{Scan, Walk, place_of};
