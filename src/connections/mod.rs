//! The shop's own links to other servers: it is an OAuth 2.0 client there, as integrations are here.
//!
//! A person authorizes a connection (`authorize`), a task keeps its tokens fresh (`refresh`, `schedule`, `breaker`), and
//! programs of the shop's own use it through the broker (`broker`), which never hands a token out. What a provider is and
//! how to talk to it stands in `api_type`, `provider` and `exchange`. The Settings pages are `pages` (the list), `detail`,
//! `form` and `client_pages`; what an admin does with a connection is in `actions`, `disconnect`, `service_key_pages` and
//! `account_page`.
//!
//! Why a claim and not a lock: a refresh token that is used twice ends the connection at some providers. So exactly one
//! node refreshes: it claims the row (a conditional UPDATE that raises the row's version and sets a lease), calls, and
//! writes the outcome only if the version is still the one it claimed. Nothing is held while it waits for the answer, and
//! whoever was paused for too long finds that its outcome does not count any more.

pub mod account;
pub mod account_page;
pub mod actions;
mod api_type;
pub mod authorize;
pub mod breaker;
pub mod broker;
mod client_form;
pub mod client_pages;
mod connection;
mod connection_request;
pub mod detail;
pub mod disconnect;
mod event;
mod exchange;
mod facts;
pub mod form;
mod form_fields;
mod list;
mod oauth_client;
pub mod pages;
mod provider;
pub mod refresh;
mod schedule;
mod service_key;
pub mod service_key_pages;
pub mod transition;
pub mod upstream;

pub use api_type::{ApiType, Hosts, OfferedScope};
pub(crate) use connection::connections_that_need_a_person;
pub use connection::{Connection, ConnectionFields, NOT_YET, Status};
pub use connection_request::ConnectionRequest;
pub use event::{ConnectionEvent, EventKind};
pub use exchange::{Outcome, TokenReply};
pub use facts::ConnectionFacts;
pub use list::{ConnectionFilter, ConnectionSort, ListedConnection};
pub use oauth_client::{OAuthClient, OAuthClientFields, callback_path};
pub use provider::{Provider, parse_domain_prefix};
pub use service_key::ServiceKey;

/// Where the section begins.
pub const HOME: &str = "/settings/connections";

/// The page of a connection.
pub fn path(id: crate::id::ConnectionKey) -> String {
    format!("{HOME}/{id}")
}
