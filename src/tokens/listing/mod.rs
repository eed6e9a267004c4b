//! Token lists: API keys, refresh tokens, access tokens and expired access tokens, filtered, sorted and paged at a cost that
//! does not grow with the number of tokens.
//!
//! There are two ways to read a list. *Gathered*: a filter with an index of its own (a part of the token, a few
//! employees, a range of times) reads at most a thousand rows through that index; if there are no more, the list is complete
//! and is filtered, sorted, counted and paged here. *Searched*: otherwise the rows are read in the list's own order from one
//! index, at most 5,000 from where the page starts, and filtered here. If the page is not full by then, the list says how far
//! it looked and the next page continues there, so nothing is hidden.
//!
//! Rows are filtered here and not by SQL: each statement is one ordered, limited read of one index, so the database has no
//! plan to choose, and one pass gives the page, its count and the last place looked at.

mod bounded;
mod criteria;
mod filter;
mod index_read;
pub mod inventory;
mod list;
mod reader;
mod request;
mod revoked;
mod row;
mod table;
mod totals;

pub use filter::{EXPIRING_SOON_DAYS, StatusFilter, TokenFilter, UNUSED_DAYS};
pub use list::{count_few, find};
pub use request::{Limits, List, Request, TokenPage};
pub use row::{ListedToken, SortBy};
pub use table::{Table, Within};
