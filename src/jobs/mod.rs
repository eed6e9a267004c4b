//! Background jobs: each one's file says what it does; the table here says how often.
//!
//! To add a job, add a file with a function `run` and a row to `JOBS`. Each job has a task of its own, so that none delays
//! another; `supervisor` restarts a job that fails. A lease in the database makes sure that only one node at a time runs a
//! job that changes what all nodes share. Jobs work in small batches, through the same write queue as requests, so that no
//! request waits long, and pause between them.

mod count_clients;
mod count_employees;
mod delete_expired_tokens;
mod delete_history;
mod delete_revoked;
mod delete_short_lived;
mod deliver_notices;
mod erase_personal_data;
mod flag_tokens;
mod flush_buffers;
mod lease;
mod move_ended_tokens;
mod notify_expiring_keys;
mod record_failed_sign_ins;
mod refresh_connections;
pub mod retention;
mod revoke_in_bulk;
mod seal_activity;
mod send_digest;
mod supervisor;
mod update_statistics;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use crate::error::Result;
use crate::web::state::State;

pub use flush_buffers::flush;
pub use supervisor::supervise;

/// A background job.
#[derive(Clone, Copy)]
pub struct Job {
    /// What it does, in plain words, for logs and `/readyz`.
    pub name: &'static str,
    /// The time between the end of a run and the next one.
    pub every: Duration,
    /// Does all that is due now. What it did not finish, because of an error, is done by the next run.
    pub run: for<'a> fn(&'a State) -> LocalBoxFuture<'a, Result<()>>,
}

const OFTEN: Duration = Duration::from_millis(500);
const EVERY_FEW_SECONDS: Duration = Duration::from_secs(3);
const EVERY_MINUTE: Duration = Duration::from_secs(60);
const EVERY_HOUR: Duration = Duration::from_secs(3600);

// Pause between two batches, so that the writer can serve requests.
const PAUSE: Duration = Duration::from_millis(5);
const BATCH: i64 = 200;

const JOBS: &[Job] = &[
    Job { name: "delete revoked tokens", every: OFTEN, run: |app| delete_revoked::run(app).boxed_local() },
    Job { name: "revoke in bulk", every: OFTEN, run: |app| revoke_in_bulk::run(app).boxed_local() },
    Job { name: "refresh connections", every: OFTEN, run: |app| refresh_connections::run(app).boxed_local() },
    Job { name: "deliver notices", every: EVERY_FEW_SECONDS, run: |app| deliver_notices::run(app).boxed_local() },
    Job { name: "flag tokens", every: EVERY_FEW_SECONDS, run: |app| flag_tokens::run(app).boxed_local() },
    Job { name: "write buffered times", every: EVERY_FEW_SECONDS, run: |app| flush(app).boxed_local() },
    Job { name: "seal the activity log", every: EVERY_FEW_SECONDS, run: |app| seal_activity::run(app).boxed_local() },
    Job {
        name: "erase personal data",
        every: EVERY_FEW_SECONDS,
        run: |app| erase_personal_data::run(app).boxed_local(),
    },
    Job { name: "move expired tokens", every: EVERY_FEW_SECONDS, run: |app| move_ended_tokens::run(app).boxed_local() },
    Job {
        name: "count the tokens of clients",
        every: EVERY_FEW_SECONDS,
        run: |app| count_clients::run(app).boxed_local(),
    },
    Job {
        name: "count the tokens of employees",
        every: EVERY_MINUTE,
        run: |app| count_employees::run(app).boxed_local(),
    },
    Job { name: "delete expired sessions", every: EVERY_MINUTE, run: |app| delete_short_lived::run(app).boxed_local() },
    Job {
        name: "notify of expiring API keys",
        every: EVERY_MINUTE,
        run: |app| notify_expiring_keys::run(app).boxed_local(),
    },
    Job { name: "send the digest", every: EVERY_MINUTE, run: |app| send_digest::run(app).boxed_local() },
    Job { name: "delete old history", every: EVERY_MINUTE, run: |app| delete_history::run(app).boxed_local() },
    Job {
        name: "delete expired tokens",
        every: EVERY_MINUTE,
        run: |app| delete_expired_tokens::run(app).boxed_local(),
    },
    Job {
        name: "record failed sign-ins",
        every: EVERY_MINUTE,
        run: |app| record_failed_sign_ins::run(app).boxed_local(),
    },
    Job { name: "update statistics", every: EVERY_HOUR, run: |app| update_statistics::run(app).boxed_local() },
];

/// Starts all jobs; they run until the server's runtime stops.
pub fn start(app: &Arc<State>) {
    for job in JOBS {
        supervise(app.clone(), *job);
    }
}

/// Runs every job once, to completion; for tests.
pub async fn run_once(app: &State) -> Result<()> {
    for job in JOBS {
        (job.run)(app).await?;
    }
    Ok(())
}
