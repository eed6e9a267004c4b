//! Scopes, roles, the rights of each role, and what a scope lets somebody do.

mod catalogue;
mod effective;
pub mod rights;
mod role;
mod scope;

pub use effective::{EffectiveAccess, Right};
pub use role::Role;
pub use scope::Scope;
