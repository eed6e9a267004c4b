//! Deletes expired rows: sessions, links, codes, events, messages, and tokens that expired more than the configured number
//! of days ago.

use std::time::{Duration, Instant};

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
use crate::tokens::retention::{delete_api_key, delete_refresh_token, expired_api_keys, expired_refresh_tokens};
use crate::tokens::{EndedToken, RefreshToken};
use crate::web::state::State;

const LEASE: &str = "tidy";
// How long a transaction that deletes tokens may occupy the writer.
const TIME_IN_WRITER: Duration = Duration::from_millis(20);

// Tables that may hold many expired rows: deleted in batches.
type Purging = fn(&mut DbConnection, Timestamp, i64) -> QueryResult<usize>;
const BATCHED: [Purging; 5] = [
    AuthorizationCode::purge,
    TokenFailure::purge,
    RefreshToken::purge_values,
    ConnectionEvent::purge,
    OutboxMessage::purge,
];

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
    expired_tokens(app).await
}

async fn expired_tokens(app: &State) -> Result<()> {
    let cutoff = app.clock.now().plus(-app.config.keep_expired_days * DAY);
    delete_older(app, cutoff, EndedToken::older_than, EndedToken::delete).await?;
    delete_older(app, cutoff, expired_refresh_tokens, delete_refresh_token).await?;
    delete_older(app, cutoff, expired_api_keys, delete_api_key).await
}

type Find = fn(&mut DbConnection, Timestamp, i64) -> QueryResult<Vec<i64>>;
type Delete = fn(&mut DbConnection, i64, Timestamp) -> QueryResult<usize>;

// Deletes the rows that `find` finds. A read finds them, because most of the time there are none; a transaction deletes as
// many as fit into its time: the values of a refresh token are deleted with it.
async fn delete_older(app: &State, cutoff: Timestamp, find: Find, delete: Delete) -> Result<()> {
    loop {
        let mut found = app.db.read(move |conn| Ok(find(conn, cutoff, BATCH)?)).await?;
        if found.is_empty() {
            return Ok(());
        }
        while !found.is_empty() {
            let ids = found.clone();
            let step = move |conn: &mut DbConnection, _| {
                let started = Instant::now();
                let mut done = 0;
                for id in &ids {
                    delete(conn, *id, cutoff)?;
                    done += 1;
                    if started.elapsed() >= TIME_IN_WRITER {
                        break;
                    }
                }
                Ok(done)
            };
            match with_lease(app, LEASE, step).await? {
                Some(done) => drop(found.drain(..done)),
                None => return Ok(()),
            }
            actix_web::rt::time::sleep(PAUSE).await;
        }
    }
}
