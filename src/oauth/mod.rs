//! The authorization server's own vocabulary.

mod scope;

pub use scope::Scope;
