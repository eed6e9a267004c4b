//! Resource servers: APIs that may validate tokens.

mod resource_server;

pub use resource_server::ResourceServer;
