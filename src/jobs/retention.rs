//! Deletes expired rows: sessions, links, codes, events and messages.

use diesel::prelude::*;

use crate::clients::ClientSecret;
use crate::clients::token_failure::TokenFailure;
use crate::connections::{ConnectionEvent, PendingAuthorization};
use crate::db::DbConnection;
use crate::employees::Session;
use crate::employees::{Attempts, OneTimeLink};
use crate::error::Result;
use crate::jobs::lease::with_lease;
use crate::jobs::{BATCH, PAUSE};
use crate::notices::OutboxMessage;
use crate::schema::form_nonces;
use crate::time::{DAY, Timestamp};
use crate::tokens::authorization_code::AuthorizationCode;
use crate::web::state::State;

const LEASE: &str = "tidy";

// Tables that may hold many expired rows: deleted in batches.
type Purging = fn(&mut DbConnection, Timestamp, i64) -> QueryResult<usize>;
const BATCHED: [Purging; 4] =
    [AuthorizationCode::purge, TokenFailure::purge, ConnectionEvent::purge, OutboxMessage::purge];

/// Deletes every expired row.
pub(super) async fn run(app: &State) -> Result<()> {
    with_lease(app, LEASE, |conn, now| {
        Session::purge(conn, now)?;
        OneTimeLink::purge(conn, now)?;
        Attempts::purge(conn, now)?;
        ClientSecret::purge(conn, now)?;
        PendingAuthorization::purge(conn, now)?;
        diesel::delete(form_nonces::table.filter(form_nonces::used_at.lt(now.plus(-DAY)))).execute(conn)?;
        Ok(())
    })
    .await?;
    for purge in BATCHED {
        while with_lease(app, LEASE, move |conn, now| Ok(purge(conn, now, BATCH)?)).await?.is_some_and(|n| n > 0) {
            actix_web::rt::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}
