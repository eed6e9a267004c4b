//! The authorization server (RFC 6749) as Lightspeed Retail R-Series speaks it: one file per endpoint, what they share beside.
//!
//! | file | |
//! |---|---|
//! | [`authorize`], [`authorization_request`] | `GET /auth/oauth/authorize`: the request, the sign-in leg, consent |
//! | [`token`], [`grants`] | `POST /auth/oauth/token` |
//! | [`revoke`], [`introspect`], [`verify`], [`metadata`] | the endpoints of those names |
//! | [`resources`] | what a token can read here |
//! | [`access`], [`bearer`] | what a token is good for at this moment, and the guard made of it |
//! | [`client_auth`], [`parameters`], [`error`], [`pkce`] | what the endpoints share |
//! | [`scope`], [`rights`] | what can be asked for, and what a role lets through |
//! | [`rate_limit`], [`guesses`], [`usage`], [`token_failure`] | kept in memory; the last two written every few seconds |

pub mod access;
pub mod authorization_code;
pub mod authorization_request;
pub mod authorize;
pub mod bearer;
pub mod client_auth;
pub mod error;
pub mod grants;
pub mod guesses;
pub mod introspect;
pub mod metadata;
pub mod parameters;
pub mod pkce;
pub mod rate_limit;
pub mod resources;
pub mod revoke;
pub mod rights;
pub mod scope;
pub mod token;
pub mod token_failure;
pub mod usage;
pub mod verify;

pub use scope::Scope;
