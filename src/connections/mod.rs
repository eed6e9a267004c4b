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

mod api_type;
pub mod breaker;
mod connection;
mod connection_list;
mod event;
mod oauth_client;
mod pending_authorization;
mod provider;
pub mod provider_revocation;
pub mod refresh;
pub mod remote_account;
mod schedule;
mod sealed_columns;
pub mod service;
mod service_key;
pub mod state;
pub mod token_endpoint;

pub use api_type::{ApiType, Hosts, OfferedScope};
pub(crate) use connection::connections_needing_attention;
pub use connection::{Connection, ConnectionFields, NOT_YET, Status};
pub use connection_list::{ConnectionFilter, ConnectionSort, ListedConnection};
pub use event::{ConnectionEvent, EventKind};
pub use oauth_client::{OAuthClient, OAuthClientFields, callback_path};
pub use pending_authorization::ConnectionRequest;
pub use provider::{Provider, parse_domain_prefix};
pub use sealed_columns::SEALED_COLUMNS;
pub use service::Connections;
pub use service_key::ServiceKey;
pub use token_endpoint::{Outcome, TokenReply};
