//! Resource servers (RFC 6749 section 1.1): the APIs in front of the shop's data, which may ask what a token is good for.

pub mod pages;
mod resource_server;

pub use resource_server::ResourceServer;
