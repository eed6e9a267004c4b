//! What pages and endpoints share: the request context, the page frame, forms, lists, sessions, errors and headers.

pub mod access_guard;
pub mod assets;
pub mod badge;
pub mod bearer;
pub mod client_facts;
pub mod client_ip;
pub mod connection;
pub mod connection_limits;
pub mod csv;
pub mod email_address;
pub mod endpoints;
pub mod error_pages;
pub mod error_response;
pub mod exchange;
pub mod flash;
pub mod form;
pub mod form_errors;
pub mod handler_limit;
pub mod headers;
pub mod health;
pub mod http_server;
pub mod job_health;
pub mod list;
pub mod oauth_error;
pub mod observe;
pub mod page;
mod pager;
pub mod query;
pub mod rate_limit;
pub mod request_context;
pub mod route_table;
pub mod session_store;
pub mod shown_once;
pub mod sign_in_page;
pub mod state;

pub use crate::db::nonce;
