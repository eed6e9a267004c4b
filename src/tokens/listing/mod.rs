//! Token lists: refresh tokens, or access tokens and API keys, filtered, sorted and paged at a cost that does not grow with
//! the number of a client's tokens.
//!
//! A page is read in two steps. First the nearest few thousand rows in the list's sort order: a common filter fills its
//! page there. If it does not, the index of the filter: a rare filter has few rows to sort.

mod conditions;
mod count;
mod filter;
mod list;
mod segments;
mod table;

pub use filter::{EXPIRING_SOON_DAYS, StatusFilter, TokenFilter, TokenType, UNUSED_DAYS};
pub use list::{TokenPage, find};
pub use table::{Table, Within};
