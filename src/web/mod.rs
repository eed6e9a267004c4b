//! What pages and endpoints share: the request context, the page frame, forms, lists, sessions, errors and headers.

pub mod access_guard;
pub mod assets;
pub mod badge;
pub mod bearer;
pub mod client_facts;
pub mod client_ip;
pub mod endpoints;
pub mod error_pages;
pub mod error_response;
pub mod flash;
pub mod form;
pub mod form_errors;
pub mod headers;
pub mod health;
pub mod list;
pub mod nonce;
pub mod oauth_error;
pub mod page;
pub mod query;
pub mod rate_limit;
pub mod request_context;
pub mod route_table;
pub mod session_store;
pub mod shown_once;
pub mod state;
