//! Background jobs: each one's file says what it does; this file says how often.
//!
//! A lease in the database makes sure that only one node at a time runs a job. Jobs work in small batches through the same
//! write queue as requests, so that no request waits long.

mod count_clients;
mod delete_expired_tokens;
mod delete_revoked;
mod flush_buffers;
mod lease;
mod move_ended_tokens;
mod retention;
mod seal_activity;

use std::sync::Arc;
use std::time::Duration;

use crate::connections::refresh::keep_fresh;
use crate::error::{Error, Result};
use crate::notices::Delivery;
use crate::web::state::State;

pub use flush_buffers::flush;

const TICK: Duration = Duration::from_millis(500);
const BETWEEN_NOTICES: Duration = Duration::from_secs(3);
// Pause between two batches, so that the writer can serve requests.
const PAUSE: Duration = Duration::from_millis(5);
const BATCH: i64 = 200;
// Ticks between two runs of the less urgent jobs.
const EVERY_FEW_SECONDS: u64 = 6;
const EVERY_MINUTE: u64 = 120;

/// Starts all jobs; they run until the server's runtime stops.
pub fn start(app: Arc<State>) {
    actix_web::rt::spawn(keep_connections_fresh(app.clone()));
    actix_web::rt::spawn(deliver_notices(app.clone()));
    actix_web::rt::spawn(maintain(app));
}

/// Runs every job once, to completion; for tests.
pub async fn run_once(app: &State) -> Result<()> {
    delete_revoked::to_end(app).await?;
    keep_fresh(&app.connections).await?;
    notice_delivery(app).deliver_due().await?;
    flush(app).await?;
    seal_activity::run(app).await?;
    move_ended_tokens::run(app).await?;
    count_clients::run(app).await?;
    retention::run(app).await?;
    delete_expired_tokens::run(app).await
}

// Connections and notices have their own loops, because they wait for other servers.
async fn keep_connections_fresh(app: Arc<State>) {
    loop {
        report("refreshing connections", keep_fresh(&app.connections).await);
        actix_web::rt::time::sleep(TICK).await;
    }
}

fn notice_delivery(app: &State) -> Delivery<'_> {
    Delivery {
        db: &app.db,
        clock: &app.clock,
        http: &app.connections.http,
        notices: &app.config.notices,
        authorities: &app.config.outbound.authorities,
    }
}

async fn deliver_notices(app: Arc<State>) {
    loop {
        report("delivering notices", notice_delivery(&app).deliver_due().await);
        actix_web::rt::time::sleep(BETWEEN_NOTICES).await;
    }
}

async fn maintain(app: Arc<State>) {
    let mut tick = 0_u64;
    loop {
        report("deleting revoked tokens", delete_revoked::run(&app).await);
        if tick.is_multiple_of(EVERY_FEW_SECONDS) {
            report("writing buffered times", flush(&app).await);
            report("sealing the activity log", seal_activity::run(&app).await);
            report("moving expired tokens", move_ended_tokens::run(&app).await);
            report("counting tokens of clients", count_clients::run(&app).await);
        }
        if tick.is_multiple_of(EVERY_MINUTE) {
            report("deleting expired rows", retention::run(&app).await);
            report("deleting expired tokens", delete_expired_tokens::run(&app).await);
        }
        tick += 1;
        actix_web::rt::time::sleep(TICK).await;
    }
}

fn report(job: &str, outcome: Result<()>) {
    match outcome {
        Ok(()) => {}
        Err(Error::Unavailable(why)) => log::warn!("{job}: will retry: {why}"),
        Err(error) => log::error!("{job} failed: {error}"),
    }
}
