//! What is due while nobody asks: deletions behind revokes, seals over the activity, summaries, retention, who was seen.
//!
//! Each kind of work belongs to one node at a time: a lease in the database, taken by a conditional statement, says whose.
//! All of it is done in small pieces through the same queue as everything else, so that no request waits long.

use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::*;

use crate::activity::seal;
use crate::clients::ClientSecret;
use crate::clients::token_failure::TokenFailure;
use crate::connections::refresh::keep_fresh;
use crate::connections::{ConnectionEvent, ConnectionRequest};
use crate::db::DbConnection;
use crate::employees::{Attempts, OneTimeLink};
use crate::error::{Error, Result};
use crate::id::ClientKey;
use crate::notices::OutboxMessage;
use crate::notices::delivery::deliver_due;
use crate::schema::{clients, form_nonces, leases};
use crate::time::{DAY, MINUTE, Timestamp};
use crate::tokens::authorization_code::AuthorizationCode;
use crate::tokens::revocation::{Purge, purge_expired};
use crate::tokens::{RefreshToken, client_counters};
use crate::web::session_store::Session;
use crate::web::state::State;

const LEASE: i64 = 20;
const BATCH: i64 = 200;
const TICK: Duration = Duration::from_millis(500);
const BETWEEN_NOTICES: Duration = Duration::from_secs(3);
// Lets the writer serve others between two batches.
const PAUSE: Duration = Duration::from_millis(5);
// Ticks between two rounds of the less urgent kinds.
const EVERY_FEW_SECONDS: u64 = 6;
const EVERY_MINUTE: u64 = 120;
// The list's numbers may be this old, in seconds, when nothing of the client was revoked.
const SUMMARY_AGE: i64 = MINUTE;

/// Starts the work; it goes on as long as the server's system runs.
pub fn start(app: Arc<State>) {
    let connections = app.clone();
    actix_web::rt::spawn(async move {
        loop {
            report("keeping connections fresh", keep_fresh(&connections.connections).await);
            actix_web::rt::time::sleep(TICK).await;
        }
    });
    let notices = app.clone();
    actix_web::rt::spawn(async move {
        loop {
            report("sending notices", deliver_due(&notices).await);
            actix_web::rt::time::sleep(BETWEEN_NOTICES).await;
        }
    });
    actix_web::rt::spawn(async move {
        let mut tick = 0_u64;
        loop {
            report("deleting", purge(&app).await);
            if tick.is_multiple_of(EVERY_FEW_SECONDS) {
                report("noting what was seen", flush(&app).await);
                report("sealing the activity", seal_activity(&app).await);
                report("counting", count_clients(&app).await);
            }
            if tick.is_multiple_of(EVERY_MINUTE) {
                report("tidying up", tidy_up(&app).await);
            }
            tick += 1;
            actix_web::rt::time::sleep(TICK).await;
        }
    });
}

/// Does everything that is due, once, to the end; for tests and before shutting down.
pub async fn run_once(app: &State) -> Result<()> {
    while purge_batch(app).await? {}
    keep_fresh(&app.connections).await?;
    deliver_due(app).await?;
    flush(app).await?;
    seal_activity(app).await?;
    count_clients(app).await?;
    tidy_up(app).await
}

/// Writes what is only in memory yet.
pub async fn flush(app: &State) -> Result<()> {
    app.seen_sessions.flush(&app.db).await?;
    app.last_used_buffer.flush(&app.db).await?;
    app.failures.flush(&app.db).await
}

fn report(what: &str, outcome: Result<()>) {
    match outcome {
        Ok(()) => {}
        Err(Error::Unavailable(why)) => log::warn!("{what} waits: {why}"),
        Err(error) => log::error!("{what} failed: {error}"),
    }
}

