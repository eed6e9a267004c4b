//! The authorization server (RFC 6749), compatible with Lightspeed Retail R-Series: one file per endpoint.

pub mod authorization_request;
pub mod authorize;
pub mod client_auth;
pub mod consent;
pub mod cors;
pub mod failures;
pub mod grants;
pub mod introspect;
pub mod metadata;
pub mod parameters;
pub mod pkce;
pub mod raw_query;
pub mod resources;
pub mod revoke;
pub mod token;
pub mod verify;
