//! Deletes old history in batches: authorization codes, failed token requests, events of connections, notices and their marks, counts of
//! wrong passwords and client secrets, acknowledgements that have ended, and how much clients and API keys were used.

use diesel::QueryResult;

use crate::access::attention::Acknowledgement;
use crate::access::usage;
use crate::clients::failed_secret_count::FailedSecretCount;
use crate::clients::token_failure::TokenFailure;
use crate::connections::ConnectionEvent;
use crate::db::DbConnection;
use crate::employees::Attempts;
use crate::error::Result;
use crate::jobs::lease::with_lease;
use crate::jobs::{BATCH, PAUSE};
use crate::notices::{NoticeMark, OutboxMessage};
use crate::time::Timestamp;
use crate::tokens::authorization_code::AuthorizationCode;
use crate::web::state::State;

type Purging = fn(&mut DbConnection, Timestamp, i64) -> QueryResult<usize>;
const HISTORY: [Purging; 10] = [
    AuthorizationCode::purge,
    TokenFailure::purge,
    ConnectionEvent::purge,
    OutboxMessage::purge,
    NoticeMark::purge,
    Attempts::purge,
    FailedSecretCount::purge,
    Acknowledgement::purge,
    usage::purge_clients,
    usage::purge_api_keys,
];

/// Deletes what is old enough.
pub(super) async fn run(app: &State) -> Result<()> {
    for purge in HISTORY {
        while with_lease(app, "history", move |conn, now| Ok(purge(conn, now, BATCH)?)).await?.is_some_and(|n| n > 0) {
            actix_web::rt::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}