/// Takes or keeps a lease; false when another node has it.
fn hold(conn: &mut DbConnection, name: &str, node: &str, now: Timestamp) -> QueryResult<bool> {
    let row = (leases::name.eq(name), leases::holder.eq(""), leases::expires_at.eq(Timestamp(0)));
    crate::db::on_each!(conn, |inner| {
        diesel::insert_into(leases::table).values(row).on_conflict_do_nothing().execute(inner)
    })?;
    let free = leases::table.find(name).filter(leases::holder.eq(node).or(leases::expires_at.le(now)));
    diesel::update(free)
        .set((leases::holder.eq(node), leases::expires_at.eq(now.plus(LEASE))))
        .execute(conn)
        .map(|n| n == 1)
}

async fn leased<T: Send + 'static>(
    app: &State,
    name: &'static str,
    work: impl Fn(&mut DbConnection, Timestamp) -> Result<T> + Send + 'static,
) -> Result<Option<T>> {
    let (node, now) = (app.node.clone(), app.clock.now());
    app.db
        .write(move |conn| match hold(conn, name, &node, now)? {
            true => work(conn, now).map(Some),
            false => Ok(None),
        })
        .await
}

async fn purge(app: &State) -> Result<()> {
    while purge_batch(app).await? {
        actix_web::rt::time::sleep(PAUSE).await;
    }
    Ok(())
}

async fn purge_batch(app: &State) -> Result<bool> {
    let Some(next) = app.db.read(|conn| Ok(Purge::next(conn)?)).await? else {
        return Ok(false);
    };
    if next.progress().0 == 0 {
        let (count, id) = (next.clone(), next.id);
        let total = app.db.read(move |conn| Ok(count.count(conn)?)).await?;
        app.db.write(move |conn| Ok(Purge::set_total(conn, id, total)?)).await?;
    }
    let more = leased(app, "purge", move |conn, now| next.step(conn, BATCH, now)).await?;
    Ok(more.is_some())
}

async fn seal_activity(app: &State) -> Result<()> {
    while let Some(Some(head)) = leased(app, "seal", |conn, _| seal::advance(conn)).await? {
        log::info!("activity sealed up to {head}");
    }
    Ok(())
}

async fn count_clients(app: &State) -> Result<()> {
    let now = app.clock.now();
    // A change sets the age to "long ago", so that those come first; the rest takes turns.
    for (older_than, most) in [(Timestamp(1), 20), (now.plus(-SUMMARY_AGE), 40)] {
        for client in app.db.read(move |conn| Ok(client_counters::stalest(conn, older_than, most)?)).await? {
            let counted = app.db.read(move |conn| Ok(client_counters::count(conn, client, now)?)).await?;
            app.db.write(move |conn| Ok(counted.store(conn, now)?)).await?;
        }
    }
    Ok(())
}

// What is deleted in batches once nobody can ask about it any more.
type Purging = fn(&mut DbConnection, Timestamp, i64) -> QueryResult<usize>;
const OLD: [Purging; 5] = [
    AuthorizationCode::purge,
    TokenFailure::purge,
    RefreshToken::purge_values,
    ConnectionEvent::purge,
    OutboxMessage::purge,
];

async fn tidy_up(app: &State) -> Result<()> {
    leased(app, "tidy", |conn, now| {
        Session::purge(conn, now)?;
        OneTimeLink::purge(conn, now)?;
        Attempts::purge(conn, now)?;
        ClientSecret::purge(conn, now)?;
        ConnectionRequest::purge(conn, now)?;
        diesel::delete(form_nonces::table.filter(form_nonces::used_at.lt(now.plus(-DAY)))).execute(conn)?;
        Ok(())
    })
    .await?;
    for step in OLD {
        while leased(app, "tidy", move |conn, now| Ok(step(conn, now, BATCH)?)).await?.is_some_and(|n| n > 0) {
            actix_web::rt::time::sleep(PAUSE).await;
        }
    }
    let keep = app.config.keep_expired_days * DAY;
    let ids: Vec<ClientKey> = app.db.read(|conn| Ok(clients::table.select(clients::id).load(conn)?)).await?;
    for client in ids {
        loop {
            let purged = leased(app, "tidy", move |conn, now| Ok(purge_expired(conn, client, now.plus(-keep), BATCH)?));
            match purged.await? {
                Some(n) if n > 0 => actix_web::rt::time::sleep(PAUSE).await,
                _ => break,
            }
        }
    }
    Ok(())
}
