//! The activity log: who did what, to what, when, and from which client IP.
//!
//! An entry is inserted in the transaction of the act and never edited; [`seal`] chains the entries with a key,
//! and [`verify`] checks the chain.

mod actor_and_subject;
pub mod archive;
mod chain;
mod chain_key;
mod client_index;
mod detail;
mod entry;
mod folding;
mod kind;
mod log_page;
mod log_queries;
mod names;
pub mod redaction;
pub mod seal;
mod token_count;
pub mod verify;

pub use actor_and_subject::{Actor, Subject};
pub use chain::{Chain, SEALED_COLUMNS};
pub use chain_key::ChainKey;
pub use detail::Detail;
pub use entry::{Activity, NewActivity};
pub use folding::{Line, SignIns};
pub use kind::{Kind, label_of};
pub use log_page::{ActivityFilter, LogPage, LogRequest, SEARCHED};
pub use names::{Names, unknown_address};
pub use token_count::TokenCount;
