//! Scopes, roles, and which role has which rights.

pub mod rights;
mod role;
mod scope;

pub use role::Role;
pub use scope::{Scope, ScopeGroup};
