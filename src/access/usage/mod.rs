//! How much clients and API keys are used: their calls, refreshes and refusals by UTC day, for 90 days.
//!
//! A call is a request with a valid token to an API route, or to verify or introspect that token. A refusal is a token or
//! authorization request that failed, a wrong client secret, or a call with a token that expired, or that does not work
//! because its client or employee may not use it. A value that was revoked belongs to nobody any more: it is not counted.

mod history;
mod use_counts;

pub use history::{Counts, DAYS, Usage, purge_api_keys, purge_clients};
pub use use_counts::{UseCounts, add_api_keys, add_clients};
