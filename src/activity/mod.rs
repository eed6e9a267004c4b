//! The activity log: who did what, to what, when and from where. An entry is written in the transaction of the act itself,
//! keeps names, shown characters and counts of what was deleted, and is never edited; [`seal`] chains the entries.

mod ending;
mod entry;
pub mod pages;
pub mod seal;

pub use ending::gone;
pub use entry::{Activity, ActivityFilter, Actor, Detail, Kind, NewActivity, Subject};
