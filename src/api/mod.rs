//! The admin API under `/api/v1`: JSON for programs of the shop, with an API token. docs/api.md describes it.
//!
//! Each handler reads its input, calls the service function that the page calls, and answers JSON. [`guard`] stands in front of
//! every route: it authenticates, checks the area and the role that the route states, counts the request, and turns each
//! error into problem details (RFC 9457).

pub mod activity;
mod acts;
pub mod api_keys;
pub mod attention;
pub mod client_acts;
pub mod clients;
pub mod connection_acts;
pub mod connections;
pub mod context;
pub mod docs;
pub mod edits;
pub mod employee_acts;
pub mod employees;
mod etag;
pub mod find_token;
pub mod guard;
pub mod idempotency;
pub mod inventory;
mod json;
pub mod limits;
mod list;
pub mod openapi;
pub mod problem;
mod problem_kind;
mod query;
pub mod resource_server_acts;
pub mod resource_servers;
pub mod revocations;
pub mod token_acts;
pub mod token_lists;
pub mod tokens;

/// The path that every address of the API begins with.
pub const BASE: &str = "/api/v1";
