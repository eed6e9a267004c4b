//! Scopes, roles, and the rights of each role.

pub mod rights;
mod role;
mod scope;

pub use role::Role;
pub use scope::{Scope, ScopeGroup};
