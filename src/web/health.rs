//! Health checks for load balancers and orchestrators. Anybody can read them, so they name no internals.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use diesel::prelude::*;
use futures_util::future::join;
use tokio::sync::Mutex;

use crate::db::{DbConnection, SchemaVersion};
use crate::error::{Error, Result};
use crate::schema::leases;
use crate::time::Timestamp;
use crate::web::state::State;

// Callers within this time share one write, so that strangers cannot cause an unlimited number of writes.
const VALID_FOR: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(3);

/// What a node must have to be ready.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    database: Option<&'static str>,
    writer: Option<&'static str>,
    schema: Option<&'static str>,
    /// The newest migration, if the database could be read.
    pub schema_version: Option<String>,
}

impl Parts {
    /// Each part, and what is wrong with it.
    pub fn all(&self) -> [(&'static str, Option<&'static str>); 3] {
        [("database", self.database), ("writer", self.writer), ("schema", self.schema)]
    }

    /// Whether nothing is wrong.
    pub fn are_ready(&self) -> bool {
        self.all().iter().all(|(_, trouble)| trouble.is_none())
    }

    // Both at the same time, so that the answer takes no longer than one of them.
    async fn check(app: &State) -> Parts {
        let db = app.db.with_timeout(TIMEOUT);
        let (read, written) = join(db.lookup(SchemaVersion::of), db.write(write)).await;
        for error in [read.as_ref().err(), written.as_ref().err()].into_iter().flatten() {
            log::warn!("not ready: {error}");
        }
        let schema = read.as_ref().ok().filter(|schema| schema.is_older());
        Parts {
            database: read.as_ref().err().map(trouble),
            writer: written.as_ref().err().map(trouble),
            schema: schema.map(|_| "older than this program"),
            schema_version: read.ok().and_then(|schema| schema.newest),
        }
    }
}

// For `/readyz`, which anybody can read: without the words of the database, which may name files, hosts and statements.
fn trouble(error: &Error) -> &'static str {
    const KNOWN: [(&str, &str); 6] = [
        ("disk is full", "the disk is full"),
        ("No space left", "the disk is full"),
        ("readonly database", "the database is read-only"),
        ("read-only", "the database is read-only"),
        ("database is locked", "the database is locked"),
        ("disk I/O error", "the disk has errors"),
    ];
    let cause = error.to_string();
    let known = KNOWN.iter().find(|(sign, _)| cause.contains(sign)).map(|(_, words)| *words);
    match error {
        Error::Database(_) => known.unwrap_or("a query failed"),
        Error::Unavailable(why) => why,
        _ => "an internal error",
    }
}

/// The last result of the readiness check, and when it came.
#[derive(Default)]
pub struct Readiness(Arc<Mutex<Option<(Instant, Parts)>>>);

impl Readiness {
    /// Checks every part, at most once a second. In a task of its own, which also ends if the caller disconnects: otherwise
    /// a caller could start unlimited writes.
    pub async fn check(&self, app: &web::Data<State>) -> Parts {
        let (last, app) = (self.0.clone(), app.clone());
        let check = actix_web::rt::spawn(async move {
            let mut last = last.lock().await;
            if let Some((at, parts)) = &*last
                && at.elapsed() < VALID_FOR
            {
                return parts.clone();
            }
            let parts = Parts::check(&app).await;
            *last = Some((Instant::now(), parts.clone()));
            parts
        });
        check.await.unwrap_or(Parts { writer: Some("an internal error"), ..Parts::default() })
    }
}

// Changes one row, so that a dead writer, a full disk or a read-only database is noticed. The number grows, because
// SQLite does not write a row that stays the same.
fn write(conn: &mut DbConnection) -> Result<()> {
    const NAME: &str = "readyz";
    let next = leases::table.find(NAME);
    if diesel::update(next).set(leases::expires_at.eq(leases::expires_at + 1)).execute(conn)? == 0 {
        let row = (leases::name.eq(NAME), leases::holder.eq(""), leases::expires_at.eq(Timestamp(0)));
        crate::db::on_each!(conn, |inner| {
            diesel::insert_into(leases::table).values(row).on_conflict_do_nothing().execute(inner)
        })?;
    }
    Ok(())
}

/// `GET /healthz`: the process is running.
pub async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// `GET /readyz`: 200 if the database can be read and accepts changes, and its schema has every migration of this program;
/// otherwise 503, with a line for each part. The answer has a line for each background job that fails or has been running for
/// long. Such a job does not make it 503, because other nodes may have the same problem.
pub async fn readyz(app: web::Data<State>, readiness: web::Data<Readiness>) -> HttpResponse {
    let parts = readiness.check(&app).await;
    let (mut response, mut body) = match parts.are_ready() {
        true => (HttpResponse::Ok(), String::from("ready\n")),
        false => (HttpResponse::ServiceUnavailable(), String::from("not ready\n")),
    };
    // Writing to a String cannot fail.
    for (name, trouble) in parts.all().into_iter().filter(|_| !parts.are_ready()) {
        let _ = writeln!(body, "{name}: {}", trouble.unwrap_or("ok"));
    }
    for (name, report) in app.job_health.reports() {
        if let Some(trouble) = report.trouble(app.clock.now()) {
            let _ = writeln!(body, "job \"{name}\": {trouble}");
        }
    }
    response.content_type("text/plain").body(body)
}
