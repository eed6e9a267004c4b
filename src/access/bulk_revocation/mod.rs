//! Bulk revocation: many refresh tokens and API keys, chosen by hand or by a filter of the inventory, or all those of a client.
//!
//! It begins with a dry run, which counts what matches as of one moment and remembers the highest ids it saw. After a
//! confirmation with that count, a background job ends the access in small steps, and then deletes the rows of the refresh
//! tokens. It takes only tokens that the dry run can have seen and that still match, judged by the time of the dry run, and
//! never more than were confirmed; of a client, also those that it got until the confirmation. Everything is stored after each step, so that another process can continue.

mod count;
mod record;
mod revoke;
mod selection;

pub use count::{Progress, begin, count_some, prepare};
pub use record::{BulkRevocation, BulkState, Tally};
pub use revoke::{Candidates, candidates, confirm, delete_step, revoke_step, stop};
pub use selection::{OneClient, Selection, TokenId};
