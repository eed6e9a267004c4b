//! Resource servers: APIs that may validate tokens at the introspection endpoint.

mod resource_server;

pub use resource_server::{ResourceServer, add, regenerate_secret, remove};
