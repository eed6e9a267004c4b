//! The values that are read when somebody asks: queues, pools, jobs, backlogs, and the parts of readiness.

use std::time::Duration;

use actix_web::web;

use crate::access::bulk_revocation::BulkRevocation;
use crate::activity::seal;
use crate::connections::Connection;
use crate::db::DbConnection;
use crate::error::Result;
use crate::metrics::Reading;
use crate::notices::OutboxMessage;
use crate::time::Timestamp;
use crate::tokens::EndedToken;
use crate::tokens::revocation::DeletionJob;
use crate::web::health::Readiness;
use crate::web::state::State;

// Counting a backlog stops here, so that it takes milliseconds at any size.
const MOST: i64 = 1_000;
const TIMEOUT: Duration = Duration::from_secs(2);

/// Reads everything. What cannot be read is left out.
pub async fn read(app: &web::Data<State>, readiness: &Readiness) -> Reading {
    let reading = Reading::default();
    let parts = readiness.check(app).await;
    let ready = parts.all().map(|(name, trouble)| (name, f64::from(u8::from(trouble.is_none()))));
    reading.values("ready", "Whether each part that a node needs is ready, as /readyz says.", "part", ready);
    let database = if app.db.queued_changes().is_some() { "sqlite" } else { "postgresql" };
    let build = [("version", env!("CARGO_PKG_VERSION")), ("database", database)];
    reading.info("build_info", "The version of the program, and its kind of database.", &build);
    if let Some(version) = &parts.schema_version {
        reading.info("schema_info", "The newest migration of the database.", &[("version", version)]);
    }
    process(&reading);
    pools(app, &reading);
    jobs(app, &reading);
    let now = app.clock.now();
    match app.db.with_timeout(TIMEOUT).lookup(move |conn| Backlogs::read(conn, now)).await {
        Ok(backlogs) => backlogs.add_to(&reading, now),
        Err(error) => log::warn!("metrics: the backlogs could not be read: {error}"),
    }
    reading
}

fn pools(app: &State, reading: &Reading) {
    let pools = app.db.pools();
    let most = pools.iter().map(|(name, most, _)| (*name, *most as f64));
    reading.values("database_pool_connections", "Database connections that a pool may have.", "pool", most);
    let used = pools.iter().map(|(name, _, used)| (*name, *used as f64));
    reading.values("database_pool_in_use", "Database connections that are in use.", "pool", used);
    if let Some(queued) = app.db.queued_changes() {
        reading.value("writer_queue_length", "Changes that wait for SQLite's writer.", queued as f64);
    }
    let open = app.connection_limits.open_now() as f64;
    reading.value("connections_open", "Open connections of callers.", open);
    reading.value("connections_limit", "Open connections that are allowed.", app.config.limits.connections as f64);
}

fn jobs(app: &State, reading: &Reading) {
    const FAILURES: &str = "How many runs of a background job in a row have failed.";
    const SUCCESS: &str = "When a background job last succeeded on this node, in Unix seconds.";
    const AGE: &str = "Seconds since a background job last succeeded on this node.";
    const RUNNING: &str = "Seconds that the current run of a background job has taken.";
    let (reports, now) = (app.job_health.reports(), app.clock.now());
    let of = |value: &dyn Fn(&crate::web::job_health::JobReport) -> Option<f64>| -> Vec<(&'static str, f64)> {
        reports.iter().filter_map(|(name, report)| Some((*name, value(report)?))).collect()
    };
    let seconds = |since: Option<Timestamp>| since.map(|since| now.since(since).max(0) as f64);
    reading.values("job_failures", FAILURES, "background_job", of(&|job| Some(f64::from(job.failures))));
    let succeeded = of(&|job| job.succeeded_at.map(|at| at.0 as f64));
    reading.values("job_last_success_timestamp_seconds", SUCCESS, "background_job", succeeded);
    reading.values("job_age_seconds", AGE, "background_job", of(&|job| seconds(job.succeeded_at)));
    let running = of(&|job| Some(seconds(job.running_since).unwrap_or(0.0)));
    reading.values("job_running_seconds", RUNNING, "background_job", running);
}

// What waits for a job.
struct Backlogs {
    of_jobs: Vec<(&'static str, usize)>,
    oldest_refresh: Option<Timestamp>,
    oldest_notice: Option<Timestamp>,
}

impl Backlogs {
    fn read(conn: &mut DbConnection, now: Timestamp) -> Result<Backlogs> {
        let (refreshes, oldest_refresh) = Connection::overdue(conn, now, MOST)?;
        let (notices, oldest_notice) = OutboxMessage::waiting(conn, MOST)?;
        let of_jobs = vec![
            ("refresh connections", refreshes),
            ("deliver notices", notices),
            ("delete revoked tokens", DeletionJob::waiting(conn)?),
            ("revoke in bulk", BulkRevocation::waiting(conn)?),
            ("seal the activity log", seal::waiting(conn, MOST)?),
            ("move expired tokens", EndedToken::waiting(conn, now, MOST)?),
        ];
        Ok(Backlogs { of_jobs, oldest_refresh, oldest_notice })
    }

    fn add_to(&self, reading: &Reading, now: Timestamp) {
        const BACKLOG: &str = "What waits for a background job, on all nodes together; counting stops at 1,000.";
        const REFRESH: &str = "Seconds since the connection that has waited longest for its refresh became due.";
        const NOTICE: &str = "Seconds since the oldest notice that is not delivered was created.";
        let age = |since: Option<Timestamp>| since.map_or(0.0, |since| now.since(since).max(0) as f64);
        let of_jobs = self.of_jobs.iter().map(|(job, waiting)| (*job, *waiting as f64));
        reading.values("job_backlog", BACKLOG, "background_job", of_jobs);
        reading.value("oldest_due_refresh_age_seconds", REFRESH, age(self.oldest_refresh));
        reading.value("outbox_oldest_age_seconds", NOTICE, age(self.oldest_notice));
    }
}

// Of the process, as Linux says.
fn process(reading: &Reading) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    if let Some(kilobytes) = kilobytes {
        let kilobytes: f64 = kilobytes;
        reading.value("process_resident_memory_bytes", "Memory of the process.", kilobytes * 1024.0);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        reading.value("process_open_fds", "Open files and sockets of the process.", open.count() as f64);
    }
}
