//! The activity log: who did what, to what, when and from where. An entry is written in the transaction of the act itself
//! and is never edited; [`seal`] chains the entries by hash.

mod ended;
mod entry;
pub mod seal;

pub use ended::revoked_error;
pub use entry::{Activity, ActivityFilter, Actor, Detail, Kind, NewActivity, Subject};
