//! API calls that programs of the shop make through a connection, with a service key.

pub mod forward;
