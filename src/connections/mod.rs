//! Connections: the shop as an OAuth 2.0 client of other servers.
//!
//! * Registration: `oauth_client` (app credentials), `api_type`, `offered_scopes`, `provider` (the URLs of a server).
//! * Authorization: `authorization` (begin, callback, redeem, store), `pending_authorization`, `remote_account`.
//! * Token lifecycle: `token_endpoint`, `token_reply`, `refusal`, `refresh`, `ready`, `challenge`, `schedule`, `breaker`,
//!   `provider_revocation`.
//! * State: `connection`, `status`, `problem`, `state` (all transitions), `incident`, `event` (history).
//! * Management: `manage`, `app_credentials`, `service_key`, `test_call`. Calls through a connection are in `broker`.
//!
//! Exactly one node refreshes a connection, because some providers revoke all tokens when a refresh token is used twice. The
//! node claims the row (a conditional UPDATE that raises its version and sets a lease), calls the provider outside of any
//! transaction, and stores the outcome only if the version is still the claimed one.

mod api_type;
mod app_credentials;
pub mod authorization;
mod breaker;
pub mod challenge;
mod checked_scope;
mod connection;
mod connection_list;
mod event;
mod incident;
mod lookup;
mod manage;
mod oauth_client;
mod offered_scopes;
mod pending_authorization;
mod problem;
mod provider;
pub mod provider_revocation;
pub mod ready;
pub mod refresh;
mod refusal;
pub mod remote_account;
mod schedule;
mod sealed_columns;
pub mod service;
mod service_key;
pub mod state;
mod status;
mod test_call;
pub mod token_endpoint;
mod token_reply;

pub use api_type::{ApiType, Hosts};
pub use app_credentials::AppCredentials;
pub use connection::{Connection, ConnectionFields, NOT_YET};
pub(crate) use connection::{connections_needing_attention, failing_connections};
pub use connection_list::{ConnectionFilter, ConnectionSort, ListedConnection};
pub use event::{ConnectionEvent, EventKind};
pub use lookup::{or_gone, with_keys};
pub use manage::ConnectionChange;
pub use oauth_client::{OAuthClient, OAuthClientFields, callback_path};
pub use offered_scopes::OfferedScope;
pub use pending_authorization::PendingAuthorization;
pub use problem::{Problem, Reason, WithProblem};
pub use provider::{Provider, parse_domain_prefix};
pub use sealed_columns::SEALED_COLUMNS;
pub use service::{Connections, Requester};
pub use service_key::ServiceKey;
pub use status::Status;
pub use test_call::TestOutcome;
pub use token_reply::{Failure, Outcome, TokenReply};

use crate::id::ConnectionKey;

/// The path of the list of connections.
pub const LIST_PATH: &str = "/settings/connections";

/// The path of a connection's page, for links in notices and on pages.
pub fn page_path(id: ConnectionKey) -> String {
    format!("{LIST_PATH}/{id}")
}
