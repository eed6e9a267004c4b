//! What all pages share: the visit a handler is given, the page around its content, forms, lists, errors and headers.

pub mod assets;
pub mod endpoint;
pub mod errors;
pub mod form;
pub mod guard;
pub mod headers;
pub mod list;
pub mod nonce;
pub mod page;
pub mod peer;
pub mod problems;
pub mod query;
pub mod session;
pub mod shown_once;
