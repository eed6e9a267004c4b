//! The broker: programs of the shop call a provider's API through a connection, authenticated by a service key. The access
//! token is added here and never leaves the server.

pub mod forward;
mod refusal;
mod retry_after_times;

pub use retry_after_times::RetryAfterTimes;
